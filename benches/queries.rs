//! Queries beside the loops that one would write by hand: `cargo bench --bench queries`.
//!
//! One worker, no checkpoint, a sink that only counts; after the last measurement the ratios of the medians are
//! printed.

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration as StdDuration;

use criterion::{Criterion, SamplingMode, Throughput};
use stream_runtime::engine::QueryBuilder;
use stream_runtime::plan::Plan;
use stream_runtime::prelude::*;
use support::hand_written::Case;
use support::input::{self, Event};
use support::queries::{W1, W2};
use support::shared_rows::SharedRows;
use tokio::runtime::Runtime;

const ROWS: u64 = 1_000_000;
const BATCHES: u64 = 10;

/// The columns that each case names, as the macro would find them.
const W1_COLUMNS: u128 = Event::__columns(&["action", "amount", "ts"]);
const W2_COLUMNS: u128 = Event::__columns(&["user_id", "amount", "ts"]);

/// Runs a query to its end.
fn run<P: Plan>(runtime: &Runtime, builder: QueryBuilder<P>) {
    runtime.block_on(async {
        let query = builder
            .to(ForeachSink::new(|row| {
                std::hint::black_box(row);
                Ok(())
            }))
            .trigger(Trigger::AvailableNow)
            .workers(1)
            .start()
            .await
            .expect("the query starts");
        query.await_termination().await.expect("the query runs to its end");
    });
}

fn in_memory(criterion: &mut Criterion, runtime: &Runtime, batches: &Arc<Vec<Vec<Event>>>) {
    let source = || SharedRows(Arc::clone(batches));
    let mut group = criterion.benchmark_group("memory");
    group.throughput(Throughput::Elements(ROWS)).sampling_mode(SamplingMode::Flat).sample_size(20);
    group.bench_function("w1 query", |b| b.iter(|| run(runtime, W1::query().events(source()))));
    group.bench_function("w1 loop", |b| b.iter(|| Case::W1.in_memory(batches)));
    group.bench_function("w2 query", |b| b.iter(|| run(runtime, W2::query().events(source()))));
    group.bench_function("w2 loop", |b| b.iter(|| Case::W2.in_memory(batches)));
    group.finish();
}

fn over_json(criterion: &mut Criterion, runtime: &Runtime, directory: &Path) {
    let source = || FileSource::json(directory).max_files_per_trigger(1);
    let files: Vec<PathBuf> =
        (0..BATCHES).map(|index| directory.join(format!("part-{index:02}.jsonl"))).collect();
    let mut group = criterion.benchmark_group("json");
    group.throughput(Throughput::Elements(ROWS)).sampling_mode(SamplingMode::Flat).sample_size(20);
    group.bench_function("w1 query", |b| b.iter(|| run(runtime, W1::query().events(source()))));
    group.bench_function("w1 loop", |b| b.iter(|| Case::W1.over_json::<W1_COLUMNS>(&files)));
    group.bench_function("w2 query", |b| b.iter(|| run(runtime, W2::query().events(source()))));
    group.bench_function("w2 loop", |b| b.iter(|| Case::W2.over_json::<W2_COLUMNS>(&files)));
    group.finish();
}

/// The median of a measurement that criterion has just written down, in ns.
fn median(name: &str) -> Option<f64> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?;
    let text =
        std::fs::read_to_string(target.join("criterion").join(name).join("new/estimates.json")).ok()?;
    serde_json::from_str::<serde_json::Value>(&text).ok()?["median"]["point_estimate"].as_f64()
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
    in_memory(&mut criterion, &runtime, &batches);
    over_json(&mut criterion, &runtime, directory.path());
    criterion.final_summary();

    println!("\nquery : hand-written loop, time by time (below 1 the query is faster)");
    for case in ["memory/w1", "memory/w2", "json/w1", "json/w2"] {
        if let (Some(query), Some(by_hand)) =
            (median(&format!("{case} query")), median(&format!("{case} loop")))
        {
            println!("{case:>10}  {:.2}", query / by_hand);
        }
    }
}
