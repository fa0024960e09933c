//! What a query holds in memory depends on its groups, not on the length of its input.

use std::fmt::Write as _;
use std::io::Write as _;

use stream_runtime::prelude::*;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

#[derive(Schema)]
struct Click {
    page: String,
    timestamp: Timestamp,
}

#[derive(Schema)]
struct PageViews {
    window: Window,
    page: String,
    views: u64,
}

stream_query! {
    query Views(clicks: Click) -> PageViews {
        from click in clicks watermark(click.timestamp, minutes(1));
        group by window(click.timestamp, minutes(10)) as w, click.page;
        select PageViews { window: w, page: click.page, views: count() };
        output append;
    }
}

const MEGABYTES: usize = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_peak_is_far_below_the_size_of_the_input() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut file = std::fs::File::create(directory.path().join("clicks.jsonl")).expect("a file");
    let mut lines = String::new();
    for row in 0..1_000 {
        let _ = writeln!(
            lines,
            r#"{{"page":"/p/{}","padding":"{:0>900}","timestamp":"2026-01-01T00:00:00.{row:03}Z"}}"#,
            row % 10,
            row
        );
    }
    for _ in 0..(MEGABYTES << 20) / lines.len() {
        file.write_all(lines.as_bytes()).expect("the input can be written");
    }
    drop((file, lines));

    let _profiler = dhat::Profiler::builder().testing().build();
    let query = Views::query()
        .clicks(FileSource::json(directory.path()))
        .to(ForeachSink::new(|_| Ok(())))
        .trigger(Trigger::AvailableNow)
        .workers(1)
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect("the query runs to its end");
    let rows: u64 = query.recent_progress().iter().map(|progress| progress.num_input_rows).sum();
    assert!(rows > 20_000, "{rows} rows read");
    let peak = dhat::HeapStats::get().max_bytes;
    assert!(peak < (MEGABYTES << 20) / 4, "{peak} bytes at the peak");
}
