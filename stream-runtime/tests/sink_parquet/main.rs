//! Parquet files of the file sink, read back with Arrow's own reader.
#![cfg(feature = "parquet")]

mod files;
#[cfg(target_os = "linux")]
mod kills;
mod rows;
#[path = "../value_support/mod.rs"]
mod value_support;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use stream_runtime::plan::Mode;
use stream_runtime::prelude::*;
use stream_runtime::sink::file::{Parquet, committed_files};
use stream_runtime::sink::{Sink, SinkBatch, SinkContext};
use stream_runtime::{Result, Uuid};

/// A sink for a new directory.
async fn opened<R: Schema>(sink: FileSink<Parquet>) -> Result<FileSink<Parquet>> {
    opened_behind::<R>(sink, None).await
}

/// A sink of a run that goes on behind whatever is there.
async fn opened_again<R: Schema>(sink: FileSink<Parquet>, dir: &Path) -> Result<FileSink<Parquet>> {
    let entries = fs::read_dir(dir.join("_spark_metadata")).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let last = names.filter_map(|name| name.trim_end_matches(".compact").parse().ok()).max();
    opened_behind::<R>(sink, last).await
}

async fn opened_behind<R: Schema>(
    mut sink: FileSink<Parquet>,
    last: Option<u64>,
) -> Result<FileSink<Parquet>> {
    let context = SinkContext {
        query_id: Uuid::from_u128(1 << 100),
        query_name: "Rows".to_owned(),
        mode: Mode::Append,
        first_batch: last.unwrap_or(0),
        first_is_replay: last.is_some(),
    };
    Sink::<R>::open(&mut sink, context).await?;
    Ok(sink)
}

async fn append<R: Schema>(sink: &mut FileSink<Parquet>, id: u64, rows: &[R]) -> Result<()> {
    sink.commit(SinkBatch { id, mode: Mode::Append, rows, removed: &[], watermark: None }).await
}

fn committed(dir: &Path) -> Vec<PathBuf> {
    committed_files(dir).unwrap()
}

fn read(path: &Path) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    reader.build().unwrap().collect::<std::result::Result<_, _>>().unwrap()
}
