//! Parquet files: the row groups whose middle lies in a piece of the file, and of them the columns that the query names.

use std::fs::File;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use ::parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};

use super::columnar::{BATCH, Problem, column_names, guarded, push_all};
use super::dictionaries::keep_dictionaries;
use super::prune::Pruner;
use super::split::Piece;
use crate::schema::Schema;
use crate::source::{Chunk, Rows};

pub(super) fn read<R: Schema>(piece: &Piece, file: &File, rows: &mut dyn Rows<R>) -> Result<(), Problem> {
    let path = &*piece.file.path;
    let metadata = guarded(|| Ok(ArrowReaderMetadata::load(&file.try_clone()?, ArrowReaderOptions::new())?))?;
    let schema = metadata.parquet_schema();
    let names = column_names::<R>(rows.wanted().columns);
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
        let pruned = rows
            .wanted()
            .pruning
            .and_then(|pruning| Pruner::new::<R>(&metadata, pruning, rows.wanted().columns).prune(group));
        if let Some(event_times) = pruned {
            rows.push(Chunk::Pruned { rows: count, event_times }).map_err(Problem::Query)?;
            continue;
        }
        let reader = guarded(|| {
            Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file.try_clone()?, kept.clone())
                .with_row_groups(vec![index])
                .with_projection(mask.clone())
                .with_batch_size(BATCH)
                .build()?)
        })?;
        push_all(reader, path, row, rows)?;
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
