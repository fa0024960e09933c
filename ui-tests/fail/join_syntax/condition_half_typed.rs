use stream_runtime::prelude::*;
use ui_tests::{Delivery, Order, Sale};

stream_query! {
    query Sales(orders: Order, deliveries: Delivery) -> Sale {
        from o in orders watermark(o.ordered, hours(2));
        join d in deliveries on d.;
        select Sale { order: o.id, product: o.product };
        output append;
    }
}

fn main() {}
