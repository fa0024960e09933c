use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

stream_query! {
    query Pages(clicks: Click) -> PageStat {
        from click in clicks;
        group by session(click.timestamp, minutes(30)), click.page;
        select PageStat { page: click.page, views: count() };
        output append;
    }
}

fn main() {}
