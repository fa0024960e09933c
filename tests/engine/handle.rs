//! The handle: ids, name, status, progress that it remembers, and the plan.

use std::sync::Arc;

use stream_runtime::prelude::*;
use stream_runtime::source::MemoryInput;
use stream_runtime::testing::ManualClock;
use tokio::sync::{Semaphore, mpsc};

use super::doubles::{Call, Disturbance, GatedSink, Trouble, TroubledSink};
use super::{Numbers, Stats, event};

#[tokio::test]
async fn the_id_stays_over_the_restarts_of_a_checkpoint_and_the_run_id_is_new_each_time() {
    let directory = tempfile::tempdir().expect("a directory");
    let input = MemoryInput::default();
    let mut ids = Vec::new();
    for run in 0..3 {
        input.add([event(run, 0)]);
        let (_, sink) = MemorySink::new();
        let query = Numbers::query()
            .events(input.source())
            .to(sink)
            .checkpoint(directory.path().join("first"))
            .trigger(Trigger::AvailableNow)
            .start()
            .await
            .expect("the query starts");
        query.await_termination().await.expect("it ends");
        let progress = query.last_progress().expect("a batch ran");
        assert_eq!((progress.id, progress.run_id), (query.id(), query.run_id()));
        ids.push((query.id(), query.run_id()));
    }
    assert!(ids.iter().all(|(id, _)| *id == ids[0].0));
    let mut runs: Vec<_> = ids.iter().map(|(_, run)| *run).collect();
    runs.sort_unstable();
    runs.dedup();
    assert_eq!(runs.len(), 3);

    let (_, sink) = MemorySink::new();
    let other = Numbers::query().events(MemoryInput::default().source()).to(sink);
    let other = other.checkpoint(directory.path().join("second")).start().await.expect("it starts");
    assert_ne!(other.id(), ids[0].0, "another checkpoint is another query");
    other.stop().await.expect("it stops");
}

#[tokio::test]
async fn a_query_has_the_name_of_its_macro_unless_it_is_given_one() {
    let (_, sink) = MemorySink::new();
    let query =
        Numbers::query().events(MemoryInput::default().source()).to(sink).start().await.expect("it starts");
    assert_eq!(query.name(), "Numbers");
    query.stop().await.expect("it stops");

    let (input, source) = MemorySource::new();
    input.add([event(1, 0)]);
    input.add([event(2, 0)]);
    let (_, sink) = MemorySink::new();
    let trouble = Trouble::at(Call::AfterWriting, 1, Disturbance::Error);
    let query = Numbers::query().events(source.max_chunks_per_trigger(1)).to(TroubledSink { sink, trouble });
    let query = query.name("of a service").start().await.expect("it starts");
    assert_eq!(query.name(), "of a service");
    let error = query.await_termination().await.expect_err("the sink fails").to_string();
    assert_eq!(error, "query `of a service`, batch 1: trouble at AfterWriting");
    assert_eq!(query.last_progress().expect("a batch ran").name, "of a service");
}

struct TellsIdle(mpsc::UnboundedSender<()>);

impl stream_runtime::engine::QueryListener for TellsIdle {
    fn on_idle(&self, _: uuid::Uuid, _: uuid::Uuid) {
        let _ = self.0.send(());
    }
}

fn status(query: &StreamingQuery) -> (String, bool, bool) {
    let status = query.status();
    (status.message, status.is_data_available, status.is_trigger_active)
}

/// docs/semantics.md 17.8.
#[tokio::test]
async fn the_status_says_what_the_query_does() {
    let (input, source) = MemorySource::new();
    let (results, sink) = MemorySink::new();
    let gate = Arc::new(Semaphore::new(0));
    let (reached, mut arrivals) = mpsc::unbounded_channel();
    let (idle, mut idles) = mpsc::unbounded_channel();
    let query = Numbers::query()
        .events(source)
        .to(GatedSink {
            sink,
            gate: Arc::clone(&gate),
            reached: move |batch| {
                let _ = reached.send(batch);
            },
        })
        .listener(TellsIdle(idle))
        .start()
        .await
        .expect("the query starts");
    assert_eq!(idles.recv().await, Some(()));
    let waiting = |status: &(String, bool, bool)| {
        // Between two looks the status says that it looks.
        ["Waiting for data to arrive", "Getting offsets from sources"].contains(&status.0.as_str())
            && !status.1
    };
    assert!(waiting(&status(&query)), "{:?}", status(&query));
    input.add([event(1, 0)]);
    assert_eq!(arrivals.recv().await, Some(0));
    assert_eq!(status(&query), ("Processing new data".to_owned(), true, true));
    let json = serde_json::to_value(query.status()).expect("a status is JSON");
    let expected = serde_json::json!({"message": "Processing new data", "isDataAvailable": true, "isTriggerActive": true});
    assert_eq!(json, expected);
    gate.add_permits(1);
    assert!(results.wait_for_batch(0).await);
    query.stop().await.expect("it stops");
    assert_eq!(status(&query), ("Stopped".to_owned(), false, false));
    assert!(query.exception().is_none());

    let (input, source) = MemorySource::new();
    let (_, sink) = MemorySink::new();
    let trouble = Trouble::at(Call::BeforeWriting, 0, Disturbance::Error);
    let query =
        Numbers::query().events(source).to(TroubledSink { sink, trouble }).start().await.expect("it starts");
    input.add([event(1, 0)]);
    query.await_termination().await.expect_err("the sink fails");
    assert_eq!(status(&query), ("Terminated with exception".to_owned(), false, false));
}

struct TellsStatus(mpsc::UnboundedSender<()>);

impl stream_runtime::engine::QueryListener for TellsStatus {
    fn on_progress(&self, _: &Progress) {
        let _ = self.0.send(());
    }
}

#[tokio::test]
async fn the_status_says_whether_a_limit_has_left_data_behind() {
    let (input, source) = MemorySource::new();
    input.add([event(1, 0)]);
    input.add([event(2, 0)]);
    let (_, sink) = MemorySink::new();
    let (told, mut batches) = mpsc::unbounded_channel();
    let clock = ManualClock::new(Timestamp::from_secs(100));
    let query = Numbers::query()
        .events(source.max_chunks_per_trigger(1))
        .to(sink)
        .clock(Arc::clone(&clock) as Arc<dyn stream_runtime::engine::Clock>)
        .trigger(Trigger::every(seconds(10)))
        .listener(TellsStatus(told))
        .start()
        .await
        .expect("the query starts");
    for left in [true, false] {
        assert_eq!(batches.recv().await, Some(()));
        assert_eq!(status(&query), ("Waiting for next trigger".to_owned(), left, false));
        clock.advance(seconds(10));
    }
    query.stop().await.expect("it stops");
}

/// docs/semantics.md 17.7.
#[tokio::test]
async fn the_last_hundred_batches_are_remembered_oldest_first() {
    let (input, source) = MemorySource::new();
    for number in 0..105 {
        input.add([event(number, 0)]);
    }
    let (_, sink) = MemorySink::new();
    let query = Numbers::query()
        .events(source.max_chunks_per_trigger(1))
        .to(sink)
        .trigger(Trigger::AvailableNow)
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect("it ends");
    let remembered: Vec<_> = query.recent_progress().iter().map(|batch| batch.batch_id).collect();
    assert_eq!(remembered, (5..105).collect::<Vec<_>>());
    assert_eq!(query.last_progress().expect("batches ran").batch_id, 104);
}

#[tokio::test]
async fn the_plan_reads_alike_from_the_query_the_builder_and_the_handle() {
    let expected = "\
Stats
└─ output append
   └─ select Stat { window: w, key: key, n: count(), numbers: collect_list(number) }
      └─ group by window(ts, seconds(20)), key
         ·  windows of 20 s
         ·  aggregates count(), collect_list(number)
         ·  state is bounded: the watermark closes groups
         └─ where number != 0
            └─ from events: Event
               ·  watermark 10 s behind ts
               ·  reads ts, number, key
";
    assert_eq!(Stats::explain().to_string(), expected);
    let (_, sink) = MemorySink::new();
    let builder = Stats::query().events(MemoryInput::default().source()).to(sink);
    assert_eq!(builder.explain().to_string(), expected);
    let query = builder.start().await.expect("it starts");
    assert_eq!(query.explain().to_string(), expected);
    query.stop().await.expect("it stops");
}
