use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

stream_query! {
    query Pages(clicks: Click) -> PageStat {
        from click in clicks watermark(click.timestamp, minutes(10));
        explode word in click.page.split('/');
        dedup by click.user_id, click.timestamp;
        select PageStat { page: word, views: 1 };
        output append;
    }
}

fn main() {}
