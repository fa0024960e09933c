use stream_runtime::prelude::*;
use ui_tests::{Order, Sale};

stream_query! {
    query Sales(orders: Order) -> Sale {
        from o in orders watermark(o.ordered, hours(1)) late into late_orders;
        group by window(o.ordered, hours(1)), o.id, o.product;
        select Sale { order: o.id, product: o.product };
        output complete;
    }
}

fn main() {}
