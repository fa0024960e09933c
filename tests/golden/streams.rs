//! Aggregations, dedup and sessions of one stream.

use stream_runtime::prelude::*;

use crate::{Row, golden};

#[derive(Schema)]
struct Event {
    user_id: String,
    action: String,
    amount: f64,
    ts: Timestamp,
}

#[derive(Schema)]
struct ByAction {
    window: Window,
    action: String,
    n: u64,
    total: f64,
    mean: f64,
}

#[derive(Schema)]
struct ByUser {
    window: Window,
    user_id: String,
    n: u64,
    total: f64,
}

macro_rules! w1 {
    ($name:ident, $mode:ident) => {
        stream_query! {
            query $name(events: Event) -> ByAction {
                from e in events watermark(e.ts, minutes(5));
                group by window(e.ts, minutes(10)) as w, e.action;
                select ByAction {
                    window: w, action: e.action, n: count(), total: sum(e.amount), mean: avg(e.amount),
                };
                output $mode;
            }
        }
    };
}

w1!(W1Append, append);
w1!(W1Update, update);
w1!(W1Complete, complete);

macro_rules! w2 {
    ($name:ident, $mode:ident) => {
        stream_query! {
            query $name(events: Event) -> ByUser {
                from e in events watermark(e.ts, minutes(5));
                group by window(e.ts, minutes(10), slide = minutes(5)) as w, e.user_id;
                select ByUser { window: w, user_id: e.user_id, n: count(), total: sum(e.amount) };
                output $mode;
            }
        }
    };
}

w2!(W2Append, append);
w2!(W2Update, update);

#[derive(Schema)]
struct EventId {
    event_id: i64,
    ts: Timestamp,
}

#[derive(Schema)]
struct UserSession {
    window: Window,
    user_id: String,
    n: u64,
}

stream_query! {
    query W5(events: EventId) -> EventId {
        from e in events watermark(e.ts, minutes(10));
        dedup by e.event_id, e.ts;
        select e;
        output append;
    }
}

stream_query! {
    query W5Within(events: EventId) -> EventId {
        from e in events watermark(e.ts, minutes(10));
        dedup by e.event_id within watermark;
        select e;
        output append;
    }
}

stream_query! {
    query W6(events: Event) -> UserSession {
        from e in events watermark(e.ts, minutes(5));
        group by session(e.ts, minutes(1)) as w, e.user_id;
        select UserSession { window: w, user_id: e.user_id, n: count() };
        output append;
    }
}

impl From<&ByAction> for Row {
    fn from(row: &ByAction) -> Self {
        let columns =
            [row.window.start.to_string(), row.window.end.to_string(), row.action.clone(), row.n.to_string()];
        (columns.to_vec(), vec![row.total, row.mean])
    }
}

impl From<&ByUser> for Row {
    fn from(row: &ByUser) -> Self {
        let columns = [
            row.window.start.to_string(),
            row.window.end.to_string(),
            row.user_id.clone(),
            row.n.to_string(),
        ];
        (columns.to_vec(), vec![row.total])
    }
}

impl From<&EventId> for Row {
    fn from(row: &EventId) -> Self {
        (vec![row.event_id.to_string(), row.ts.to_string()], Vec::new())
    }
}

impl From<&UserSession> for Row {
    fn from(row: &UserSession) -> Self {
        let columns = [
            row.window.start.to_string(),
            row.window.end.to_string(),
            row.user_id.clone(),
            row.n.to_string(),
        ];
        (columns.to_vec(), Vec::new())
    }
}

golden! {
    tumbling_append_matches_spark: "small" "w1.append" 2 W1Append (events);
    tumbling_update_matches_spark: "small" "w1.update" 2 W1Update (events);
    tumbling_complete_matches_spark: "small" "w1.complete" 2 W1Complete (events);
    sliding_append_matches_spark: "small" "w2.append" 1 W2Append (events);
    sliding_update_matches_spark: "small" "w2.update" 1 W2Update (events);
    tumbling_append_with_late_rows_matches_spark: "small20" "w1.append" 2 W1Append (events);
    tumbling_update_with_late_rows_matches_spark: "small20" "w1.update" 2 W1Update (events);
    sliding_append_with_late_rows_matches_spark: "small20" "w2.append" 1 W2Append (events);
    dedup_by_event_time_matches_spark: "small" "w5.append" 0 W5 (events);
    dedup_by_event_time_with_late_rows_matches_spark: "small20" "w5.append" 0 W5 (events);
    dedup_within_watermark_matches_spark: "small" "w5within.append" 0 W5Within (events);
    dedup_within_watermark_with_late_rows_matches_spark: "small20" "w5within.append" 0 W5Within (events);
    sessions_match_spark: "small" "w6.append" 0 W6 (events);
    sessions_with_late_rows_match_spark: "small20" "w6.append" 0 W6 (events);
}
