use stream_runtime::prelude::*;
use ui_tests::{Order, Repeated, Sale};

stream_query! {
    query Sales(orders: Order) -> Sale {
        from o in orders watermark(o.ordered, minutes(1));
        process by o.id with Repeated { within: hours(1) };
        output append;
    }
}

fn main() {}
