use stream_runtime::prelude::*;
use ui_tests::{PageStat, Shipment};

stream_query! {
    query Shipped(shipments: Shipment) -> PageStat {
        from shipment in shipments watermark(shipment.sent, minutes(10));
        group by window(shipment.received, minutes(5));
        select PageStat { page: String::new(), views: count() };
        output append;
    }
}

fn main() {}
