use stream_runtime::prelude::*;
use ui_tests::{Order, Sale};

stream_query! {
    query Sales(orders: Order) -> Sale {
        from o in orders watermark(o.ordered, hours(1)) late into orders;
        dedup by o.id unbounded;
        select Sale { order: o.id, product: o.product };
        output append;
    }
}

fn main() {}
