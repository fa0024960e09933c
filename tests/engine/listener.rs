//! What a listener hears, and in which order.

use std::sync::{Arc, Mutex};

use stream_runtime::engine::{Clock, Progress, QueryListener};
use stream_runtime::error::Error;
use stream_runtime::prelude::*;
use uuid::Uuid;

use super::doubles::{Call, Disturbance, Trouble, TroubledSink, WatchedClock};
use super::{Numbers, at, event};

/// Writes down what it hears.
#[derive(Clone, Default)]
struct Hears(Arc<Mutex<Vec<String>>>);

impl Hears {
    fn note(&self, text: String) {
        self.0.lock().expect("no test thread has panicked").push(text);
    }

    fn heard(&self) -> Vec<String> {
        self.0.lock().expect("no test thread has panicked").clone()
    }
}

impl QueryListener for Hears {
    fn on_started(&self, _: Uuid, _: Uuid, name: &str) {
        self.note(format!("started {name}"));
    }

    fn on_progress(&self, progress: &Progress) {
        self.note(format!("batch {} of {} rows", progress.batch_id, progress.num_input_rows));
    }

    fn on_idle(&self, _: Uuid, _: Uuid) {
        self.note("idle".to_owned());
    }

    fn on_terminated(&self, _: Uuid, _: Uuid, error: Option<&Error>) {
        self.note(format!("terminated {:?}", error.map(ToString::to_string)));
    }
}

#[tokio::test]
async fn listeners_hear_of_start_batches_and_end_in_that_order() {
    let (input, source) = MemorySource::new();
    input.add([event(1, 0)]);
    input.add([event(2, 0), event(3, 0)]);
    let (_, sink) = MemorySink::new();
    let (first, second) = (Hears::default(), Hears::default());
    let query = Numbers::query()
        .events(source.max_chunks_per_trigger(1))
        .to(sink)
        .trigger(Trigger::AvailableNow)
        .listener(first.clone())
        .listener(second.clone())
        .name("of a service")
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect("it ends");
    let expected = ["started of a service", "batch 0 of 1 rows", "batch 1 of 2 rows", "terminated None"]
        .map(str::to_owned);
    assert_eq!(first.heard(), expected);
    assert_eq!(second.heard(), expected, "each listener hears everything");
}

#[tokio::test]
async fn a_listener_hears_the_error_that_ended_the_query_before_anyone_who_waits() {
    let (input, source) = MemorySource::new();
    input.add([event(1, 0)]);
    let (_, sink) = MemorySink::new();
    let trouble = Trouble::at(Call::BeforeWriting, 0, Disturbance::Error);
    let hears = Hears::default();
    let query = Numbers::query()
        .events(source)
        .to(TroubledSink { sink, trouble })
        .listener(hears.clone())
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect_err("the sink fails");
    let error = r#"terminated Some("query `Numbers`, batch 0: trouble at BeforeWriting")"#;
    assert_eq!(hears.heard(), ["started Numbers", error]);
}

/// docs/semantics.md 17.7.
#[tokio::test]
async fn an_idle_query_says_so_at_most_once_in_ten_seconds() {
    let clock = WatchedClock::new(at(0));
    let (_input, source) = MemorySource::new();
    let (_, sink) = MemorySink::new();
    let hears = Hears::default();
    let query = Numbers::query()
        .events(source)
        .to(sink)
        .trigger(Trigger::every(seconds(4)))
        .clock(Arc::clone(&clock) as Arc<dyn Clock>)
        .listener(hears.clone())
        .start()
        .await
        .expect("the query starts");
    // It looks at 0, 4, 8, 12, 16, 20 and 24 s, and finds nothing.
    for look in 1..=7 {
        let deadlines = clock.deadlines(&query, look).await;
        clock.set(deadlines[look - 1]);
    }
    clock.deadlines(&query, 8).await;
    query.stop().await.expect("it stops");
    // Told at 0, 12 and 24 s.
    assert_eq!(hears.heard(), ["started Numbers", "idle", "idle", "idle", "terminated None"]);
}
