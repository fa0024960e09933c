//! The cases as queries.

use stream_runtime::prelude::*;

use super::input::Event;

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
