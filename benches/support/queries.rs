//! The cases as queries.

use stream_runtime::prelude::*;

use super::input::{Ad, Event, Order, Shipment};

#[derive(Schema)]
pub(crate) struct ByAction {
    pub window: Window,
    pub action: String,
    pub n: u64,
    pub total: f64,
    pub mean: f64,
}

#[derive(Schema)]
pub(crate) struct ByUser {
    pub window: Window,
    pub user_id: String,
    pub n: u64,
    pub total: f64,
}

#[derive(Schema)]
pub(crate) struct Id {
    pub event_id: i64,
    pub ts: Timestamp,
}

#[derive(Schema)]
pub(crate) struct UserSession {
    pub window: Window,
    pub user_id: String,
    pub n: u64,
}

#[derive(Schema)]
pub(crate) struct ByCampaign {
    pub window: Window,
    pub campaign: String,
    pub n: u64,
}

#[derive(Schema)]
pub(crate) struct Shipped {
    pub order_id: String,
    pub amount: f64,
    pub ordered: Timestamp,
    pub carrier: Option<String>,
    pub shipped: Option<Timestamp>,
}

stream_query! {
    /// Tumbling windows over few keys.
    pub query W1(events: Event) -> ByAction {
        from e in events watermark(e.ts, minutes(5));
        group by window(e.ts, minutes(10)) as w, e.action;
        select ByAction { window: w, action: e.action, n: count(), total: sum(e.amount), mean: avg(e.amount) };
        output append;
    }
}

stream_query! {
    /// Sliding windows over many keys.
    pub query W2(events: Event) -> ByUser {
        from e in events watermark(e.ts, minutes(5));
        group by window(e.ts, minutes(10), slide = minutes(5)) as w, e.user_id;
        select ByUser { window: w, user_id: e.user_id, n: count(), total: sum(e.amount) };
        output append;
    }
}

stream_query! {
    /// Short windows over what a table says of each row.
    pub query W3(events: Event, ads: static Ad) -> ByCampaign {
        from e in events watermark(e.ts, minutes(5));
        where e.action == "view";
        join ad in ads on ad.page == e.page;
        group by window(e.ts, seconds(10)) as w, ad.campaign;
        select ByCampaign { window: w, campaign: ad.campaign, n: count() };
        output append;
    }
}

stream_query! {
    /// Orders with their shipments.
    pub query W4(orders: Order, shipments: Shipment) -> Shipped {
        from o in orders watermark(o.ts, hours(2));
        join s in shipments watermark(s.ts, hours(3)) on s.order_id == o.order_id
            within s.ts in o.ts ..= o.ts + hours(24);
        select Shipped {
            order_id: o.order_id,
            amount: o.amount,
            ordered: o.ts,
            carrier: Some(s.carrier.to_owned()),
            shipped: Some(s.ts),
        };
        output append;
    }
}

stream_query! {
    /// Orders with their shipments, and those without.
    pub query W4Outer(orders: Order, shipments: Shipment) -> Shipped {
        from o in orders watermark(o.ts, hours(2));
        left join s in shipments watermark(s.ts, hours(3)) on s.order_id == o.order_id
            within s.ts in o.ts ..= o.ts + hours(24);
        select Shipped {
            order_id: o.order_id,
            amount: o.amount,
            ordered: o.ts,
            carrier: s.map(|s| s.carrier.to_owned()),
            shipped: s.map(|s| s.ts),
        };
        output append;
    }
}

stream_query! {
    /// Deduplication by a key that holds the event time.
    pub query W5(events: Event) -> Id {
        from e in events watermark(e.ts, minutes(10));
        dedup by e.event_id, e.ts;
        select Id { event_id: e.event_id, ts: e.ts };
        output append;
    }
}

stream_query! {
    /// Sessions of many keys.
    pub query W6(events: Event) -> UserSession {
        from e in events watermark(e.ts, minutes(5));
        group by session(e.ts, minutes(1)) as w, e.user_id;
        select UserSession { window: w, user_id: e.user_id, n: count() };
        output append;
    }
}
