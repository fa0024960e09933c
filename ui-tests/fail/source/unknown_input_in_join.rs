use stream_runtime::prelude::*;
use ui_tests::{Delivery, Order, Sale};

stream_query! {
    query Sales(orders: Order, deliveries: Delivery) -> Sale {
        from o in orders;
        join d in delivery on d.order_id == o.id unbounded;
        select Sale { order: o.id, product: o.product };
        output append;
    }
}

fn main() {}
