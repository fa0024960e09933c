use stream_runtime::prelude::*;
use ui_tests::{Order, Sale};

#[derive(Schema)]
struct Delivery {
    weight: f64,
    carrier: String,
    sent: Timestamp,
}

stream_query! {
    query Sales(orders: Order, deliveries: Delivery) -> Sale {
        from o in orders watermark(o.ordered, hours(2));
        join d in deliveries watermark(d.sent, hours(3)) on d.weight == o.amount
            within d.sent in o.ordered ..= o.ordered + hours(24);
        select Sale { order: o.id, product: d.carrier };
        output append;
    }
}

fn main() {}
