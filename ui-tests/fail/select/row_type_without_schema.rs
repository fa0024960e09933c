use stream_runtime::prelude::*;
use ui_tests::{PageStat};

struct Plain {
    views: u64,
}

stream_query! {
    query Plains(plains: Plain) -> PageStat {
        from plain in plains;
        select PageStat { page: String::new(), views: plain.views };
        output append;
    }
}

fn main() {}
