//! What files of columns have in common: which columns are read, and what becomes of a reader's errors.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::RecordBatch;

use crate::error::Error;
use crate::format::partition::PartitionValues;
use crate::schema::derive::names;
use crate::schema::{ColumnSet, Schema};
use crate::source::{Chunk, Rows};

/// Rows that are decoded at once: few enough for a batch's columns to stay in the cache until its rows are through.
pub(super) const BATCH: usize = 8192;

/// Why a file isn't read to its end.
pub(super) enum Problem {
    /// The file is damaged.
    File(String),
    /// The query has failed.
    Query(Error),
}

impl<E: std::error::Error> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::File(error.to_string())
    }
}

/// The names of the columns in the set that directories don't give.
pub(super) fn column_names<R: Schema>(columns: ColumnSet, partition: &PartitionValues) -> Vec<&'static str> {
    let (fields, columns) = (R::FIELDS.iter().enumerate(), columns & !partition.set());
    fields.filter(|(index, _)| names(columns, *index)).map(|(_, field)| field.name).collect()
}

/// Pushes the batches, whose first row has this number.
pub(super) fn push_all<R: Schema, E: std::error::Error>(
    mut batches: impl Iterator<Item = Result<RecordBatch, E>>,
    source: &str,
    partition: &PartitionValues,
    mut row: u64,
    rows: &mut dyn Rows<R>,
) -> Result<(), Problem> {
    while let Some(batch) = guarded(|| batches.next().transpose().map_err(Problem::from))? {
        let chunk = if partition.is_empty() {
            Chunk::Columns { batch: &batch, source, row }
        } else {
            Chunk::ColumnsInPartition { batch: &batch, partition, source, row }
        };
        rows.push(chunk).map_err(Problem::Query)?;
        row += batch.num_rows() as u64;
    }
    Ok(())
}

/// Decodes what may be damaged. The readers panic at some damage; that is an error of the file all the same.
pub(super) fn guarded<T>(read: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| {
        let message = text_of(&*panic).unwrap_or("no reason given");
        Err(Problem::File(format!("its reader gave up: {message}")))
    })
}

fn text_of(panic: &(dyn Any + Send)) -> Option<&str> {
    panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied())
}
