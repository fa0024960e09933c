//! Batches without data: docs/semantics.md §5.

use stream_runtime::engine::Step;
use stream_runtime::prelude::*;
use stream_runtime::testing::TestQuery;

use super::{at, window};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Event {
    ts: Timestamp,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Count {
    window: Window,
    n: u64,
}

macro_rules! query {
    ($name:ident, $mode:ident) => {
        stream_query! {
            query $name(events: Event) -> Count {
                from e in events watermark(e.ts, seconds(0));
                group by window(e.ts, seconds(10)) as w;
                select Count { window: w, n: count() };
                output $mode;
            }
        }
    };
}

query!(Append, append);
query!(Update, update);
query!(Complete, complete);

fn event(second: i64) -> Event {
    Event { ts: at(second) }
}

fn count(start: i64, end: i64, n: u64) -> Count {
    Count { window: window(start, end), n }
}

macro_rules! open {
    ($query:ident) => {
        TestQuery::open(|source, sink| $query::query().events(source).to(sink)).await.expect("it opens")
    };
}

/// Batch id and input rows of each batch.
macro_rules! batches {
    ($test:expr) => {
        $test.progress().iter().map(|batch| (batch.batch_id, batch.num_input_rows)).collect::<Vec<_>>()
    };
}

/// docs/semantics.md 5.1 to 5.3.
#[tokio::test]
async fn one_batch_without_data_follows_when_the_watermark_has_moved() {
    let mut test = open!(Append);
    test.add([event(1), event(25)]);
    test.expect([count(0, 10, 1)]).await;
    test.expect([]).await;
    test.add([event(24)]);
    test.expect([]).await;
    assert_eq!(batches!(test), [(0, 2), (1, 0), (2, 1)], "it doesn't repeat, nor without a new watermark");
    let source = &test.progress()[1].sources[0];
    assert_eq!(source.start_offset, source.end_offset);
    assert_eq!(test.progress()[1].event_time.max, None, "no data, no event times");
}

#[tokio::test]
async fn data_that_is_there_takes_the_place_of_a_batch_without_data() {
    let mut test = open!(Append);
    test.add([event(1), event(25)]).add([event(2), event(37)]);
    test.expect([count(0, 10, 2), count(20, 30, 1)]).await;
    assert_eq!(batches!(test), [(0, 2), (1, 2), (2, 0)]);
}

#[tokio::test]
async fn in_update_mode_it_emits_nothing_and_evicts() {
    let mut test = open!(Update);
    test.add([event(1), event(25)]);
    test.expect([count(0, 10, 1), count(20, 30, 1)]).await;
    assert_eq!(batches!(test), [(0, 2), (1, 0)]);
    let operator = &test.progress()[1].state_operators[0];
    assert_eq!((operator.num_rows_updated, operator.num_rows_removed, operator.num_rows_total), (0, 1, 1));
}

/// docs/semantics.md 4.3.
#[tokio::test]
async fn complete_mode_has_none() {
    let mut test = open!(Complete);
    test.add([event(1), event(25)]);
    test.expect([count(0, 10, 1), count(20, 30, 1)]).await;
    assert_eq!(batches!(test), [(0, 2)]);
}

/// docs/semantics.md 5.4, "Ours".
#[tokio::test]
async fn it_runs_after_a_restart_too() {
    let mut test = open!(Append);
    // The crash comes after the commit of batch 0, so the run that follows starts with the batch without data.
    test.add([event(1), event(25)]).crash_at(Step::Committed);
    test.expect([count(0, 10, 1)]).await;
    let progress = test.progress();
    assert_eq!(batches!(test), [(1, 0)], "batch 0 was committed and reported to nobody");
    assert_eq!(progress[0].event_time.watermark, Some(at(25)));
    // Once: not again after another restart.
    test.restart().await.expect("it opens again");
    test.expect([]).await;
    assert_eq!(test.progress().len(), 1);
}
