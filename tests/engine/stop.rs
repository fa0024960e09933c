//! Stopping, and waiting for the end.

use std::sync::Arc;

use stream_runtime::prelude::*;
use stream_runtime::source::MemoryInput;
use tokio::sync::{Semaphore, mpsc};

use super::doubles::{Call, Disturbance, GatedSink, Trouble, TroubledSink};
use super::{Event, Numbers, event, numbers};

/// A running query whose first batch stands in its sink, and the gate that lets it go on.
async fn standing_in_its_sink(
    input: &MemoryInput<Event>,
    checkpoint: &std::path::Path,
    sink: MemorySink<super::Number>,
    trigger: Trigger,
) -> (StreamingQuery, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let (reached, mut arrivals) = mpsc::unbounded_channel();
    let reached = move |batch| {
        let _ = reached.send(batch);
    };
    let query = Numbers::query()
        .events(input.source().max_chunks_per_trigger(1))
        .to(GatedSink { sink, gate: Arc::clone(&gate), reached })
        .checkpoint(checkpoint)
        .trigger(trigger)
        .start()
        .await
        .expect("the query starts");
    assert_eq!(arrivals.recv().await, Some(0));
    (query, gate)
}

#[tokio::test]
async fn stop_lets_the_batch_in_progress_end_and_starts_no_other_and_a_restart_goes_on_after_it() {
    for trigger in [Trigger::AsFastAsPossible, Trigger::AvailableNow, Trigger::every(hours(1))] {
        let directory = tempfile::tempdir().expect("a directory");
        let input = MemoryInput::default();
        for number in 1..=3 {
            input.add([event(number, 0)]);
        }
        let (results, sink) = MemorySink::new();
        let (query, gate) = standing_in_its_sink(&input, directory.path(), sink, trigger).await;
        // The request is made first: the batch is released by what runs second.
        let (stopped, ()) = tokio::join!(query.stop(), async { gate.add_permits(100) });
        stopped.expect("it stops");
        assert!(!query.is_active());
        assert_eq!(numbers(&results.rows()), [1], "{trigger:?}");
        assert_eq!(query.recent_progress().len(), 1, "{trigger:?}: the batch was committed");

        let rest = Numbers::query()
            .events(input.source())
            .to(results.sink())
            .checkpoint(directory.path())
            .trigger(Trigger::AvailableNow)
            .start()
            .await
            .expect("the query starts again");
        rest.await_termination().await.expect("it ends");
        assert_eq!(numbers(&results.rows()), [1, 2, 3], "{trigger:?}");
    }
}

#[tokio::test]
async fn everyone_who_waits_hears_of_the_end() {
    let directory = tempfile::tempdir().expect("a directory");
    let input = MemoryInput::default();
    input.add([event(1, 0)]);
    let (results, sink) = MemorySink::new();
    let (query, gate) = standing_in_its_sink(&input, directory.path(), sink, Trigger::AsFastAsPossible).await;
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let query = query.clone();
            tokio::spawn(async move { query.await_termination().await.map_err(|error| error.to_string()) })
        })
        .collect();
    assert!(query.is_active());
    gate.add_permits(100);
    assert!(results.wait_for_batch(0).await);
    let (first, second) = tokio::join!(query.stop(), query.stop());
    assert!(first.is_ok() && second.is_ok());
    for waiter in waiting {
        assert_eq!(waiter.await.expect("the task ends"), Ok(()));
    }
    query.await_termination().await.expect("the end can be heard of later too");
    query.stop().await.expect("a stopped query can be stopped");
}

#[tokio::test]
async fn everyone_who_waits_hears_of_the_same_error() {
    let (input, source) = MemorySource::new();
    let (_, sink) = MemorySink::new();
    let trouble = Trouble::at(Call::BeforeWriting, 0, Disturbance::Error);
    let query =
        Numbers::query().events(source).to(TroubledSink { sink, trouble }).start().await.expect("it starts");
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let query = query.clone();
            tokio::spawn(async move { query.await_termination().await.map_err(|error| error.to_string()) })
        })
        .collect();
    input.add([event(1, 0)]);
    for waiter in waiting {
        let error = waiter.await.expect("the task ends").expect_err("the sink fails");
        assert_eq!(error, "query `Numbers`, batch 0: trouble at BeforeWriting");
    }
    assert!(query.stop().await.is_err(), "stopping tells it too");
    assert_eq!(
        query.exception().expect("an error").to_string(),
        "query `Numbers`, batch 0: trouble at BeforeWriting"
    );
}
