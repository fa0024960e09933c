use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

const WIDTH: Duration = minutes(5);
const SLIDE: Duration = minutes(6);

stream_query! {
    query Pages(clicks: Click) -> PageStat {
        from click in clicks watermark(click.timestamp, minutes(10));
        group by window(click.timestamp, WIDTH, slide = SLIDE), click.page;
        select PageStat { page: click.page, views: count() };
        output append;
    }
}

fn main() {}
