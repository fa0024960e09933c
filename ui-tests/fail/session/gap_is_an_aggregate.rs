use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

stream_query! {
    query Pages(clicks: Click) -> PageStat {
        from click in clicks watermark(click.timestamp, minutes(10));
        group by session(click.timestamp, max(click.amount)), click.page;
        select PageStat { page: click.page, views: count() };
        output append;
    }
}

fn main() {}
