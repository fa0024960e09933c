use stream_runtime::prelude::*;
use ui_tests::{PageStat, Shipment};

stream_query! {
    query Shipped(shipments: Shipment) -> PageStat {
        from shipment in shipments watermark(shipment.sent, minutes(10));
        group by session(shipment.received, minutes(30)), shipment.sent;
        select PageStat { page: String::new(), views: count() };
        output append;
    }
}

fn main() {}
