//! Joins of two streams, and of a stream with a table.

use stream_runtime::prelude::*;

use crate::{Row, golden};

#[derive(Schema)]
struct View {
    page: String,
    action: String,
    ts: Timestamp,
}

#[derive(Schema)]
struct Ad {
    page: String,
    campaign: String,
}

#[derive(Schema)]
struct ByCampaign {
    window: Window,
    campaign: String,
    n: u64,
}

#[derive(Schema)]
struct Order {
    order_id: String,
    amount: f64,
    ts: Timestamp,
}

#[derive(Schema)]
struct Shipment {
    order_id: String,
    carrier: String,
    ts: Timestamp,
}

#[derive(Schema)]
struct Shipped {
    order_id: String,
    amount: f64,
    order_ts: Timestamp,
    carrier: Option<String>,
    ship_ts: Option<Timestamp>,
}

macro_rules! w3 {
    ($name:ident, $mode:ident) => {
        stream_query! {
            query $name(events: View, ads: static Ad) -> ByCampaign {
                from e in events watermark(e.ts, minutes(5));
                where e.action == "view";
                join ad in ads on ad.page == e.page;
                group by window(e.ts, seconds(10)) as w, ad.campaign;
                select ByCampaign { window: w, campaign: ad.campaign, n: count() };
                output $mode;
            }
        }
    };
}

w3!(W3Append, append);
w3!(W3Update, update);

stream_query! {
    query W4(orders: Order, shipments: Shipment) -> Shipped {
        from o in orders watermark(o.ts, hours(2));
        join s in shipments watermark(s.ts, hours(3)) on s.order_id == o.order_id
            within s.ts in o.ts ..= o.ts + hours(24);
        select Shipped {
            order_id: o.order_id, amount: o.amount, order_ts: o.ts, carrier: s.carrier, ship_ts: s.ts,
        };
        output append;
    }
}

stream_query! {
    query W4Outer(orders: Order, shipments: Shipment) -> Shipped {
        from o in orders watermark(o.ts, hours(2));
        left join s in shipments watermark(s.ts, hours(3)) on s.order_id == o.order_id
            within s.ts in o.ts ..= o.ts + hours(24);
        select Shipped {
            order_id: o.order_id,
            amount: o.amount,
            order_ts: o.ts,
            carrier: s.map(|s| s.carrier.to_owned()),
            ship_ts: s.map(|s| s.ts),
        };
        output append;
    }
}

impl From<&ByCampaign> for Row {
    fn from(row: &ByCampaign) -> Self {
        let columns = [
            row.window.start.to_string(),
            row.window.end.to_string(),
            row.campaign.clone(),
            row.n.to_string(),
        ];
        (columns.to_vec(), Vec::new())
    }
}

impl From<&Shipped> for Row {
    fn from(row: &Shipped) -> Self {
        let columns = [
            row.order_id.clone(),
            format!("{:?}", row.amount),
            row.order_ts.to_string(),
            row.carrier.clone().unwrap_or_default(),
            row.ship_ts.map_or_else(String::new, |time| time.to_string()),
        ];
        (columns.to_vec(), Vec::new())
    }
}

golden! {
    static_join_append_matches_spark: "small" "w3.append" 0 W3Append (events, ads);
    static_join_update_matches_spark: "small" "w3.update" 0 W3Update (events, ads);
    static_join_append_with_late_rows_matches_spark: "small20" "w3.append" 0 W3Append (events, ads);
    inner_join_matches_spark: "small" "w4.append" 0 W4 (orders, shipments);
    inner_join_over_twenty_batches_matches_spark: "small20" "w4.append" 0 W4 (orders, shipments);
    left_join_matches_spark: "small" "w4outer.append" 0 W4Outer (orders, shipments);
    left_join_over_twenty_batches_matches_spark: "small20" "w4outer.append" 0 W4Outer (orders, shipments);
}
