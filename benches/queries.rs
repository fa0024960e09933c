//! Queries beside the loops that one would write by hand: `cargo bench --bench queries`.
//!
//! One worker, no checkpoint, a sink that only counts; after the last measurement the ratios of the medians are
//! printed.

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration as StdDuration;

use criterion::{Criterion, SamplingMode, Throughput};
use stream_runtime::engine::QueryBuilder;
use stream_runtime::plan::Plan;
use stream_runtime::prelude::*;
use support::hand_written as by_hand;
use support::input::{self, Event};
use support::median::median;
use support::queries::{W1, W2, W5, W6};
use support::shared_rows::SharedRows;
use tokio::runtime::Runtime;

const ROWS: u64 = 1_000_000;
const BATCHES: u64 = 10;

/// The columns that each case names, as the macro would find them.
const W1_COLUMNS: u128 = Event::__columns(&["action", "amount", "ts"]);
const W2_COLUMNS: u128 = Event::__columns(&["user_id", "amount", "ts"]);
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

/// What is compared has to compute the same thing.
fn check(runtime: &Runtime, batches: &Arc<Vec<Vec<Event>>>) {
    let source = || SharedRows(Arc::clone(batches));
    let counts = [
        (run(runtime, W1::query().events(source())), by_hand::in_memory::<by_hand::W1>(batches)),
        (run(runtime, W2::query().events(source())), by_hand::in_memory::<by_hand::W2>(batches)),
        (run(runtime, W5::query().events(source())), by_hand::in_memory::<by_hand::W5>(batches)),
        (run(runtime, W6::query().events(source())), by_hand::in_memory::<by_hand::W6>(batches)),
    ];
    for (query, by_hand) in counts {
        assert_eq!(query, by_hand, "result rows of a query and of its loop");
    }
}

fn in_memory(criterion: &mut Criterion, runtime: &Runtime, batches: &Arc<Vec<Vec<Event>>>) {
    let source = || SharedRows(Arc::clone(batches));
    let mut group = criterion.benchmark_group("memory");
    group.throughput(Throughput::Elements(ROWS)).sampling_mode(SamplingMode::Flat).sample_size(20);
    group.bench_function("w1 query", |b| b.iter(|| run(runtime, W1::query().events(source()))));
    group.bench_function("w1 loop", |b| b.iter(|| by_hand::in_memory::<by_hand::W1>(batches)));
    group.bench_function("w2 query", |b| b.iter(|| run(runtime, W2::query().events(source()))));
    group.bench_function("w2 loop", |b| b.iter(|| by_hand::in_memory::<by_hand::W2>(batches)));
    group.bench_function("w5 query", |b| b.iter(|| run(runtime, W5::query().events(source()))));
    group.bench_function("w5 loop", |b| b.iter(|| by_hand::in_memory::<by_hand::W5>(batches)));
    group.bench_function("w6 query", |b| b.iter(|| run(runtime, W6::query().events(source()))));
    group.bench_function("w6 loop", |b| b.iter(|| by_hand::in_memory::<by_hand::W6>(batches)));
    group.finish();
}

fn over_json(criterion: &mut Criterion, runtime: &Runtime, directory: &Path) {
    let source = || FileSource::json(directory).max_files_per_trigger(1);
    let files: Vec<PathBuf> =
        (0..BATCHES).map(|index| directory.join(format!("part-{index:02}.jsonl"))).collect();
    let mut group = criterion.benchmark_group("json");
    group.throughput(Throughput::Elements(ROWS)).sampling_mode(SamplingMode::Flat).sample_size(20);
    group.bench_function("w1 query", |b| b.iter(|| run(runtime, W1::query().events(source()))));
    group.bench_function("w1 loop", |b| b.iter(|| by_hand::over_json::<by_hand::W1, W1_COLUMNS>(&files)));
    group.bench_function("w2 query", |b| b.iter(|| run(runtime, W2::query().events(source()))));
    group.bench_function("w2 loop", |b| b.iter(|| by_hand::over_json::<by_hand::W2, W2_COLUMNS>(&files)));
    group.bench_function("w5 query", |b| b.iter(|| run(runtime, W5::query().events(source()))));
    group.bench_function("w5 loop", |b| b.iter(|| by_hand::over_json::<by_hand::W5, W5_COLUMNS>(&files)));
    group.bench_function("w6 query", |b| b.iter(|| run(runtime, W6::query().events(source()))));
    group.bench_function("w6 loop", |b| b.iter(|| by_hand::over_json::<by_hand::W6, W6_COLUMNS>(&files)));
    group.finish();
}

fn main() {
    let directory = tempfile::tempdir().expect("a directory for the input");
    let batches = Arc::new(input::events(ROWS, BATCHES));
    input::write_json(&batches, directory.path()).expect("the input can be written");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");

    let mut criterion = Criterion::default()
        .measurement_time(StdDuration::from_secs(8))
        .warm_up_time(StdDuration::from_secs(1))
        .configure_from_args();
    check(&runtime, &batches);
    in_memory(&mut criterion, &runtime, &batches);
    over_json(&mut criterion, &runtime, directory.path());
    criterion.final_summary();

    println!("\nquery : hand-written loop, time by time (below 1 the query is faster)");
    let cases = ["w1", "w2", "w5", "w6"];
    for case in ["memory", "json"].iter().flat_map(|group| cases.map(|case| format!("{group}/{case}"))) {
        if let (Some(query), Some(by_hand)) =
            (median(&format!("{case} query")), median(&format!("{case} loop")))
        {
            println!("{case:>10}  {:.2}", query / by_hand);
        }
    }
}
