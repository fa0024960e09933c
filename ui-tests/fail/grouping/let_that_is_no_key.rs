use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

stream_query! {
    query Pages(clicks: Click) -> PageStat {
        from click in clicks watermark(click.timestamp, minutes(10));
        let section = click.page.to_lowercase();
        group by window(click.timestamp, minutes(5)), click.page;
        select PageStat { page: section, views: count() };
        output append;
    }
}

fn main() {}
