use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

stream_query! {
    query Pages(clicks: Click) -> PageStat {
        from click in clicks;
        select PageStat { page: click.page, views: 1 };
        having views > 0;
        output append;
    }
}

fn main() {}
