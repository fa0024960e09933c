use stream_runtime::prelude::*;
use ui_tests::{Delivery, Order, Sale};

stream_query! {
    query Sales(orders: Order, deliveries: Delivery) -> Sale {
        from o in orders watermark(o.ordered, hours(2));
        join o in deliveries watermark(o.sent, hours(3)) on o.order_id == 7
            unbounded;
        select Sale { order: o.id, product: o.product };
        output append;
    }
}

fn main() {}
