//! Counts by window landed as Parquet, a directory a day: the lesson's append-mode query with a trigger of one minute.
//!
//! `cargo run --example parquet_windows --features parquet` — makes its own input, ends by itself, and prints what it
//! wrote by reading the files back. A service would leave the query running.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMicrosecondType, UInt64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use stream_runtime::prelude::*;
use stream_runtime::sink::file::{ParquetCompression, committed_files};
use stream_runtime::testing::ManualClock;
use tokio::sync::mpsc;

#[derive(Schema)]
struct Event {
    action: String,
    event_time: Timestamp,
}

#[derive(Schema)]
struct ByAction {
    day: Date,
    window: Window,
    action: String,
    event_count: u64,
}

stream_query! {
    /// Each window once, when the watermark has passed its end.
    query Counts(events: Event) -> ByAction {
        from event in events watermark(event.event_time, minutes(10));
        group by window(event.event_time, minutes(10)) as w, event.action;
        select ByAction { day: w.start.date(), window: w, action: event.action, event_count: count() };
        output append;
    }
}

/// Two hours of events around midnight, in files of half an hour.
const FILES: u64 = 4;

fn write_events(directory: &Path) -> std::io::Result<()> {
    for file in 0..FILES {
        let mut lines = String::new();
        for minute in file * 30..file * 30 + 30 {
            let time = Timestamp::from_secs(1_767_222_000 + minute as i64 * 60);
            for action in ["view", "click", "purchase"].iter().take(1 + minute as usize % 3) {
                let _ = writeln!(lines, r#"{{"action":"{action}","event_time":"{time}"}}"#);
            }
        }
        std::fs::write(directory.join(format!("events-{file}.jsonl")), lines)?;
    }
    Ok(())
}

/// Says when a batch is committed.
struct Committed(mpsc::UnboundedSender<u64>);

impl QueryListener for Committed {
    fn on_progress(&self, progress: &Progress) {
        // Nobody listens any more once the example has seen enough.
        let _ = self.0.send(progress.batch_id);
    }
}

/// Prints a file that holds rows, and the directory that says which day they are of.
fn print(file: &Path, root: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let day = file.strip_prefix(root)?.parent().unwrap_or(root);
    println!("{}: {} bytes", day.display(), std::fs::metadata(file)?.len());
    for batch in ParquetRecordBatchReaderBuilder::try_new(File::open(file)?)?.build()? {
        let batch = batch?;
        let starts = batch["window"].as_struct()["start"].as_primitive::<TimestampMicrosecondType>();
        let (actions, counts) =
            (batch["action"].as_string::<i32>(), batch["event_count"].as_primitive::<UInt64Type>());
        for ((start, action), count) in starts.values().iter().zip(actions).zip(counts.values()) {
            println!("  {}  {:8}  {count}", Timestamp::from_micros(*start), action.unwrap_or_default());
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let (input, out) = (directory.path().join("events"), directory.path().join("page-counts"));
    std::fs::create_dir(&input)?;
    write_events(&input)?;

    let sink = FileSink::parquet(&out)
        .partition_by(["day"])
        .compression(ParquetCompression::Zstd)
        .target_file_bytes(128 << 20);
    // Here a minute is over as soon as its batch is; a service leaves the clock away.
    let clock = ManualClock::new("2026-01-01T12:00:00Z".parse()?);
    let (committed, mut batches) = mpsc::unbounded_channel();
    let query = Counts::query()
        .events(FileSource::json(&input).max_files_per_trigger(1))
        .to(sink)
        .checkpoint(directory.path().join("checkpoint"))
        .trigger(Trigger::ProcessingTime(minutes(1)))
        .clock(clock.clone())
        .listener(Committed(committed))
        .start()
        .await?;
    // One batch a file, and one without data that puts out what the last file's events have closed.
    while let Some(batch) = batches.recv().await {
        println!("12:{batch:02}: batch {batch} is committed");
        if batch == FILES {
            break;
        }
        clock.advance(minutes(1));
    }
    query.stop().await?;

    for file in committed_files(&out)? {
        print(&file, &out)?;
    }
    Ok(())
}
