//! The Parquet sink beside Arrow's own writer: the same rows, the same options, both durable on disk.
//! `cargo bench --bench parquet_sink --features parquet`. criterion measures CPU time; the ratios at the end, of CPU time and of time on the
//! clock, are of medians of runs that took turns, so that whatever else the machine does is in both.

#[path = "support/cpu_time.rs"]
mod cpu_time;

use std::fs::File;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration as StdDuration, Instant};

use arrow_array::builder::{
    Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder, UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch, StructArray};
use arrow_schema::{DataType, Field, Schema as ArrowSchema, TimeUnit};
use cpu_time::cpu_time;
use criterion::{Criterion, criterion_group, criterion_main};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use stream_runtime::Uuid;
use stream_runtime::plan::Mode;
use stream_runtime::prelude::*;
use stream_runtime::sink::file::Parquet;
use stream_runtime::sink::{Sink, SinkBatch, SinkContext};

const ROWS: i64 = 500_000;
/// As many rows as go into an array: the same for both.
const CHUNK: usize = 8192;
/// How often each writes after criterion has measured it.
const ROUNDS: usize = 15;

#[derive(Schema)]
struct Stat {
    window: Window,
    user_id: String,
    page: String,
    views: u64,
    mean: Option<f64>,
    latest: i64,
}

fn rows() -> Vec<Stat> {
    let row = |n: i64| {
        // Arithmetic that looks random.
        let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64) as u64 >> 20;
        let start = Timestamp::from_secs(1_767_225_600 + n / 1_000 * 60);
        Stat {
            window: Window { start, end: start + minutes(1) },
            user_id: format!("user-{}", mixed % 100_000),
            page: format!("/shop/page-{}", mixed % 300),
            views: mixed % 1_000,
            mean: (!mixed.is_multiple_of(10)).then_some(mixed as f64 / 7.0),
            latest: n,
        }
    };
    (0..ROWS).map(row).collect()
}

/// What one would write by hand with Arrow.
fn by_hand(rows: &[Stat], path: &Path) {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let ends = vec![Field::new("start", time.clone(), false), Field::new("end", time, false)];
    let schema = Arc::new(ArrowSchema::new(vec![
        Field::new("window", DataType::Struct(ends.clone().into()), false),
        Field::new("user_id", DataType::Utf8, false),
        Field::new("page", DataType::Utf8, false),
        Field::new("views", DataType::UInt64, false),
        Field::new("mean", DataType::Float64, true),
        Field::new("latest", DataType::Int64, false),
    ]));
    let file = File::create(path).expect("a file");
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties)).expect("a writer");
    for rows in rows.chunks(CHUNK) {
        let mut starts = TimestampMicrosecondBuilder::with_capacity(rows.len());
        let mut ends_of = TimestampMicrosecondBuilder::with_capacity(rows.len());
        let mut users = StringBuilder::with_capacity(rows.len(), rows.len() * 16);
        let mut pages = StringBuilder::with_capacity(rows.len(), rows.len() * 16);
        let mut views = UInt64Builder::with_capacity(rows.len());
        let mut means = Float64Builder::with_capacity(rows.len());
        let mut latest = Int64Builder::with_capacity(rows.len());
        for row in rows {
            starts.append_value(row.window.start.as_micros());
            ends_of.append_value(row.window.end.as_micros());
            users.append_value(&row.user_id);
            pages.append_value(&row.page);
            views.append_value(row.views);
            means.append_option(row.mean);
            latest.append_value(row.latest);
        }
        let times: Vec<ArrayRef> = vec![
            Arc::new(starts.finish().with_timezone("UTC")),
            Arc::new(ends_of.finish().with_timezone("UTC")),
        ];
        let window = StructArray::new(ends.clone().into(), times, None);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(window),
            Arc::new(users.finish()),
            Arc::new(pages.finish()),
            Arc::new(views.finish()),
            Arc::new(means.finish()),
            Arc::new(latest.finish()),
        ];
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), columns).expect("a batch")).expect("written");
    }
    writer.into_inner().and_then(|file| Ok(file.sync_all()?)).expect("on disk");
}

async fn opened(dir: &Path) -> FileSink<Parquet> {
    let mut sink = FileSink::parquet(dir);
    let context = SinkContext {
        query_id: Uuid::from_u128(1),
        query_name: "Stats".to_owned(),
        mode: Mode::Append,
        first_batch: 0,
        first_is_replay: false,
    };
    Sink::<Stat>::open(&mut sink, context).await.expect("the sink opens");
    sink
}

/// The first batch of a query: its file and its entry in the manifest.
async fn write(sink: &mut FileSink<Parquet>, rows: &[Stat]) {
    let batch = SinkBatch { id: 0, mode: Mode::Append, rows, removed: &[], watermark: None };
    sink.commit(batch).await.expect("the batch is written");
}

/// What a run took on the clock, and of the CPU.
#[derive(Clone, Copy)]
struct Took {
    clock: StdDuration,
    cpu: StdDuration,
}

fn measured(run: impl FnOnce()) -> Took {
    let (clock, cpu) = (Instant::now(), cpu_time());
    run();
    Took { clock: clock.elapsed(), cpu: cpu_time().saturating_sub(cpu) }
}

fn median(runs: &[Took], of: impl Fn(&Took) -> StdDuration) -> f64 {
    let mut times: Vec<StdDuration> = runs.iter().map(of).collect();
    times.sort_unstable();
    times.get(times.len() / 2).map_or(f64::NAN, StdDuration::as_secs_f64)
}

fn parquet_sink(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    let rows = rows();
    let directory = || tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let sink = || {
        let directory = directory();
        let mut sink = runtime.block_on(opened(directory.path()));
        measured(|| runtime.block_on(write(&mut sink, black_box(&rows))))
    };
    let hand = || {
        let directory = directory();
        measured(|| by_hand(black_box(&rows), &directory.path().join("rows.parquet")))
    };
    let mut group = criterion.benchmark_group(format!("{ROWS} rows to one Parquet file"));
    group.sample_size(10);
    group.bench_function("sink", |b| b.iter_custom(|times| (0..times).map(|_| sink().cpu).sum()));
    group.bench_function("arrow's writer", |b| b.iter_custom(|times| (0..times).map(|_| hand().cpu).sum()));
    group.finish();
    let (ours, theirs): (Vec<Took>, Vec<Took>) = (0..ROUNDS).map(|_| (sink(), hand())).unzip();
    for (name, of) in
        [("CPU time", (|took| took.cpu) as fn(&Took) -> StdDuration), ("on the clock", |took| took.clock)]
    {
        let (ours, theirs) = (median(&ours, of), median(&theirs, of));
        println!(
            "{name}: sink {:.0} ms, arrow's writer {:.0} ms, {:.2} times",
            ours * 1e3,
            theirs * 1e3,
            ours / theirs
        );
    }
}

criterion_group!(benches, parquet_sink);
criterion_main!(benches);
