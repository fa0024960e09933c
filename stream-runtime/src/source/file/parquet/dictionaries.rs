//! Which text of a Parquet file is read as the dictionaries that the file holds.
//!
//! A dictionary's values are then decoded and checked once, and each row's text is a number, which is much cheaper than a
//! copy of the text for each row.

use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use ::parquet::basic::{ConvertedType, Encoding};
use ::parquet::file::metadata::ColumnChunkMetaData;
use arrow_schema::{DataType, Schema};

/// The same metadata with another schema: columns of text that the whole file holds in dictionaries are read as such.
pub(super) fn keep_dictionaries(metadata: &ArrowReaderMetadata) -> ArrowReaderMetadata {
    let columns = metadata.parquet_schema();
    let mut fields: Vec<_> = metadata.schema().fields().iter().cloned().collect();
    let mut is_kept = false;
    for leaf in (0..columns.num_columns()).filter(|&leaf| is_text_in_dictionaries(metadata, leaf)) {
        let Some(field) = fields.get_mut(columns.get_column_root_idx(leaf)) else { continue };
        // Not one of text within a struct or a list.
        if matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
            let text = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            *field = Arc::new(field.as_ref().clone().with_data_type(text));
            is_kept = true;
        }
    }
    if !is_kept {
        return metadata.clone();
    }
    let schema = Schema::new_with_metadata(fields, metadata.schema().metadata().clone());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    // Whatever the reader may have against the schema, the file's own is as good, but for the speed.
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)
        .unwrap_or_else(|_| metadata.clone())
}

/// Whether a column is text, and every page of it in every row group refers to a dictionary. With other pages in between, the reader would
/// have to make dictionaries of them.
fn is_text_in_dictionaries(metadata: &ArrowReaderMetadata, leaf: usize) -> bool {
    // The reader takes text of other kinds, such as JSON, for bytes if it comes from dictionaries.
    let is_text = metadata.parquet_schema().column(leaf).converted_type() == ConvertedType::UTF8;
    is_text && metadata.metadata().row_groups().iter().all(|group| is_in_dictionary(group.column(leaf)))
}

/// Files whose writer hasn't counted pages by encoding are read as text.
fn is_in_dictionary(column: &ColumnChunkMetaData) -> bool {
    column.page_encoding_stats_mask().is_some_and(|encodings| {
        encodings.is_only(Encoding::RLE_DICTIONARY) || encodings.is_only(Encoding::PLAIN_DICTIONARY)
    })
}
