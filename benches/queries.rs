//! Queries beside the loops that one would write by hand: `cargo bench --bench queries`; those that read Parquet with
//! `--features parquet`.
//!
//! One worker, no checkpoint, a sink that only counts; after the last measurement the ratios of the medians are
//! printed. What is measured is CPU time, which tells the same on one core, and on a busy machine more.

mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration as StdDuration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput};
use stream_runtime::engine::QueryBuilder;
use stream_runtime::plan::Plan;
use stream_runtime::prelude::*;
use support::cpu_time::cpu_time;
use support::hand_written as by_hand;
use support::input::{self, Event, Order, Shipment};
use support::median::median;
use support::queries::{W1, W2, W3, W4, W4Outer, W5, W6};
use support::shared_rows::SharedRows;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const ROWS: u64 = 1_000_000;
const BATCHES: u64 = 10;

const ORDERS: u64 = 500_000;

/// The columns that each case names, as the macro would find them.
const W1_COLUMNS: u128 = Event::__columns(&["action", "amount", "ts"]);
const W2_COLUMNS: u128 = Event::__columns(&["user_id", "amount", "ts"]);
const W3_COLUMNS: u128 = Event::__columns(&["page", "action", "ts"]);
const W5_COLUMNS: u128 = Event::__columns(&["event_id", "ts"]);
const W6_COLUMNS: u128 = Event::__columns(&["user_id", "ts"]);

/// Runs a query to its end; gives the number of result rows.
fn run<P: Plan>(runtime: &Runtime, builder: QueryBuilder<P>) -> usize {
    let results = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&results);
    runtime.block_on(async {
        let query = builder
            .to(ForeachSink::new(move |row| {
                std::hint::black_box(row);
                count.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }))
            .trigger(Trigger::AvailableNow)
            .workers(1)
            .start()
            .await
            .expect("the query starts");
        query.await_termination().await.expect("the query runs to its end");
    });
    results.load(Ordering::Relaxed)
}

/// The CPU time that the process takes to do something as many times.
fn cpu_time_of(times: u64, run: &mut impl FnMut() -> usize) -> StdDuration {
    let started = cpu_time();
    for _ in 0..times {
        std::hint::black_box(run());
    }
    cpu_time().checked_sub(started).unwrap()
}

/// A query and its loop. What is compared has to compute the same thing.
fn compare(
    group: &mut BenchmarkGroup<'_, WallTime>,
    case: &str,
    mut query: impl FnMut() -> usize,
    mut by_hand: impl FnMut() -> usize,
) {
    assert_eq!(query(), by_hand(), "result rows of the query {case} and of its loop");
    group.bench_function(format!("{case} query"), |b| b.iter_custom(|times| cpu_time_of(times, &mut query)));
    group.bench_function(format!("{case} loop"), |b| b.iter_custom(|times| cpu_time_of(times, &mut by_hand)));
}

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat).sample_size(20).throughput(Throughput::Elements(ROWS));
    group
}

fn in_memory(criterion: &mut Criterion, runtime: &Runtime, data: &Data) {
    let events = || SharedRows(Arc::clone(&data.events));
    let mut group = group(criterion, "memory");
    compare(
        &mut group,
        "w1",
        || run(runtime, W1::query().events(events())),
        || by_hand::in_memory::<by_hand::W1>(&data.events).0,
    );
    compare(
        &mut group,
        "w2",
        || run(runtime, W2::query().events(events())),
        || by_hand::in_memory::<by_hand::W2>(&data.events).0,
    );
    compare(
        &mut group,
        "w3",
        || run(runtime, W3::query().events(events()).ads(input::ads())),
        || by_hand::in_memory::<by_hand::W3>(&data.events).0,
    );
    compare(
        &mut group,
        "w5",
        || run(runtime, W5::query().events(events())),
        || by_hand::in_memory::<by_hand::W5>(&data.events).0,
    );
    compare(
        &mut group,
        "w6",
        || run(runtime, W6::query().events(events())),
        || by_hand::in_memory::<by_hand::W6>(&data.events).0,
    );
    group.throughput(Throughput::Elements(data.joined_rows()));
    let orders = || SharedRows(Arc::clone(&data.orders));
    let shipments = || SharedRows(Arc::clone(&data.shipments));
    compare(
        &mut group,
        "w4",
        || run(runtime, W4::query().orders(orders()).shipments(shipments())),
        || by_hand::join_in_memory::<false>(&data.orders, &data.shipments).0,
    );
    compare(
        &mut group,
        "w4outer",
        || run(runtime, W4Outer::query().orders(orders()).shipments(shipments())),
        || by_hand::join_in_memory::<true>(&data.orders, &data.shipments).0,
    );
    group.finish();
}

fn over_json(criterion: &mut Criterion, runtime: &Runtime, data: &Data, files: &Files) {
    let events = || FileSource::json(files.directory("events")).max_files_per_trigger(1);
    let paths = files.paths("events", "jsonl");
    let mut group = group(criterion, "json");
    compare(
        &mut group,
        "w1",
        || run(runtime, W1::query().events(events())),
        || by_hand::over_json::<by_hand::W1, W1_COLUMNS>(&paths),
    );
    compare(
        &mut group,
        "w2",
        || run(runtime, W2::query().events(events())),
        || by_hand::over_json::<by_hand::W2, W2_COLUMNS>(&paths),
    );
    compare(
        &mut group,
        "w3",
        || run(runtime, W3::query().events(events()).ads(input::ads())),
        || by_hand::over_json::<by_hand::W3, W3_COLUMNS>(&paths),
    );
    compare(
        &mut group,
        "w5",
        || run(runtime, W5::query().events(events())),
        || by_hand::over_json::<by_hand::W5, W5_COLUMNS>(&paths),
    );
    compare(
        &mut group,
        "w6",
        || run(runtime, W6::query().events(events())),
        || by_hand::over_json::<by_hand::W6, W6_COLUMNS>(&paths),
    );
    group.throughput(Throughput::Elements(data.joined_rows()));
    let orders = || FileSource::json(files.directory("orders")).max_files_per_trigger(1);
    let shipments = || FileSource::json(files.directory("shipments")).max_files_per_trigger(1);
    let (order_paths, shipment_paths) = (files.paths("orders", "jsonl"), files.paths("shipments", "jsonl"));
    compare(
        &mut group,
        "w4",
        || run(runtime, W4::query().orders(orders()).shipments(shipments())),
        || by_hand::join_over_json::<false>(&order_paths, &shipment_paths),
    );
    compare(
        &mut group,
        "w4outer",
        || run(runtime, W4Outer::query().orders(orders()).shipments(shipments())),
        || by_hand::join_over_json::<true>(&order_paths, &shipment_paths),
    );
    group.finish();
}

#[cfg(feature = "parquet")]
fn over_parquet(criterion: &mut Criterion, runtime: &Runtime, files: &Files) {
    let events = || FileSource::parquet(files.directory("columns")).max_files_per_trigger(1);
    let paths = files.paths("columns", "parquet");
    let mut group = group(criterion, "parquet");
    compare(
        &mut group,
        "w1",
        || run(runtime, W1::query().events(events())),
        || by_hand::over_parquet::<by_hand::W1>(&paths),
    );
    compare(
        &mut group,
        "w3",
        || run(runtime, W3::query().events(events()).ads(input::ads())),
        || by_hand::over_parquet::<by_hand::W3>(&paths),
    );
    group.finish();
}

/// The rows of all inputs, in batches.
struct Data {
    events: Arc<Vec<Vec<Event>>>,
    orders: Arc<Vec<Vec<Order>>>,
    shipments: Arc<Vec<Vec<Shipment>>>,
}

impl Data {
    fn new() -> Self {
        let (orders, shipments) = input::orders_and_shipments(ORDERS, BATCHES);
        Self {
            events: Arc::new(input::events(ROWS, BATCHES)),
            orders: Arc::new(orders),
            shipments: Arc::new(shipments),
        }
    }

    fn joined_rows(&self) -> u64 {
        ORDERS + self.shipments.iter().map(|batch| batch.len() as u64).sum::<u64>()
    }
}

/// The same rows in files of JSON lines, in a directory for each input; and events in Parquet files.
struct Files(TempDir);

impl Files {
    fn new(data: &Data) -> std::io::Result<Self> {
        let files = Self(tempfile::tempdir()?);
        input::write_json(&data.events, &files.directory("events"))?;
        input::write_json(&data.orders, &files.directory("orders"))?;
        input::write_json(&data.shipments, &files.directory("shipments"))?;
        #[cfg(feature = "parquet")]
        input::write_parquet(&data.events, &files.directory("columns"))?;
        Ok(files)
    }

    fn directory(&self, input: &str) -> PathBuf {
        self.0.path().join(input)
    }

    fn paths(&self, input: &str, extension: &str) -> Vec<PathBuf> {
        let name = |index| format!("part-{index:02}.{extension}");
        (0..BATCHES).map(|index| self.directory(input).join(name(index))).collect()
    }
}

fn main() {
    let data = Data::new();
    let files = Files::new(&data).expect("the input can be written");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");

    let mut criterion = Criterion::default()
        .measurement_time(StdDuration::from_secs(8))
        .warm_up_time(StdDuration::from_secs(1))
        .configure_from_args();
    in_memory(&mut criterion, &runtime, &data);
    over_json(&mut criterion, &runtime, &data, &files);
    #[cfg(feature = "parquet")]
    over_parquet(&mut criterion, &runtime, &files);
    criterion.final_summary();

    println!("\nquery : hand-written loop, time by time (below 1 the query is faster)");
    let cases = ["w1", "w2", "w3", "w4", "w4outer", "w5", "w6"];
    for case in
        ["memory", "json", "parquet"].iter().flat_map(|group| cases.map(|case| format!("{group}/{case}")))
    {
        if let (Some(query), Some(by_hand)) =
            (median(&format!("{case} query")), median(&format!("{case} loop")))
        {
            println!("{case:>14}  {:.2}", query / by_hand);
        }
    }
}
