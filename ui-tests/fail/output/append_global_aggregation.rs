use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

stream_query! {
    query Pages(clicks: Click) -> PageStat {
        from click in clicks watermark(click.timestamp, minutes(10));
        select PageStat { page: String::from("all"), views: count() };
        output append;
    }
}

fn main() {}
