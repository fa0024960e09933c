//! Results landed as Parquet files: Spark's own answers read back from them, by Arrow's reader and by programs that
//! share no code with it, and a query that is killed while it writes them.

mod golden;
mod kills;
mod queries;
mod readers;

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::{RecordBatch, StructArray};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use stream_runtime::prelude::*;
use stream_runtime::source::Json;

fn golden_path(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(path)
}

/// A stream of one file a batch.
fn events(size: &str) -> FileSource<Json> {
    FileSource::json(golden_path(&format!("{size}-input/events"))).max_files_per_trigger(1)
}

/// The rows of a file.
fn read(path: &Path) -> StructArray {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).expect("a committed file"))
        .and_then(|reader| reader.with_batch_size(1 << 20).build())
        .expect("a Parquet file");
    let schema = arrow_array::RecordBatchReader::schema(&reader);
    let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>().expect("rows");
    assert!(batches.len() < 2, "small files");
    StructArray::from(batches.into_iter().next().unwrap_or_else(|| RecordBatch::new_empty(schema)))
}
