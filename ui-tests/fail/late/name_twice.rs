use stream_runtime::prelude::*;
use ui_tests::{Delivery, Order, Sale};

stream_query! {
    query Sales(orders: Order, deliveries: Delivery) -> Sale {
        from o in orders watermark(o.ordered, hours(1)) late into late;
        join d in deliveries watermark(d.sent, hours(1)) late into late on d.sent == o.ordered;
        select Sale { order: o.id, product: o.product };
        output append;
    }
}

fn main() {}
