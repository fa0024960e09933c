//! A row in state takes at most half as much memory again as it does in the maps of a loop written by hand.
//!
//! Both sides are counted by the allocator, with all that goes with the rows: index, calendar, room to spare. The sizes
//! stand on both sides of those at which a hash table doubles, since that favours the one or the other.

use std::sync::{Arc, Mutex};

use stream_runtime::engine::{Progress, QueryBuilder, QueryListener};
use stream_runtime::plan::Plan;
use stream_runtime::prelude::*;

#[path = "../benches/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the benchmarks use the rest")]
mod support;

use support::hand_written as by_hand;
use support::input::{Event, Order, Shipment};
use support::queries::{W4Outer, W5, W6};
use support::shared_rows::SharedRows;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const SIZES: [usize; 2] = [55_000, 60_000];
const BATCH: usize = 10_000;

fn bytes() -> usize {
    dhat::HeapStats::get().curr_bytes
}

/// The bytes allocated at the end of the last batch.
#[derive(Clone, Default)]
struct AtTheEnd(Arc<Mutex<usize>>);

impl QueryListener for AtTheEnd {
    fn on_progress(&self, _: &Progress) {
        *self.0.lock().expect("no test thread has panicked") = bytes();
    }
}

/// What a query holds after its last batch.
async fn held_by<P: Plan>(builder: QueryBuilder<P>, rows: usize) -> usize {
    let before = bytes();
    let at_the_end = AtTheEnd::default();
    let query = builder.to(ForeachSink::new(|_| Ok(()))).listener(at_the_end.clone()).workers(1);
    let query = query.trigger(Trigger::AvailableNow).start().await.expect("the query starts");
    query.await_termination().await.expect("the query runs to its end");
    let progress = query.last_progress().expect("a batch has run");
    assert_eq!(progress.state_operators[0].num_rows_total, rows as u64, "all rows are in state");
    let at_the_end = *at_the_end.0.lock().expect("no test thread has panicked");
    at_the_end - before
}

/// What `make` leaves behind.
fn held<T>(make: impl FnOnce() -> T) -> usize {
    let before = bytes();
    let state = make();
    let held = bytes() - before;
    drop(state);
    held
}

fn in_batches<R>(rows: impl Iterator<Item = R>) -> Arc<Vec<Vec<R>>> {
    let mut rows = rows.peekable();
    let mut batches = Vec::new();
    while rows.peek().is_some() {
        batches.push(rows.by_ref().take(BATCH).collect());
    }
    Arc::new(batches)
}

/// So close to one another that the watermark passes none of them.
fn at(index: usize) -> Timestamp {
    Timestamp::from_secs(1_767_225_600) + milliseconds((index % 60_000) as i64)
}

fn events(count: usize) -> Arc<Vec<Vec<Event>>> {
    in_batches((0..count).map(|index| Event {
        user_id: format!("u{index}"),
        page: String::new(),
        action: String::new(),
        amount: 0.0,
        event_id: index as i64,
        ts: at(index),
    }))
}

fn orders(count: usize) -> Arc<Vec<Vec<Order>>> {
    in_batches((0..count).map(|index| Order {
        order_id: format!("o{index}"),
        amount: index as f64,
        ts: at(index),
    }))
}

fn shipments(count: usize) -> Arc<Vec<Vec<Shipment>>> {
    in_batches((0..count).map(|index| Shipment {
        order_id: format!("o{index}"),
        carrier: "dhl".to_owned(),
        ts: at(index) + minutes(1),
    }))
}

/// One test, since the allocator counts for the whole process.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn state_takes_at_most_half_as_much_again_as_maps_written_by_hand() {
    let _profiler = dhat::Profiler::builder().testing().build();
    for count in SIZES {
        let events = events(count);
        let source = || SharedRows(Arc::clone(&events));
        let by_query = held_by(W5::query().events(source()), count).await;
        compare("w5", count, by_query, held(|| by_hand::in_memory::<by_hand::W5>(&events)));
        let by_query = held_by(W6::query().events(source()), count).await;
        compare("w6", count, by_query, held(|| by_hand::in_memory::<by_hand::W6>(&events)));

        let (orders, shipments) = (orders(count), shipments(count));
        let query = W4Outer::query().orders(SharedRows(Arc::clone(&orders)));
        let query = query.shipments(SharedRows(Arc::clone(&shipments)));
        let by_query = held_by(query, 2 * count).await;
        let by_loop = held(|| by_hand::join_in_memory::<true>(&orders, &shipments));
        compare("w4", 2 * count, by_query, by_loop);
    }
}

fn compare(case: &str, rows: usize, query: usize, by_hand: usize) {
    let bytes = |held: usize| held as f64 / rows as f64;
    let ratio = query as f64 / by_hand as f64;
    println!("{case}: {:.1} : {:.1} bytes a row, {ratio:.2}, {rows} rows", bytes(query), bytes(by_hand));
    assert!(ratio <= 1.5, "{case}: {:.1} bytes a row, by hand {:.1}", bytes(query), bytes(by_hand));
}
