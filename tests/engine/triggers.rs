//! When batches start: docs/semantics.md §14, on a clock that stands still until it is set.

use std::path::Path;
use std::sync::Arc;

use stream_runtime::engine::{Clock, Progress, QueryListener, Step};
use stream_runtime::prelude::*;
use stream_runtime::source::MemoryInput;
use stream_runtime::testing::ManualClock;

use super::doubles::{GatedSink, Trouble, TroubledSource, WatchedClock, open_gate};
use super::{Event, Numbers, Stats, at, event, numbers};

/// Timestamp and input rows of each batch.
fn batches(query: &StreamingQuery) -> Vec<(Timestamp, u64)> {
    query.recent_progress().iter().map(|batch| (batch.timestamp, batch.num_input_rows)).collect()
}

/// docs/semantics.md 14.2.
#[tokio::test]
async fn processing_time_starts_the_first_batch_at_once_and_the_others_at_multiples() {
    let clock = WatchedClock::new(at(3));
    let (input, source) = MemorySource::new();
    let (results, sink) = MemorySink::new();
    input.add([event(1, 0)]);
    let query = Numbers::query()
        .events(source)
        .to(sink)
        .trigger(Trigger::every(seconds(10)))
        .clock(Arc::clone(&clock) as Arc<dyn Clock>)
        .start()
        .await
        .expect("the query starts");
    assert_eq!(clock.deadlines(&query, 1).await, [at(10)]);
    assert_eq!(batches(&query), [(at(3), 1)]);

    // Rows that arrive in between wait for their multiple, also if the clock moves without reaching it.
    input.add([event(2, 0)]);
    clock.set(at(9));
    clock.set(at(10));
    assert_eq!(clock.deadlines(&query, 2).await, [at(10), at(20)]);
    assert_eq!(batches(&query), [(at(3), 1), (at(10), 1)]);

    // Nothing to read: nothing runs at this multiple.
    clock.set(at(20));
    assert_eq!(clock.deadlines(&query, 3).await[2..], [at(30)]);
    input.add([event(3, 0)]);
    clock.set(at(31));
    assert_eq!(clock.deadlines(&query, 4).await[3..], [at(40)]);
    assert_eq!(batches(&query), [(at(3), 1), (at(10), 1), (at(31), 1)]);
    query.stop().await.expect("it stops while it waits");
    assert_eq!(numbers(&results.rows()), [1, 2, 3]);
}

/// docs/semantics.md 14.2.
#[tokio::test]
async fn a_batch_that_overruns_is_followed_at_once_by_one_and_missed_multiples_are_not_made_up_for() {
    let clock = WatchedClock::new(at(3));
    let (input, source) = MemorySource::new();
    for number in 1..=3 {
        input.add([event(number, 0)]);
    }
    let (results, sink) = MemorySink::new();
    let slow = Arc::clone(&clock);
    let reached = move |batch| {
        if batch == 0 {
            slow.set(at(45));
        }
    };
    let query = Numbers::query()
        .events(source.max_chunks_per_trigger(1))
        .to(GatedSink { sink, gate: open_gate(), reached })
        .trigger(Trigger::every(seconds(10)))
        .clock(Arc::clone(&clock) as Arc<dyn Clock>)
        .start()
        .await
        .expect("the query starts");
    assert_eq!(clock.deadlines(&query, 1).await[0], at(10));
    assert_eq!(clock.deadlines(&query, 2).await, [at(10), at(50)]);
    assert_eq!(batches(&query), [(at(3), 1), (at(45), 1)]);
    clock.set(at(50));
    assert_eq!(clock.deadlines(&query, 3).await[2..], [at(60)]);
    query.stop().await.expect("it stops");
    assert_eq!(numbers(&results.rows()), [1, 2, 3]);
}

/// Runs the query to its end on this checkpoint and gives what each batch emitted.
async fn run(
    input: &MemoryInput<Event>,
    checkpoint: &Path,
    trigger: Trigger,
) -> (StreamingQuery, Vec<Vec<i64>>) {
    let (results, sink) = MemorySink::new();
    let query = Numbers::query()
        .events(input.source().max_chunks_per_trigger(1))
        .to(sink)
        .checkpoint(checkpoint)
        .trigger(trigger)
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect("the query ends by itself");
    (query, results.batches().iter().map(|batch| numbers(&batch.rows)).collect())
}

/// docs/semantics.md 14.3.
#[tokio::test]
async fn once_reads_everything_in_one_batch_whatever_the_limits() {
    let directory = tempfile::tempdir().expect("a directory");
    let input = MemoryInput::default();
    for number in 1..=3 {
        input.add([event(number, 0)]);
    }
    assert_eq!(run(&input, directory.path(), Trigger::Once).await.1, [[1, 2, 3]]);
    assert!(run(&input, directory.path(), Trigger::Once).await.1.is_empty(), "nothing is left");
    input.add([event(4, 0)]);
    let (query, batches) = run(&input, directory.path(), Trigger::Once).await;
    assert_eq!(batches, [[4]]);
    assert_eq!(query.last_progress().expect("a batch ran").batch_id, 1);
}

/// docs/semantics.md 14.3: a pending replay counts as the one batch.
#[tokio::test]
async fn once_runs_only_the_batch_that_an_earlier_run_left_unfinished() {
    let directory = tempfile::tempdir().expect("a directory");
    let input = MemoryInput::default();
    input.add([event(1, 0)]);
    input.add([event(2, 0)]);
    let (_, sink) = MemorySink::new();
    let query = Numbers::query()
        .events(input.source().max_chunks_per_trigger(1))
        .to(sink)
        .checkpoint(directory.path())
        .trigger(Trigger::AvailableNow)
        .at_step(Arc::new(|_, step| step != Step::Computed))
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect_err("it crashes in batch 0");

    input.add([event(3, 0)]);
    let (query, batches) = run(&input, directory.path(), Trigger::Once).await;
    assert_eq!(batches, [[1]], "the range that was planned, and no more");
    assert_eq!(query.last_progress().expect("a batch ran").batch_id, 0);
    assert_eq!(run(&input, directory.path(), Trigger::Once).await.1, [[2, 3]]);
}

/// Adds a row as soon as the first batch has ended.
struct AddsRow(MemoryInput<Event>);

impl QueryListener for AddsRow {
    fn on_progress(&self, progress: &Progress) {
        if progress.batch_id == 0 {
            self.0.add([event(100, 100)]);
        }
    }
}

/// docs/semantics.md 14.4 and 5.5.
#[tokio::test]
async fn available_now_reads_what_was_there_in_limited_batches_then_flushes_and_ends() {
    let directory = tempfile::tempdir().expect("a directory");
    let input = MemoryInput::default();
    for (number, second) in [(1, 1), (2, 2), (3, 55)] {
        input.add([event(number, second)]);
    }
    let (results, sink) = MemorySink::new();
    let start = |sink| {
        Stats::query()
            .events(input.source().max_chunks_per_trigger(1))
            .to(sink)
            .checkpoint(directory.path())
            .trigger(Trigger::AvailableNow)
            .listener(AddsRow(input.clone()))
            .start()
    };
    let query = start(sink).await.expect("the query starts");
    query.await_termination().await.expect("the query ends by itself");
    let read: Vec<_> = query.recent_progress().iter().map(|batch| batch.num_input_rows).collect();
    assert_eq!(read, [1, 1, 1, 0], "three limited batches and the one without data");
    let rows = results.rows();
    assert_eq!(rows.iter().map(|row| row.numbers.clone()).collect::<Vec<_>>(), [[1, 2]]);

    // The row that came after the start is for the next run.
    let query = start(results.sink()).await.expect("the query starts again");
    query.await_termination().await.expect("the query ends by itself");
    let read: Vec<_> = query.recent_progress().iter().map(|batch| batch.num_input_rows).collect();
    assert_eq!(read, [1, 0]);
    assert_eq!(results.rows().last().expect("a window has closed").numbers, [3]);
}

/// docs/semantics.md 5.4, "Ours", over the end of a process: only the checkpoint knows that the watermark has moved.
#[tokio::test]
async fn the_flush_that_a_run_did_not_get_to_is_the_first_batch_of_the_next() {
    let directory = tempfile::tempdir().expect("a directory");
    let input = MemoryInput::default();
    input.add([event(1, 1), event(2, 55)]);
    let (results, sink) = MemorySink::new();
    let start = |sink| {
        let query = Stats::query().events(input.source()).to(sink).checkpoint(directory.path());
        query.trigger(Trigger::Once).start()
    };
    let first = start(sink).await.expect("the query starts");
    first.await_termination().await.expect("it ends");
    assert!(results.rows().is_empty());
    let second = start(results.sink()).await.expect("the query starts again");
    second.await_termination().await.expect("it ends");
    assert_eq!(results.rows().len(), 1);
    let progress = second.last_progress().expect("the batch without data has run");
    assert_eq!((progress.batch_id, progress.num_input_rows), (1, 0));
    let third = start(results.sink()).await.expect("the query starts again");
    third.await_termination().await.expect("it ends");
    assert!(third.last_progress().is_none(), "it has run already");
}

/// docs/semantics.md 14.1.
#[tokio::test]
async fn as_fast_as_possible_polls_each_ten_milliseconds_and_is_woken_by_a_source_that_hears_of_rows() {
    let clock = WatchedClock::new(at(3));
    let (input, source) = MemorySource::new();
    let (results, sink) = MemorySink::new();
    // A source of a service's own that hears of nothing.
    let source = TroubledSource { source, trouble: Trouble::default() };
    let query = Numbers::query()
        .events(source)
        .to(sink)
        .clock(Arc::clone(&clock) as Arc<dyn Clock>)
        .start()
        .await
        .expect("the query starts");
    let poll = at(3) + milliseconds(10);
    assert_eq!(clock.deadlines(&query, 1).await, [poll]);
    input.add([event(1, 0)]);
    clock.set(poll);
    assert!(results.wait_for_batch(0).await);
    query.stop().await.expect("it stops");

    // A memory source wakes the query, whose clock stands still.
    let (input, source) = MemorySource::new();
    let (results, sink) = MemorySink::new();
    let query = Numbers::query()
        .events(source)
        .to(sink)
        .clock(ManualClock::new(at(3)) as Arc<dyn Clock>)
        .start()
        .await
        .expect("the query starts");
    for number in 0..5 {
        input.add([event(number, 0)]);
        assert!(results.wait_for_rows(number as usize + 1).await);
    }
    query.stop().await.expect("it stops");
    assert_eq!(numbers(&results.rows()), [0, 1, 2, 3, 4]);
}
