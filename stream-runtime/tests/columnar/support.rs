//! Writes files of columns and of lines, and reads them with a table or a query.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use orc_rust::ArrowWriterBuilder;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use stream_runtime::engine::{Progress, QueryBuilder};
use stream_runtime::plan::Plan;
use stream_runtime::prelude::*;
use stream_runtime::static_input::StaticSource;
use stream_runtime::{Error, Result};

/// A batch of columns, each of which may be null.
pub(crate) fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .unwrap()
}

pub(crate) fn write_parquet(path: &Path, batch: &RecordBatch, rows_of_a_group: usize) {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(rows_of_a_group))
        .set_data_page_row_count_limit(rows_of_a_group.div_ceil(3))
        .set_write_batch_size(rows_of_a_group.div_ceil(3))
        .build();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

pub(crate) fn write_orc(path: &Path, batch: &RecordBatch, rows_of_a_stripe: usize) {
    let mut writer =
        ArrowWriterBuilder::new(File::create(path).unwrap(), batch.schema()).try_build().unwrap();
    let mut row = 0;
    while row < batch.num_rows() {
        let rows = rows_of_a_stripe.min(batch.num_rows() - row);
        writer.write(&batch.slice(row, rows)).unwrap();
        writer.flush_stripe().unwrap();
        row += rows;
    }
    writer.close().unwrap();
}

pub(crate) fn write_json<R: Schema>(path: &Path, rows: &[R]) {
    let mut bytes = Vec::new();
    for row in rows {
        row.encode_json(&mut bytes);
        bytes.push(b'\n');
    }
    fs::write(path, bytes).unwrap();
}

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/columnar/fixtures").join(name)
}

/// All rows of a table.
pub(crate) fn load<R: Schema>(mut table: impl StaticSource<R>) -> Result<Vec<R>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(table.load())
}

/// Each batch's result rows, and the progress of all batches.
pub(crate) type Ran<O> = (Vec<Arc<[O]>>, Vec<Arc<Progress>>);

/// Runs a query over everything that is there; gives its result rows and the progress of its batches.
pub(crate) fn run<P: Plan<Output = O>, O: Schema>(
    builder: QueryBuilder<P>,
    workers: usize,
) -> Result<Ran<O>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (results, sink) = MemorySink::new();
        let query = builder.to(sink).trigger(Trigger::AvailableNow).workers(workers).start().await?;
        query.await_termination().await?;
        let rows = results.batches().into_iter().map(|batch| batch.rows).collect();
        Ok((rows, query.recent_progress()))
    })
}

/// The text of the error that something ends with.
pub(crate) fn error_of<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => panic!("there was no error"),
        Err(Error::Panic { message }) => panic!("a panic: {message}"),
        Err(error) => error.to_string(),
    }
}
