//! Sinks of late rows are closed whatever happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use stream_runtime::prelude::*;
use stream_runtime::sink::{AppendOnly, Sink, SinkBatch};

/// A row that panics when it is dropped by a thread that does row work, once that is asked for.
#[derive(Schema, Clone, Debug, PartialEq)]
struct Fragile {
    number: u64,
    ts: Timestamp,
}

static BREAKS: AtomicBool = AtomicBool::new(false);

impl Drop for Fragile {
    fn drop(&mut self) {
        let does_row_work = std::thread::current().name().is_some_and(|name| name.starts_with("Visits-"));
        assert!(!does_row_work || !BREAKS.swap(false, Ordering::Relaxed), "a fragile row");
    }
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Count {
    key: u64,
    n: u64,
}

stream_query! {
    query Visits(events: Fragile) -> Count {
        from e in events watermark(e.ts, seconds(0)) late into dropped;
        explode item in [e.number, e.number + 1, e.number + 2, e.number + 3];
        group by session(e.ts, seconds(3)), item;
        select Count { key: item, n: count() };
        output append;
    }
}

#[derive(Clone, Default)]
struct Closed(Arc<AtomicBool>);

#[async_trait]
impl Sink<Fragile> for Closed {
    type Modes = AppendOnly;

    fn description(&self) -> String {
        "Closed".to_owned()
    }

    async fn commit(&mut self, batch: SinkBatch<'_, Fragile>) -> stream_runtime::Result<()> {
        // The next row to be dropped is one that another worker has found to be late too.
        BREAKS.store(batch.id == 1, Ordering::Relaxed);
        Ok(())
    }

    async fn close(&mut self) -> stream_runtime::Result<()> {
        self.0.store(true, Ordering::Relaxed);
        Ok(())
    }
}

#[tokio::test]
async fn the_sink_of_late_rows_is_closed_if_a_row_panics_on_its_way_there() {
    let (input, source) = MemorySource::new();
    for second in [50, 60, 1] {
        input.add([Fragile { number: 1, ts: Timestamp::from_secs(second) }]);
    }
    let closed = Closed::default();
    let query = Visits::query().events(source.max_chunks_per_trigger(1)).dropped(closed.clone());
    let query = query.to(MemorySink::new().1).workers(3).trigger(Trigger::AvailableNow);
    let query = query.start().await.expect("it starts");
    let error = query.await_termination().await.expect_err("it panics").to_string();
    assert!(error.contains("a fragile row"), "{error}");
    assert!(closed.0.load(Ordering::Relaxed));
}
