//! A query that fails in the middle of a file reads that file again, whole, and each row counts once.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arrow_array::Int64Array;
use stream_runtime::prelude::*;
use stream_runtime::sink::MemoryResults;
use stream_runtime::source::FileFormat;

use crate::support::{batch, write_orc, write_parquet};

#[derive(Schema, Clone, Debug)]
struct Number {
    id: i64,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Sum {
    n: u64,
    sum: i64,
}

/// The row at which the query fails.
static TRIP: AtomicI64 = AtomicI64::new(-1);

fn tripped(id: i64) -> bool {
    assert_ne!(id, TRIP.load(Ordering::Relaxed), "the query fails here");
    false
}

stream_query! {
    query Sums(numbers: Number) -> Sum {
        from number in numbers;
        where !tripped(number.id);
        group by () unbounded;
        select Sum { n: count(), sum: sum(number.id) };
        output complete;
    }
}

async fn run<F: FileFormat>(
    source: FileSource<F>,
    results: &MemoryResults<Sum>,
    checkpoint: &Path,
) -> stream_runtime::Result<()> {
    let query = Sums::query()
        .numbers(source.max_files_per_trigger(1))
        .to(results.sink())
        .checkpoint(checkpoint)
        .trigger(Trigger::AvailableNow)
        .workers(2)
        .start()
        .await?;
    query.await_termination().await
}

/// Three files of a thousand numbers, of which the query doesn't get through the second at first.
async fn check<F: FileFormat>(
    source: impl Fn(&Path) -> FileSource<F>,
    write: fn(&Path, &arrow_array::RecordBatch, usize),
) {
    let directory = tempfile::tempdir().unwrap();
    let (files, checkpoint) = (directory.path().join("files"), directory.path().join("checkpoint"));
    std::fs::create_dir(&files).unwrap();
    for file in 0..3_i64 {
        let ids: Int64Array = (file * 1_000..(file + 1) * 1_000).map(Some).collect();
        write(&files.join(file.to_string()), &batch(vec![("id", Arc::new(ids))]), 100);
    }
    let (results, _) = MemorySink::new();
    TRIP.store(1_555, Ordering::Relaxed);
    run(source(&files), &results, &checkpoint).await.expect_err("the query fails");
    TRIP.store(-1, Ordering::Relaxed);
    run(source(&files), &results, &checkpoint).await.expect("the query runs to its end");
    let sums: Vec<_> = results.batches().iter().map(|batch| (batch.id, batch.rows[0].clone())).collect();
    let sum = |n: i64| Sum { n: n.unsigned_abs(), sum: n * (n - 1) / 2 };
    assert_eq!(sums, [(0, sum(1_000)), (1, sum(2_000)), (2, sum(3_000))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_of_a_file_counts_each_row_once() {
    check(|files| FileSource::parquet(files), write_parquet).await;
    check(|files| FileSource::orc(files), write_orc).await;
}
