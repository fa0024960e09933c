use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

stream_query! {
    query Pages(clicks: Click) -> PageStat {
        from click in clicks watermark(click.timestamp, minutes(10));
        dedup by click.user_id, click.timestamp;
        group by click.page unbounded;
        select PageStat { page: click.page, views: count() };
        output append;
    }
}

fn main() {}
