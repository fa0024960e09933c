use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

stream_query! {
    query Pages(clicks: Click) -> PageStat {
        select PageStat { page: String::new(), views: 1 };
        output append;
    }
}

fn main() {}
