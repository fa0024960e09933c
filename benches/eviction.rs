//! Evicting costs what is evicted and not what is kept: `cargo bench --bench eviction`.
//!
//! Each batch brings 1,000 new keys to a deduplication, or 1,000 new orders to one side of a join, and makes it forget the
//! 1,000 oldest, while a hundred thousand, a million, or ten million others stay. A hundred times as many cost a few times
//! as much, because they lie in memory and not in a cache; looking through them would cost a hundred times as much.
//!
//! Needs 3 GB of memory; a filter leaves cases out (`-- 100000`).

#[path = "support/cpu_time.rs"]
mod cpu_time;
#[path = "support/median.rs"]
mod median;

use std::pin::Pin;
use std::time::Duration as StdDuration;

use criterion::Criterion;
use stream_runtime::engine::StreamingQuery;
use stream_runtime::prelude::*;
use stream_runtime::sink::MemoryResults;
use tokio::runtime::Runtime;

use self::cpu_time::cpu_time;
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

stream_query! {
    query Shipped(orders: Event, shipments: Event) -> Event {
        from o in orders watermark(o.ts, seconds(0));
        join s in shipments watermark(s.ts, seconds(0)) on s.event_id == o.event_id
            within s.ts in o.ts ..= o.ts + KEPT;
        select o;
        output append;
    }
}

const KEYS: [u64; 3] = [100_000, 1_000_000, 10_000_000];
const BATCH: u64 = 1_000;
const CASES: [(&str, Start); 2] = [("dedup", || Box::pin(distinct())), ("join", || Box::pin(shipped()))];

type Start = fn() -> Pin<Box<dyn Future<Output = Started>>>;

/// A query, what gives it rows, and what it gives.
struct Started {
    query: StreamingQuery,
    /// Gives it the rows, and says how many come out.
    add: Box<dyn Fn(Vec<Event>) -> usize>,
    results: MemoryResults<Event>,
}

async fn distinct() -> Started {
    let (input, source) = MemorySource::new();
    let (results, sink) = MemorySink::new();
    let query = Distinct::query().events(source).to(sink).workers(1).start().await;
    let add = move |events: Vec<Event>| {
        let count = events.len();
        input.add(events);
        count
    };
    Started { query: query.expect("the query starts"), add: Box::new(add), results }
}

/// Only the last order of a batch is shipped, which moves the watermark.
async fn shipped() -> Started {
    let (orders, orders_source) = MemorySource::new();
    let (shipments, shipments_source) = MemorySource::new();
    let (results, sink) = MemorySink::new();
    let query = Shipped::query().orders(orders_source).shipments(shipments_source);
    let query = query.to(sink).workers(1).start().await;
    let add = move |events: Vec<Event>| {
        shipments.add(events.last().cloned());
        orders.add(events);
        1
    };
    Started { query: query.expect("the query starts"), add: Box::new(add), results }
}

/// A query whose state holds as many keys as it has seen in the last [`KEPT`] of event time.
struct Running {
    started: Started,
    /// The time between two events.
    step: Duration,
    next: u64,
}

impl Running {
    async fn with_keys(start: Start, keys: u64) -> Self {
        let step = Duration::from_micros(KEPT.as_micros() / keys as i64);
        let mut running = Self { started: start().await, step, next: 0 };
        while running.next < keys {
            running.batch(keys.min(100_000)).await;
        }
        // The watermark is one batch behind: from here on each batch evicts as many keys as it brings.
        for _ in 0..4 {
            running.batch(BATCH).await;
        }
        running
    }

    /// Adds as many new keys, and waits until they have been seen.
    async fn batch(&mut self, count: u64) {
        let (first, step) = (self.next, self.step);
        self.next += count;
        let event =
            |event_id| Event { event_id, ts: Timestamp::from_secs(1_767_225_600) + step * event_id as i64 };
        let Started { query, add, results } = &self.started;
        let come_out = add((first..self.next).map(event).collect());
        let done = results.wait_for_rows(come_out).await;
        assert!(done, "the query has ended: {:?}", query.exception());
        results.clear();
    }

    /// How many keys are in state, which is what the measurement says of itself.
    fn kept(&self) -> u64 {
        self.started.query.last_progress().map_or(0, |progress| progress.state_operators[0].num_rows_total)
    }
}

fn eviction(criterion: &mut Criterion, case: &str, start: Start) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("eviction");
    for keys in KEYS {
        // Made only if the filter lets the case through.
        let mut running = None;
        group.bench_function(format!("{case} {keys} kept"), |b| {
            let running = running.get_or_insert_with(|| runtime.block_on(Running::with_keys(start, keys)));
            b.iter_custom(|batches| {
                runtime.block_on(async {
                    let started = cpu_time();
                    for _ in 0..batches {
                        running.batch(BATCH).await;
                    }
                    cpu_time().checked_sub(started).unwrap()
                })
            });
        });
        if let Some(running) = running {
            let kept = running.kept();
            assert!(kept.abs_diff(keys) <= 4 * BATCH, "{kept} keys are in state, not {keys}");
            runtime.block_on(running.started.query.stop()).expect("the query stops");
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
    for (case, start) in CASES {
        eviction(&mut criterion, case, start);
    }
    criterion.final_summary();

    println!("\na batch that brings 1,000 keys and evicts 1,000, µs of CPU time");
    for (case, keys) in CASES.into_iter().flat_map(|(case, _)| KEYS.map(|keys| (case, keys))) {
        if let Some(nanoseconds) = median(&format!("eviction/{case} {keys} kept")) {
            println!("{case} {keys:>10} kept  {:.0}", nanoseconds / 1_000.0);
        }
    }
}
