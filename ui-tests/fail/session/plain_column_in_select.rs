use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

stream_query! {
    query Pages(clicks: Click) -> PageStat {
        from click in clicks watermark(click.timestamp, minutes(10));
        group by session(click.timestamp, minutes(30)), click.page;
        select PageStat { page: click.user_id, views: count() };
        output append;
    }
}

fn main() {}
