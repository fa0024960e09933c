use stream_runtime::prelude::*;
use ui_tests::{Delivery, Order, Sale};

const EARLIEST: Duration = minutes(1);
const LATEST: Duration = hours(24);

stream_query! {
    query Sales(orders: Order, deliveries: Delivery) -> Sale {
        from o in orders watermark(o.ordered, hours(2));
        join d in deliveries watermark(d.sent, hours(3)) on d.order_id == o.id
            within d.sent in o.ordered + LATEST ..= o.ordered + EARLIEST;
        select Sale { order: o.id, product: d.carrier };
        output append;
    }
}

fn main() {}
