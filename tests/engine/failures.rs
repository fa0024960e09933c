//! A service's own source, sink or listener that fails: the query ends with an error that says where, its checkpoint
//! can be resumed, and no row is lost or doubled.

use std::path::Path;

use stream_runtime::engine::{Progress, QueryListener};
use stream_runtime::error::Error;
use stream_runtime::prelude::*;
use stream_runtime::sink::MemoryResults;
use stream_runtime::source::MemoryInput;

use super::doubles::{Call, Disturbance, Trouble, TroubledSink, TroubledSource};
use super::{Event, Stat, Stats, event};

fn input() -> MemoryInput<Event> {
    let input = MemoryInput::default();
    for batch in 0..4 {
        input.add((1..=3).map(|number| event(batch * 3 + number, batch * 25 + number)));
    }
    input
}

async fn run(
    input: &MemoryInput<Event>,
    results: &MemoryResults<Stat>,
    checkpoint: &Path,
    trouble: &Trouble,
) -> stream_runtime::Result<()> {
    let source =
        TroubledSource { source: input.source().max_chunks_per_trigger(1), trouble: trouble.clone() };
    let query = Stats::query()
        .events(source)
        .to(TroubledSink { sink: results.sink(), trouble: trouble.clone() })
        .checkpoint(checkpoint)
        .trigger(Trigger::AvailableNow)
        .workers(2)
        .start()
        .await?;
    query.await_termination().await
}

/// What is emitted if nothing fails.
async fn undisturbed() -> Vec<Stat> {
    let directory = tempfile::tempdir().expect("a directory");
    let (results, _) = MemorySink::new();
    run(&input(), &results, directory.path(), &Trouble::default()).await.expect("nothing fails");
    results.rows()
}

/// The error of a run that is disturbed there, once nothing has been lost or doubled by a second run.
async fn disturbed(call: Call, skip: usize, disturbance: Disturbance, expected: &[Stat]) -> Error {
    let directory = tempfile::tempdir().expect("a directory");
    let input = input();
    let (results, _) = MemorySink::new();
    let trouble = Trouble::at(call, skip, disturbance);
    let error = run(&input, &results, directory.path(), &trouble).await;
    let error = error.expect_err(&format!("{disturbance:?} at {call:?}, {skip}"));
    assert!(trouble.is_over());
    run(&input, &results, directory.path(), &trouble).await.expect("the trouble is over");
    assert_eq!(results.rows(), expected, "{disturbance:?} at {call:?}, {skip}");
    error
}

/// The calls that belong to a batch, and whether each batch has one (also the last, which has no data).
const OF_A_BATCH: [Call; 6] =
    [Call::LatestOffset, Call::Plan, Call::Read, Call::SourceCommit, Call::BeforeWriting, Call::AfterWriting];

#[tokio::test]
async fn an_error_of_a_source_or_sink_names_query_and_batch_and_the_batch_runs_again() {
    let expected = undisturbed().await;
    assert_eq!(expected.len(), 3, "three windows close");
    for call in OF_A_BATCH {
        for batch in [0, 2] {
            // Two workers read two splits a batch.
            let skip = if call == Call::Read { 2 * batch } else { batch };
            let error = disturbed(call, skip, Disturbance::Error, &expected).await;
            assert_eq!(error.to_string(), format!("query `Stats`, batch {batch}: trouble at {call:?}"));
        }
    }
    for call in [Call::BeforeWriting, Call::AfterWriting] {
        let error = disturbed(call, 4, Disturbance::Error, &expected).await;
        assert_eq!(error.to_string(), format!("query `Stats`, batch 4: trouble at {call:?}"));
    }
}

#[tokio::test]
async fn an_error_before_the_first_batch_or_after_the_last_is_told_too() {
    let expected = undisturbed().await;
    for call in [Call::SourceOpen, Call::SinkOpen, Call::PrepareAvailableNow, Call::SinkClose] {
        let error = disturbed(call, 0, Disturbance::Error, &expected).await;
        assert_eq!(error.to_string(), format!("trouble at {call:?}"));
    }
}

#[tokio::test]
async fn a_panic_of_a_source_or_sink_ends_the_query_with_an_error() {
    let expected = undisturbed().await;
    for call in OF_A_BATCH {
        let skip = if call == Call::Read { 2 } else { 1 };
        let error = disturbed(call, skip, Disturbance::Panic, &expected).await.to_string();
        assert!(error.contains("panicked: ") && error.contains(&format!("trouble at {call:?}")), "{error}");
        assert!(error.contains("query `Stats`, batch 1"), "{error}");
    }
    for call in [Call::PrepareAvailableNow, Call::SinkClose] {
        let error = disturbed(call, 0, Disturbance::Panic, &expected).await.to_string();
        assert!(error.contains(&format!("trouble at {call:?}")), "{error}");
    }
}

struct Panics;

impl QueryListener for Panics {
    fn on_progress(&self, progress: &Progress) {
        assert!(progress.batch_id != 1, "trouble in a listener");
    }
}

#[tokio::test]
async fn a_listener_that_panics_is_passed_over_and_harms_no_batch() {
    let expected = undisturbed().await;
    let directory = tempfile::tempdir().expect("a directory");
    let (results, sink) = MemorySink::new();
    let query = Stats::query()
        .events(input().source().max_chunks_per_trigger(1))
        .to(sink)
        .checkpoint(directory.path())
        .trigger(Trigger::AvailableNow)
        .listener(Panics)
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect("the query runs to its end");
    assert!(query.recent_progress().len() > 2, "batches follow the one whose listener panicked");
    assert_eq!(results.rows(), expected);
}
