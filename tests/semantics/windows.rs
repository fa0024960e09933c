//! Windows: offsets, times before 1970, null event times, `having`, and expressions around aggregates.

use stream_runtime::prelude::*;
use stream_runtime::testing::TestQuery;

use super::{at, window};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Event {
    key: String,
    amount: f64,
    ts: Option<Timestamp>,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Total {
    window: Window,
    total: f64,
}

fn event(second: i64) -> Event {
    Event { key: "k".to_owned(), amount: 1.0, ts: Some(at(second)) }
}

fn total(start: i64, end: i64, total: f64) -> Total {
    Total { window: window(start, end), total }
}

macro_rules! windows {
    ($name:ident, [$($window:tt)*], $mode:ident) => {
        stream_query! {
            query $name(events: Event) -> Total {
                from e in events watermark(e.ts, seconds(0));
                group by window(e.ts, $($window)*) as w;
                select Total { window: w, total: sum(e.amount) };
                output $mode;
            }
        }
    };
}

windows!(Offset, [seconds(10), start = seconds(3)], append);
windows!(NegativeOffset, [seconds(10), start = seconds(-3)], append);
windows!(TwelveByFive, [seconds(12), slide = seconds(5)], complete);
windows!(TenUpdate, [seconds(10)], update);
windows!(TenComplete, [seconds(10)], complete);

macro_rules! open {
    ($query:ident) => {
        TestQuery::open(|source, sink| $query::query().events(source).to(sink)).await.expect("it opens")
    };
}

#[tokio::test]
async fn windows_with_an_offset_start_at_multiples_of_the_width_plus_the_offset() {
    let mut test = open!(Offset);
    test.add([2, 3, 12, 13, 100].map(event));
    // [-7, 3) isn't late: its end is past the epoch.
    test.expect([total(-7, 3, 1.0), total(3, 13, 2.0), total(13, 23, 1.0)]).await;

    let mut test = open!(NegativeOffset);
    test.add([2, 6, 7, 100].map(event));
    test.expect([total(-3, 7, 2.0), total(7, 17, 1.0)]).await;
}

/// docs/semantics.md 6.7.
#[tokio::test]
async fn a_slide_that_does_not_divide_the_width_gives_the_windows_that_hold_the_event() {
    let mut test = open!(TwelveByFive);
    test.add([event(0)]);
    test.expect([total(-10, 2, 1.0), total(-5, 7, 1.0), total(0, 12, 1.0)]).await;
    let mut test = open!(TwelveByFive);
    test.add([event(4)]);
    test.expect([total(-5, 7, 1.0), total(0, 12, 1.0)]).await;
}

/// docs/semantics.md 1.8: the late watermark is 0 from the first batch on.
#[tokio::test]
async fn a_window_that_ends_before_1970_is_late_from_the_first_batch_on() {
    let mut test = open!(TenUpdate);
    test.add([-1, -11, -10].map(event));
    test.expect([]).await;
    let operator = &test.progress()[0].state_operators[0];
    assert_eq!(operator.num_rows_dropped_by_watermark, 2, "[-20, -10) and [-10, 0)");
    assert_eq!(operator.custom_metrics["lateInputRows"], 3);
    assert_eq!(operator.custom_metrics["maxLatenessMs"], 11_000);

    let mut test = open!(TenComplete);
    test.add([-1, -10, -11].map(event));
    test.expect([total(-20, -10, 1.0), total(-10, 0, 2.0)]).await;
}

/// docs/semantics.md 6.5.
#[tokio::test]
async fn a_row_with_a_null_event_time_is_in_no_window_and_not_late() {
    let mut test = open!(TenUpdate);
    let null = Event { ts: None, ..event(0) };
    test.add([null.clone(), event(25), null.clone()]);
    test.expect([total(20, 30, 1.0)]).await;
    test.add([null]);
    test.expect([]).await;
    for batch in test.progress() {
        let operator = &batch.state_operators[0];
        assert_eq!(operator.num_rows_dropped_by_watermark, 0);
        assert_eq!(operator.custom_metrics["lateInputRows"], 0);
    }
    // And it neither moves nor skews what the watermark saw.
    let seen = &test.progress()[0].event_time;
    assert_eq!((seen.min, seen.avg, seen.max), (Some(at(25)), Some(at(25)), Some(at(25))));
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Summary {
    window: Window,
    key: String,
    mean: f64,
    spread: f64,
}

stream_query! {
    query Summaries(events: Event) -> Summary {
        from e in events watermark(e.ts, seconds(0));
        let cents = e.amount * 100.0;
        group by window(e.ts, seconds(10)) as w, e.key;
        select Summary {
            window: w, key: e.key, mean: sum(cents) / count() as f64 / 100.0, spread: max(e.amount) - min(e.amount),
        };
        having count() > 1 && key != "hidden" && mean < 10.0 && w.end != Timestamp::from_secs(20);
        output append;
    }
}

#[tokio::test]
async fn having_sees_aggregates_keys_and_result_columns_and_hidden_groups_still_leave_the_state() {
    let mut test = open!(Summaries);
    let row = |key: &str, amount, second| Event { key: key.to_owned(), amount, ts: Some(at(second)) };
    test.add([
        row("seen", 1.0, 0),
        row("seen", 4.0, 1),
        row("once", 1.0, 0),
        row("hidden", 1.0, 0),
        row("hidden", 1.0, 0),
        row("dear", 10.0, 0),
        row("dear", 10.0, 0),
        row("seen", 1.0, 10),
        row("seen", 1.0, 11),
        row("seen", 1.0, 100),
    ]);
    test.expect([Summary { window: window(0, 10), key: "seen".to_owned(), mean: 2.5, spread: 3.0 }]).await;
    let operator = &test.progress()[1].state_operators[0];
    assert_eq!((operator.num_rows_removed, operator.num_rows_total), (5, 1));
}

stream_query! {
    query OtherTime(events: Event) -> Total {
        from e in events watermark(e.ts, seconds(0));
        let shifted = e.ts.map(|ts| ts + hours(1));
        group by window(shifted, seconds(10)) as w unbounded;
        select Total { window: w, total: sum(e.amount) };
        output update;
    }
}

/// The watermark speaks of the event-time column alone.
#[tokio::test]
async fn windows_over_another_time_are_closed_by_no_watermark() {
    let mut test = open!(OtherTime);
    test.add([event(1), event(1_000_000)]);
    test.expect([total(3_600, 3_610, 1.0), total(1_003_600, 1_003_610, 1.0)]).await;
    test.add([event(2)]);
    test.expect([total(3_600, 3_610, 2.0)]).await;
    assert_eq!(test.progress().last().expect("batches ran").state_operators[0].num_rows_total, 2);
}
