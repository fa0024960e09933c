//! Parquet files: the row groups whose middle lies in a piece of the file, and of them the columns that the query names.

mod dictionaries;
#[cfg(feature = "object-store")]
mod fetched;

use std::io;
use std::ops::Range;
use std::slice;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use ::parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use ::parquet::file::reader::ChunkReader;

use dictionaries::keep_dictionaries;

use super::columnar::{BATCH, Problem, column_names, guarded, push_all};
use super::prune::Pruner;
use super::split::Piece;
use crate::format::partition::PartitionValues;
use crate::schema::Schema;
use crate::source::{Chunk, Rows};
use crate::storage::OpenFile;

/// How much of an object's end is fetched for its metadata.
const TAIL: u64 = 64 << 10;

pub(super) fn read<R: Schema>(
    piece: &Piece,
    file: &OpenFile,
    partition: &PartitionValues,
    rows: &mut dyn Rows<R>,
) -> Result<(), Problem> {
    match file {
        OpenFile::Disk(file) => read_from(piece, |_| file.try_clone(), partition, rows),
        #[cfg(feature = "object-store")]
        OpenFile::Object(object) => {
            read_from(piece, |ranges| fetched::Fetched::fetch(object.clone(), ranges), partition, rows)
        }
    }
}

/// Reads a file that `open` gives a reader of, good for the ranges that are told.
fn read_from<R: Schema, C: ChunkReader + 'static>(
    piece: &Piece,
    open: impl Fn(&[Range<u64>]) -> io::Result<C>,
    partition: &PartitionValues,
    rows: &mut dyn Rows<R>,
) -> Result<(), Problem> {
    let (path, size) = (&*piece.file.path, piece.file.size);
    let metadata = guarded(|| {
        let tail = open(slice::from_ref(&(size.saturating_sub(TAIL)..size)))?;
        Ok(ArrowReaderMetadata::load(&tail, ArrowReaderOptions::new())?)
    })?;
    let schema = metadata.parquet_schema();
    let names = column_names::<R>(rows.wanted().columns, partition);
    let fields = schema.root_schema().get_fields().iter().enumerate();
    let roots = fields.filter(|(_, field)| names.contains(&field.name())).map(|(index, _)| index);
    let mask = ProjectionMask::roots(schema, roots);

    let kept = guarded(|| Ok(keep_dictionaries(&metadata)))?;
    let mut first = 1;
    for (index, group) in metadata.metadata().row_groups().iter().enumerate() {
        let (row, count) = (first, u64::try_from(group.num_rows()).unwrap_or_default());
        first += count;
        if !piece.range.contains(&middle(group).min(piece.file.size.saturating_sub(1))) {
            continue;
        }
        let pruned = rows.wanted().pruning.and_then(|pruning| {
            Pruner::new::<R>(&metadata, pruning, rows.wanted().columns, partition).prune(group)
        });
        if let Some(event_times) = pruned {
            rows.push(Chunk::Pruned { rows: count, event_times }).map_err(Problem::Query)?;
            continue;
        }
        let reader = guarded(|| {
            let columns = group.columns().iter().enumerate();
            let read = columns.filter(|(leaf, _)| mask.leaf_included(*leaf));
            let ranges: Vec<_> = read.map(|(_, column)| bytes_of(column, size)).collect();
            Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(open(&ranges)?, kept.clone())
                .with_row_groups(vec![index])
                .with_projection(mask.clone())
                .with_batch_size(BATCH)
                .build()?)
        })?;
        push_all(reader, path, partition, row, rows)?;
    }
    Ok(())
}

/// The offset of a row group's middle, which lies in exactly one of the pieces that a file is cut into.
fn middle(group: &RowGroupMetaData) -> u64 {
    let start = |column: &ColumnChunkMetaData| {
        let data = column.data_page_offset();
        column.dictionary_page_offset().map_or(data, |dictionary| dictionary.min(data))
    };
    let start = group.columns().iter().map(start).min().unwrap_or_default();
    u64::try_from(start.saturating_add(group.compressed_size() / 2)).unwrap_or_default()
}

/// Where a column of a row group is. Lengths in a damaged file may be anything.
fn bytes_of(column: &ColumnChunkMetaData, size: u64) -> Range<u64> {
    let (start, length) = column.byte_range();
    let start = start.min(size);
    start..start.saturating_add(length).min(size)
}
