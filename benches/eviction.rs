//! Evicting costs what is evicted and not what is kept: `cargo bench --bench eviction`.
//!
//! Each batch brings 1,000 new keys to a deduplication, and makes it forget the 1,000 oldest, while a hundred thousand, a
//! million, or ten million others stay. A hundred times as many keys cost a few times as much, because they lie in memory
//! and not in a cache; looking through them would cost a hundred times as much.
//!
//! Needs 2 GB of memory; a filter leaves cases out (`-- 100000`).

#[path = "support/median.rs"]
mod median;

use std::time::{Duration as StdDuration, Instant};

use criterion::Criterion;
use stream_runtime::engine::StreamingQuery;
use stream_runtime::prelude::*;
use stream_runtime::sink::MemoryResults;
use stream_runtime::source::MemoryInput;
use tokio::runtime::Runtime;

use self::median::median;

#[derive(Schema, Clone)]
struct Event {
    event_id: u64,
    ts: Timestamp,
}

/// How long a key is kept, in event time.
const KEPT: Duration = seconds(10_000);

stream_query! {
    query Distinct(events: Event) -> Event {
        from e in events watermark(e.ts, KEPT);
        dedup by e.event_id, e.ts;
        select e;
        output append;
    }
}

const KEYS: [u64; 3] = [100_000, 1_000_000, 10_000_000];
const BATCH: u64 = 1_000;

/// A query whose state holds as many keys as it has seen in the last [`KEPT`] of event time.
struct Running {
    query: StreamingQuery,
    input: MemoryInput<Event>,
    results: MemoryResults<Event>,
    /// The time between two events.
    step: Duration,
    next: u64,
}

impl Running {
    async fn with_keys(keys: u64) -> Self {
        let (input, source) = MemorySource::new();
        let (results, sink) = MemorySink::new();
        let query = Distinct::query().events(source).to(sink).workers(1).start().await;
        let query = query.expect("the query starts");
        let step = Duration::from_micros(KEPT.as_micros() / keys as i64);
        let mut running = Self { query, input, results, step, next: 0 };
        while running.next < keys {
            running.batch(keys.min(100_000)).await;
        }
        // The watermark is one batch behind: from here on each batch evicts as many keys as it brings.
        for _ in 0..4 {
            running.batch(BATCH).await;
        }
        running
    }

    /// Adds as many new keys, and waits until they are in the result.
    async fn batch(&mut self, count: u64) {
        let (first, step) = (self.next, self.step);
        self.next += count;
        self.input.add((first..self.next).map(|event_id| Event {
            event_id,
            ts: Timestamp::from_secs(1_767_225_600) + step * event_id as i64,
        }));
        let done = self.results.wait_for_rows(count as usize).await;
        assert!(done, "the query has ended: {:?}", self.query.exception());
        self.results.clear();
    }

    /// How many keys are in state, which is what the measurement says of itself.
    fn kept(&self) -> u64 {
        self.query.last_progress().map_or(0, |progress| progress.state_operators[0].num_rows_total)
    }
}

fn eviction(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("eviction");
    for keys in KEYS {
        // Made only if the filter lets the case through.
        let mut running = None;
        group.bench_function(format!("{keys} kept"), |b| {
            b.iter_custom(|batches| {
                runtime.block_on(async {
                    let running = match &mut running {
                        Some(running) => running,
                        empty => empty.insert(Running::with_keys(keys).await),
                    };
                    let started = Instant::now();
                    for _ in 0..batches {
                        running.batch(BATCH).await;
                    }
                    started.elapsed()
                })
            });
        });
        if let Some(running) = running {
            let kept = running.kept();
            assert!(kept.abs_diff(keys) <= 3 * BATCH, "{kept} keys are in state, not {keys}");
            runtime.block_on(running.query.stop()).expect("the query stops");
        }
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(StdDuration::from_millis(500))
        .measurement_time(StdDuration::from_secs(5))
        .sample_size(20)
        .configure_from_args();
    eviction(&mut criterion);
    criterion.final_summary();

    println!("\na batch that brings 1,000 keys and evicts 1,000, µs");
    for keys in KEYS {
        if let Some(nanoseconds) = median(&format!("eviction/{keys} kept")) {
            println!("{keys:>10} kept  {:.0}", nanoseconds / 1_000.0);
        }
    }
}
