//! Which row is late, and what is counted: docs/semantics.md §1 to §3. A watermark is always that of the batch before.

use std::sync::Arc;

use stream_runtime::engine::Progress;
use stream_runtime::prelude::*;
use stream_runtime::testing::TestQuery;

use super::{at, window};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Event {
    key: String,
    ts: Timestamp,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Count {
    window: Window,
    key: String,
    n: u64,
}

macro_rules! query {
    ($name:ident, $delay:expr, [$($window:tt)*], $mode:ident) => {
        stream_query! {
            query $name(events: Event) -> Count {
                from e in events watermark(e.ts, $delay);
                where e.key != "filtered";
                group by window(e.ts, $($window)*) as w, e.key;
                select Count { window: w, key: e.key, n: count() };
                output $mode;
            }
        }
    };
}

query!(Append, seconds(0), [seconds(10)], append);
query!(Update, seconds(0), [seconds(10)], update);
query!(Complete, seconds(0), [seconds(10)], complete);
query!(Delayed, seconds(5), [seconds(10)], append);
query!(Sliding, seconds(0), [seconds(10), slide = seconds(5)], update);

fn event(key: &str, second: i64) -> Event {
    Event { key: key.to_owned(), ts: at(second) }
}

fn a(second: i64) -> Event {
    event("a", second)
}

fn count(start: i64, end: i64, key: &str, n: u64) -> Count {
    Count { window: window(start, end), key: key.to_owned(), n }
}

macro_rules! open {
    ($query:ident, $workers:expr) => {
        TestQuery::open(|source, sink| $query::query().events(source).to(sink).workers($workers))
            .await
            .expect("it opens")
    };
}

/// Groups dropped, input rows dropped, and the largest lateness in ms, of each batch.
fn dropped(progress: &[Arc<Progress>]) -> Vec<(u64, i64, i64)> {
    let operators = progress.iter().map(|batch| &batch.state_operators[0]);
    operators
        .map(|operator| {
            let metrics = &operator.custom_metrics;
            (operator.num_rows_dropped_by_watermark, metrics["lateInputRows"], metrics["maxLatenessMs"])
        })
        .collect()
}

fn watermarks(progress: &[Arc<Progress>]) -> Vec<Option<Timestamp>> {
    progress.iter().map(|batch| batch.event_time.watermark).collect()
}

/// docs/semantics.md 2.4 and 13.5.
#[tokio::test]
async fn a_row_is_accepted_in_the_batch_that_evicts_its_window_and_late_one_batch_later() {
    for workers in [1, 2] {
        let mut test = open!(Append, workers);
        test.add([a(15)]).add([a(3)]).add([a(4)]);
        test.expect([count(0, 10, "a", 1)]).await;
        assert_eq!(watermarks(test.progress()), [Some(at(0)), Some(at(15)), Some(at(15))]);
        assert_eq!(dropped(test.progress()), [(0, 0, 0), (0, 0, 0), (1, 1, 11_000)]);
    }
}

#[tokio::test]
async fn a_restart_or_crash_in_between_does_not_make_a_row_late_earlier_or_later() {
    for step in stream_runtime::engine::Step::ALL {
        let mut test = open!(Append, 1);
        test.add([a(15)]).add([a(3)]).crash_at(step);
        test.expect([count(0, 10, "a", 1)]).await;
        test.restart().await.expect("it opens again");
        test.add([a(4)]).crash_at(step);
        test.expect([]).await;
        let last = test.progress().last().expect("batches ran");
        assert_eq!(
            last.state_operators[0].num_rows_total, 1,
            "[10, 20) is still open after a crash at {step:?}"
        );
    }
}

/// docs/semantics.md 3.1: `end ≤ watermark`, and the watermark is in whole milliseconds.
#[tokio::test]
async fn a_window_closes_at_the_very_millisecond_of_its_end() {
    let instant = |micros| Event { key: "z".to_owned(), ts: Timestamp::from_micros(micros) };

    let mut test = open!(Delayed, 1);
    test.add([a(1), instant(14_999_999)]);
    test.expect([]).await;
    test.add([a(2)]);
    test.expect([]).await;
    assert_eq!(watermarks(test.progress())[1], Some(Timestamp::from_millis(9_999)));
    assert_eq!(dropped(test.progress()).last(), Some(&(0, 0, 0)));

    let mut test = open!(Delayed, 1);
    test.add([a(1), instant(15_000_900)]);
    test.expect([count(0, 10, "a", 1)]).await;
    test.add([a(2)]);
    test.expect([]).await;
    assert_eq!(watermarks(test.progress())[1], Some(at(10)));
    assert_eq!(dropped(test.progress()).last(), Some(&(1, 1, 8_000)));
}

/// docs/semantics.md 3.3.
#[tokio::test]
async fn a_row_late_for_one_of_its_windows_is_kept_in_the_other() {
    let mut test = open!(Sliding, 1);
    test.add([event("z", 10)]);
    test.expect([count(5, 15, "z", 1), count(10, 20, "z", 1)]).await;
    test.add([a(7)]);
    test.expect([count(5, 15, "a", 1)]).await;
    assert_eq!(dropped(test.progress()).last(), Some(&(1, 1, 3_000)));
}

/// docs/semantics.md 3.3: five late rows of two keys are two groups.
#[tokio::test]
async fn late_rows_are_counted_as_groups_and_as_rows_with_the_largest_lateness() {
    for workers in [1, 2, 5] {
        let mut test = open!(Update, workers);
        test.add([event("z", 100)]);
        test.run().await.expect("it runs");
        test.add([
            event("a", 3),
            event("b", 2),
            event("a", 5),
            event("a", 9),
            event("b", 4),
            event("c", 100),
        ]);
        test.expect([count(100, 110, "z", 1), count(100, 110, "c", 1)]).await;
        assert_eq!(dropped(test.progress()).last(), Some(&(2, 5, 98_000)), "{workers} workers");
    }
}

/// A row may be behind the watermark: only a closed window makes it late.
#[tokio::test]
async fn a_row_behind_the_watermark_is_on_time_while_its_window_is_open() {
    let mut test = open!(Append, 1);
    test.add([a(18)]);
    test.run().await.expect("it runs");
    test.add([a(11), a(20)]);
    test.expect([count(10, 20, "a", 2)]).await;
    assert!(dropped(test.progress()).iter().all(|batch| *batch == (0, 0, 0)));
}

/// docs/semantics.md 3.3 and 4.3.
#[tokio::test]
async fn complete_mode_drops_and_evicts_nothing() {
    let mut test = open!(Complete, 2);
    test.add([a(1), a(1_000)]);
    test.expect([count(0, 10, "a", 1), count(1_000, 1_010, "a", 1)]).await;
    test.add([a(2), a(-5)]);
    test.expect([count(-10, 0, "a", 1), count(0, 10, "a", 2), count(1_000, 1_010, "a", 1)]).await;
    assert_eq!(dropped(test.progress()), [(0, 0, 0), (0, 0, 0)]);
    assert_eq!(watermarks(test.progress()), [Some(at(0)), Some(at(1_000))]);
}

/// docs/semantics.md 4.2: evicted groups come out only if the batch touched them.
#[tokio::test]
async fn update_mode_evicts_silently_and_emits_a_group_that_it_evicts_if_it_was_touched() {
    let mut test = open!(Update, 1);
    test.add([a(1), a(15)]).add([a(2)]);
    test.expect([count(0, 10, "a", 1), count(10, 20, "a", 1), count(0, 10, "a", 2)]).await;
    let operators: Vec<_> = test
        .progress()
        .iter()
        .map(|batch| &batch.state_operators[0])
        .map(|operator| (operator.num_rows_updated, operator.num_rows_removed, operator.num_rows_total))
        .collect();
    assert_eq!(operators, [(2, 0, 2), (1, 1, 1)]);
}

/// docs/semantics.md 1.3, "Ours": the watermark belongs to the input.
#[tokio::test]
async fn the_watermark_observes_rows_that_a_filter_drops() {
    for workers in [1, 3] {
        let mut test = open!(Append, workers);
        test.add([a(1), event("filtered", 50)]);
        test.expect([count(0, 10, "a", 1)]).await;
        let seen = test.progress()[0].event_time;
        assert_eq!((seen.min, seen.max), (Some(at(1)), Some(at(50))));
        assert_eq!(seen.avg, Some(Timestamp::from_millis(25_500)));
        assert_eq!(watermarks(test.progress()), [Some(at(0)), Some(at(50))]);
    }
}

/// docs/semantics.md 1.3 and 1.4.
#[tokio::test]
async fn the_watermark_observes_late_rows_and_never_falls() {
    let mut test = open!(Append, 1);
    test.add([a(100)]);
    test.run().await.expect("it runs");
    test.add([a(5)]);
    test.run().await.expect("it runs");
    test.add([a(6)]);
    test.run().await.expect("it runs");
    test.restart().await.expect("it opens again");
    test.add([a(99)]);
    test.run().await.expect("it runs");
    let progress = test.progress();
    assert_eq!(watermarks(progress), [0, 100, 100, 100, 100].map(|second| Some(at(second))));
    assert_eq!(progress[2].event_time.max, Some(at(5)), "a late row is seen");
}
