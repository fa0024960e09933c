use stream_runtime::prelude::*;
use ui_tests::{Shipment, PageStat};

stream_query! {
    query Arrivals(shipments: Shipment) -> Shipment {
        from s in shipments watermark(s.sent, hours(2));
        select Shipment { sent: s.sent, received: s.received };
        output append;
    }
}

stream_query! {
    query Hours() -> PageStat {
        from a in query Arrivals;
        group by window(a.received, hours(1));
        select PageStat { page: String::new(), views: count() };
        output append;
    }
}

fn main() {}
