//! The queries that are killed.

use stream_runtime::prelude::*;

#[derive(Schema)]
pub(crate) struct Event {
    user_id: String,
    action: String,
    amount: f64,
    event_id: i64,
    ts: Timestamp,
}

#[derive(Schema)]
pub(crate) struct ByAction {
    window: Window,
    action: String,
    n: u64,
    total: f64,
}

stream_query! {
    pub(crate) query Totals(events: Event) -> ByAction {
        from e in events watermark(e.ts, minutes(1));
        group by window(e.ts, minutes(2)) as w, e.action;
        select ByAction { window: w, action: e.action, n: count(), total: sum(e.amount) };
        output append;
    }
}

#[derive(Schema)]
pub(crate) struct Id {
    event_id: i64,
    ts: Timestamp,
}

stream_query! {
    pub(crate) query Distinct(events: Event) -> Id {
        from e in events watermark(e.ts, minutes(5));
        dedup by e.event_id, e.ts;
        select Id { event_id: e.event_id, ts: e.ts };
        output append;
    }
}

#[derive(Schema)]
pub(crate) struct Visit {
    window: Window,
    user_id: String,
    n: u64,
    latest: i64,
}

stream_query! {
    pub(crate) query Visits(events: Event) -> Visit {
        from e in events watermark(e.ts, minutes(1));
        group by session(e.ts, minutes(3)) as w, e.user_id;
        select Visit { window: w, user_id: e.user_id, n: count(), latest: max(e.event_id) };
        output append;
    }
}

#[derive(Schema)]
pub(crate) struct Order {
    order_id: String,
    amount: f64,
    ts: Timestamp,
}

#[derive(Schema)]
pub(crate) struct Shipment {
    order_id: String,
    carrier: String,
    ts: Timestamp,
}

#[derive(Schema)]
pub(crate) struct Shipped {
    order_id: String,
    ts: Timestamp,
    carrier: Option<String>,
}

stream_query! {
    pub(crate) query Shipping(orders: Order, shipments: Shipment) -> Shipped {
        from o in orders watermark(o.ts, hours(1));
        left join s in shipments watermark(s.ts, hours(1)) on s.order_id == o.order_id
            within s.ts in o.ts ..= o.ts + hours(2);
        select Shipped { order_id: o.order_id, ts: o.ts, carrier: s.map(|s| s.carrier.to_owned()) };
        output append;
    }
}

#[derive(Schema)]
pub(crate) struct Unshipped {
    window: Window,
    orders: u64,
}

stream_query! {
    pub(crate) query UnshippedByHour() -> Unshipped {
        from s in query Shipping;
        where s.carrier.is_none();
        group by window(s.ts, hours(1)) as w;
        select Unshipped { window: w, orders: count() };
        output append;
    }
}

#[derive(Schema)]
pub(crate) struct View {
    page: String,
    ts: Timestamp,
}

#[derive(Schema)]
pub(crate) struct Ad {
    page: String,
    campaign: String,
}

#[derive(Schema)]
pub(crate) struct ByCampaign {
    window: Window,
    campaign: String,
    n: u64,
}

stream_query! {
    pub(crate) query Campaigns(events: View, ads: static Ad) -> ByCampaign {
        from e in events watermark(e.ts, minutes(1));
        join ad in ads on ad.page == e.page;
        group by window(e.ts, minutes(2)) as w, ad.campaign;
        select ByCampaign { window: w, campaign: ad.campaign, n: count() };
        output append;
    }
}
