use stream_runtime::prelude::*;
use ui_tests::{Delivery, Repeated, Sale};

stream_query! {
    query Sent(deliveries: Delivery) -> Delivery {
        from d in deliveries;
        where d.carrier != "none";
        select d;
        output append;
    }
}

stream_query! {
    query Sales() -> Sale {
        from sent in query Sent;
        process by sent.carrier with Repeated { within: hours(1) };
        output append;
    }
}

fn main() {}
