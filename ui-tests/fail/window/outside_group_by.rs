use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

stream_query! {
    query Pages(clicks: Click) -> PageStat {
        from click in clicks watermark(click.timestamp, minutes(10));
        let w = window(click.timestamp, minutes(5));
        group by w, click.page;
        select PageStat { page: click.page, views: count() };
        output update;
    }
}

fn main() {}
