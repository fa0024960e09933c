use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat, Total};

stream_query! {
    query Pages(clicks: Click) -> PageStat {
        from click in clicks;
        select Total { total: click.amount };
        output append;
    }
}

fn main() {}
