//! The steps of a batch stand where their names say: what a crash there finds done is what has been done before it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use stream_runtime::engine::{Progress, QueryListener};
use stream_runtime::error::Result;
use stream_runtime::prelude::*;
use stream_runtime::source::{Admission, Advance, Offset, Source, SourceContext, Split};

use super::doubles::{GatedSink, open_gate};
use super::{Event, Numbers, event};

/// What happened, in order.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().expect("no test thread has panicked").push(what.into());
    }

    fn position(&self, what: &str) -> usize {
        let notes = self.0.lock().expect("no test thread has panicked");
        let found = notes.iter().position(|note| note == what);
        found.unwrap_or_else(|| panic!("`{what}` is not among {notes:?}"))
    }
}

impl QueryListener for Journal {
    fn on_progress(&self, _: &Progress) {
        self.note("told listeners");
    }
}

/// A source that notes what is asked of it.
struct NotingSource {
    source: MemorySource<Event>,
    journal: Journal,
}

#[async_trait]
impl Source<Event> for NotingSource {
    fn description(&self) -> String {
        "NotingSource".to_owned()
    }

    async fn open(&mut self, context: SourceContext) -> Result<()> {
        self.source.open(context).await
    }

    async fn latest_offset(
        &mut self,
        start: Option<&Offset>,
        admission: Admission,
    ) -> Result<Option<Advance>> {
        self.journal.note("asked the source how far");
        Source::<Event>::latest_offset(&mut self.source, start, admission).await
    }

    async fn prepare_available_now(&mut self) -> Result<()> {
        self.source.prepare_available_now().await
    }

    async fn plan(
        &mut self,
        start: Option<&Offset>,
        end: &Offset,
        workers: usize,
    ) -> Result<Vec<Box<dyn Split<Event>>>> {
        self.journal.note("asked the source for splits");
        self.source.plan(start, end, workers).await
    }

    async fn commit(&mut self, end: &Offset) -> Result<()> {
        self.journal.note("told the source");
        self.source.commit(end).await
    }
}

#[tokio::test]
async fn the_steps_of_a_batch_come_after_what_they_are_named_for_and_before_the_rest() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = Journal::default();
    let (input, source) = MemorySource::new();
    input.add([event(1, 0)]);
    let (_, sink) = MemorySink::new();
    let (in_sink, in_step) = (journal.clone(), journal.clone());
    let query = Numbers::query()
        .events(NotingSource { source, journal: journal.clone() })
        .to(GatedSink { sink, gate: open_gate(), reached: move |_| in_sink.note("gave the sink its rows") })
        .checkpoint(directory.path())
        .trigger(Trigger::Once)
        .listener(journal.clone())
        .at_step(Arc::new(move |batch, step| {
            assert_eq!(batch, 0);
            in_step.note(format!("{step:?}"));
            true
        }))
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect("it ends");
    let expected = [
        "asked the source how far",
        "Starting",
        "asked the source for splits",
        "Planned",
        "Computed",
        "gave the sink its rows",
        "Written",
        "Committed",
        "told the source",
        "Finished",
        "told listeners",
    ];
    let positions: Vec<_> = expected.iter().map(|what| journal.position(what)).collect();
    assert!(positions.is_sorted(), "{positions:?}");
}

/// What a query that is started again does first says what the crash found durable.
#[tokio::test]
async fn a_crash_finds_no_plan_at_starting_a_plan_up_to_written_and_a_commit_from_committed_on() {
    use stream_runtime::engine::Step;
    for step in Step::ALL {
        let directory = tempfile::tempdir().expect("a directory");
        let (input, source) = MemorySource::new();
        input.add([event(1, 0)]);
        let (results, sink) = MemorySink::new();
        let query = Numbers::query()
            .events(source)
            .to(sink)
            .checkpoint(directory.path())
            .trigger(Trigger::Once)
            .at_step(Arc::new(move |_, at| at != step))
            .start()
            .await
            .expect("the query starts");
        query.await_termination().await.expect_err("it crashes");
        let written = results.batches().len();
        assert_eq!(
            written,
            usize::from(matches!(step, Step::Written | Step::Committed | Step::Finished)),
            "{step:?}"
        );

        // A planned batch keeps its range; one that wasn't planned takes the new row too.
        input.add([event(2, 0)]);
        let (again, sink) = MemorySink::new();
        let query = Numbers::query().events(input.source()).to(sink).checkpoint(directory.path());
        let query = query.trigger(Trigger::Once).start().await.expect("the query starts again");
        query.await_termination().await.expect("it ends");
        let batches: Vec<_> =
            again.batches().iter().map(|batch| (batch.id, super::numbers(&batch.rows))).collect();
        let expected = match step {
            Step::Starting => (0, vec![1, 2]),
            Step::Planned | Step::Computed | Step::Written => (0, vec![1]),
            _ => (1, vec![2]),
        };
        assert_eq!(batches, [expected], "{step:?}");
    }
}
