//! The queries whose results are landed: w1 and w3 of the golden data.

use stream_runtime::prelude::*;

#[derive(Schema)]
pub(crate) struct Event {
    pub(crate) page: String,
    pub(crate) action: String,
    pub(crate) amount: f64,
    pub(crate) ts: Timestamp,
}

#[derive(Schema)]
pub(crate) struct Ad {
    pub(crate) page: String,
    pub(crate) campaign: String,
}

#[derive(Schema)]
pub(crate) struct ByAction {
    pub(crate) window: Window,
    pub(crate) action: String,
    pub(crate) n: u64,
    pub(crate) total: f64,
    pub(crate) mean: f64,
}

stream_query! {
    pub(crate) query W1(events: Event) -> ByAction {
        from e in events watermark(e.ts, minutes(5));
        group by window(e.ts, minutes(10)) as w, e.action;
        select ByAction { window: w, action: e.action, n: count(), total: sum(e.amount), mean: avg(e.amount) };
        output append;
    }
}

#[derive(Schema)]
pub(crate) struct ByCampaign {
    pub(crate) window: Window,
    pub(crate) campaign: String,
    pub(crate) n: u64,
}

stream_query! {
    pub(crate) query W3(events: Event, ads: static Ad) -> ByCampaign {
        from e in events watermark(e.ts, minutes(5));
        where e.action == "view";
        join ad in ads on ad.page == e.page;
        group by window(e.ts, seconds(10)) as w, ad.campaign;
        select ByCampaign { window: w, campaign: ad.campaign, n: count() };
        output append;
    }
}
