use stream_runtime::prelude::*;
use ui_tests::{Delivery, Order, Sale};

stream_query! {
    query Sales(orders: Order, deliveries: Delivery) -> Sale {
        from o in orders watermark(o.ordered, hours(2));
        join d in deliveries wathermark(d.sent, hours(3)) on d.order_id == o.id;
        select Sale { order: o.id, product: o.product };
        output append;
    }
}

fn main() {}
