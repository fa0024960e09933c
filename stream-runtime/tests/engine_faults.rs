//! What goes wrong in a service's own code ends the query, or doesn't; it never leaves anyone waiting.

use std::sync::{Arc, Mutex, PoisonError};

use stream_runtime::engine::Progress;
use stream_runtime::prelude::*;
use stream_runtime::sink::{ForeachSink, MemorySink};
use stream_runtime::source::MemorySource;

#[derive(Schema, Clone, Debug, PartialEq)]
struct Item {
    number: i64,
}

stream_query! {
    query Copied(items: Item) -> Item {
        from item in items;
        select Item { number: item.number };
        output append;
    }
}

#[tokio::test]
async fn a_panic_in_a_sink_ends_the_query_with_its_message() {
    let (input, source) = MemorySource::new();
    input.add([Item { number: 7 }]);
    let sink = ForeachSink::new(|item: &Item| panic!("number {}", item.number));
    let query = Copied::query().items(source).to(sink).workers(1).start().await.unwrap();
    let error = query.await_termination().await.unwrap_err().to_string();
    assert!(error.contains("batch 0") && error.contains("panicked: number 7"), "{error}");
    assert!(!query.is_active());
}

#[derive(Default)]
struct Jumpy {
    heard: Mutex<Vec<u64>>,
}

impl QueryListener for Jumpy {
    fn on_progress(&self, progress: &Progress) {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(progress.batch_id);
        panic!("at the first noise");
    }
}

#[tokio::test]
async fn a_listener_that_panics_is_passed_over() {
    let (input, source) = MemorySource::new();
    input.add([Item { number: 1 }]);
    input.add([Item { number: 2 }]);
    let (results, sink) = MemorySink::new();
    let listener = Arc::new(Jumpy::default());
    let query = Copied::query().items(source.max_chunks_per_trigger(1)).to(sink).workers(1);
    let query = query.listener(Arc::clone(&listener)).trigger(Trigger::AvailableNow).start().await.unwrap();
    query.await_termination().await.unwrap();
    assert_eq!(results.rows(), [Item { number: 1 }, Item { number: 2 }]);
    assert_eq!(*listener.heard.lock().unwrap_or_else(PoisonError::into_inner), [0, 1]);
}

#[test]
fn a_query_whose_runtime_is_shut_down_has_ended() {
    let runtime =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (_input, source) = MemorySource::<Item>::new();
    let (_results, sink) = MemorySink::new();
    let running = runtime();
    let query = running.block_on(Copied::query().items(source).to(sink).workers(1).start()).unwrap();
    drop(running);
    let error = runtime().block_on(query.await_termination()).unwrap_err().to_string();
    assert!(error.contains("runtime was shut down"), "{error}");
}
