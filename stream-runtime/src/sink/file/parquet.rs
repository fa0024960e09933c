//! Parquet as a format of a file sink.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Schema as ArrowSchema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::format::{FileFormat, sealed::Sealed};
use crate::error::{Error, Result};
use crate::format::ColumnError;
use crate::format::columns::arrays::{self, Form};
use crate::schema::{ColumnSet, Schema};

/// How many rows are made arrays at once.
const CHUNK: usize = 8192;

const FORM: Form = Form { table: "a Parquet file", batch: "Parquet's pages", wide_integers: false };

/// Parquet: the columns one after the other, typed and compressed.
///
/// | column | Parquet | Spark reads |
/// |---|---|---|
/// | `bool` | `BOOLEAN` | `BOOLEAN` |
/// | `i8` … `i64`, `isize` | `INT32`, `INT64` with their width | `TINYINT` … `BIGINT` |
/// | `u8` … `u64`, `usize` | `INT32`, `INT64`, marked as without sign | the next wider type; `u64` as `DECIMAL(20, 0)` |
/// | `f32`, `f64` | `FLOAT`, `DOUBLE` | the same |
/// | `String` | `BYTE_ARRAY`, marked as UTF-8 | `STRING` |
/// | `Vec<u8>` | `BYTE_ARRAY` | `BINARY` |
/// | `Timestamp` | `INT64`, microseconds, UTC | `TIMESTAMP` |
/// | `Duration` | `INT64`, microseconds | `BIGINT` |
/// | `Date` | `INT32`, days | `DATE` |
/// | `Window` | a group of `start` and `end` | `STRUCT<start: TIMESTAMP, end: TIMESTAMP>` |
/// | `Option` | optional; all others are required | |
/// | `Vec` | a list | `ARRAY` |
/// | nested structs | a group | `STRUCT` |
///
/// `i128` and `u128` have no Parquet type, nor has a struct that holds a list of itself: a query whose result has
/// such a column doesn't start.
#[derive(Clone, Copy, Debug)]
pub struct Parquet {
    pub(super) compression: ParquetCompression,
    pub(super) row_group_rows: usize,
}

/// How the columns of Parquet files are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParquetCompression {
    /// Not at all.
    None,
    /// Snappy: fast, and Spark's default.
    #[default]
    Snappy,
    /// gzip, at level 6.
    Gzip,
    /// Zstandard, at level 3 as in Spark.
    Zstd,
}

impl Default for Parquet {
    fn default() -> Self {
        Self { compression: ParquetCompression::default(), row_group_rows: 1 << 20 }
    }
}

impl Sealed for Parquet {}

impl FileFormat for Parquet {
    type Chunk = RecordBatch;
    type Body = ParquetBody;
    type Shape = SchemaRef;

    fn extension(&self) -> String {
        // As Spark names them.
        match self.compression {
            ParquetCompression::None => "parquet",
            ParquetCompression::Snappy => "snappy.parquet",
            ParquetCompression::Gzip => "gz.parquet",
            ParquetCompression::Zstd => "zstd.parquet",
        }
        .to_owned()
    }

    fn check(&self) -> Result<()> {
        if self.row_group_rows == 0 {
            return Err(Error::InvalidOption {
                option: "row_group_rows",
                message: "a row group has at least one row".to_owned(),
            });
        }
        Ok(())
    }

    fn check_columns<R: Schema>(&self, left_out: ColumnSet) -> Result<(), ColumnError> {
        arrays::record_batch::<R, _>(std::iter::empty(), None, left_out, FORM).map(drop)
    }

    fn chunk<'r, R: Schema, I: Iterator<Item = &'r R> + Clone>(
        &self,
        left_out: ColumnSet,
        _begins: bool,
        rows: &mut I,
    ) -> Result<RecordBatch, ColumnError> {
        let chunk = rows.clone().take(CHUNK).map(|row| Some(row.view()));
        let batch = arrays::record_batch::<R, _>(chunk, None, left_out, FORM);
        // On slices this is one step.
        rows.nth(CHUNK - 1);
        batch
    }

    fn begin(&self, file: File, first: &RecordBatch) -> io::Result<ParquetBody> {
        self.writer(file, first.schema())
    }

    fn write(ParquetBody(writer): &mut ParquetBody, chunk: RecordBatch) -> io::Result<()> {
        writer.write(&chunk).map_err(io_error)
    }

    fn end(ParquetBody(writer): ParquetBody) -> io::Result<File> {
        writer.into_inner().map_err(io_error)
    }

    fn shape(&self, path: &Path) -> io::Result<SchemaRef> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?).map_err(io_error)?;
        let schema = reader.schema();
        // Metadata of a writer of another version is no difference.
        Ok(Arc::new(ArrowSchema::new(schema.fields().clone())))
    }

    fn merge(&self, schema: &SchemaRef, sources: &[PathBuf], file: File) -> io::Result<File> {
        let ParquetBody(mut writer) = self.writer(file, Arc::clone(schema))?;
        for source in sources {
            let rows = ParquetRecordBatchReaderBuilder::try_new(File::open(source)?)
                .and_then(|reader| reader.with_batch_size(CHUNK).build())
                .map_err(io_error)?;
            for batch in rows {
                writer.write(&batch.map_err(io::Error::other)?).map_err(io_error)?;
            }
        }
        writer.into_inner().map_err(io_error)
    }
}

impl Parquet {
    fn writer(&self, file: File, schema: SchemaRef) -> io::Result<ParquetBody> {
        let compression = match self.compression {
            ParquetCompression::None => Compression::UNCOMPRESSED,
            ParquetCompression::Snappy => Compression::SNAPPY,
            ParquetCompression::Gzip => Compression::GZIP(GzipLevel::default()),
            ParquetCompression::Zstd => Compression::ZSTD(ZstdLevel::try_new(3).map_err(io_error)?),
        };
        let properties = WriterProperties::builder()
            .set_created_by(concat!("stream-runtime version ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(compression)
            .set_max_row_group_row_count(Some(self.row_group_rows))
            .build();
        ArrowWriter::try_new(file, schema, Some(properties)).map(ParquetBody).map_err(io_error)
    }
}

/// A Parquet file being written.
#[derive(Debug)]
pub struct ParquetBody(ArrowWriter<File>);

/// What the disk said, if it was the disk.
fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}
