use stream_runtime::prelude::*;
use ui_tests::{Order, PageStat, Repeated};

stream_query! {
    query Sales(orders: Order) -> PageStat {
        from o in orders watermark(o.ordered, minutes(1));
        dedup by o.id, o.ordered;
        process by o.product with Repeated { within: hours(1) };
        output append;
    }
}

fn main() {}
