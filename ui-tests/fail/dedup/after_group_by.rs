use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

stream_query! {
    query Pages(clicks: Click) -> PageStat {
        from click in clicks watermark(click.timestamp, minutes(10));
        group by click.page unbounded;
        dedup by click.page unbounded;
        select PageStat { page: click.page, views: count() };
        output update;
    }
}

fn main() {}
