use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

stream_query! {
    query Pages(clicks: Click) -> PageStat {
        from order in orders watermark(order.timestamp, minutes(10));
        group by window(order.timestamp, minutes(5)), order.page;
        select PageStat { page: order.page, views: count() };
        output append;
    }
}

fn main() {}
