use stream_runtime::prelude::*;
use ui_tests::{Delivery, Repeated, Sale};

stream_query! {
    query Sales(deliveries: Delivery) -> Sale {
        from d in deliveries watermark(d.sent, minutes(1));
        process by d.carrier with Repeated { within: hours(1) };
        output append;
    }
}

fn main() {}
