use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

stream_query! {
    query Pages(clicks: Click) -> PageStat {
        from click in clicks watermark(click.timestamp, minutes(10));
        dedup by click.user_id as user, click.timestamp;
        select PageStat { page: click.page, views: 1 };
        output append;
    }
}

fn main() {}
