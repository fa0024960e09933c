use stream_runtime::prelude::*;
use ui_tests::{Delivery, Order, Sale};

stream_query! {
    query Sales(orders: Order, deliveries: Delivery) -> Sale {
        from o in orders;
        join d in deliveries on d.order_id == o.id unbounded;
        process by o.id with Rule;
        output append;
    }
}

fn main() {}
