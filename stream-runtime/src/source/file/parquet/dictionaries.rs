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

#[cfg(test)]
mod tests {
    use ::parquet::arrow::ArrowWriter;
    use ::parquet::file::properties::WriterProperties;
    use arrow_array::{ArrayRef, Int64Array, LargeStringArray, RecordBatch, StringArray, StringViewArray};

    use super::*;

    /// The types of columns of a file that is read with dictionaries kept.
    fn types(has_dictionaries: bool) -> Vec<DataType> {
        let texts = ["a", "b", "a"];
        let columns: [(&str, ArrayRef); 4] = [
            ("text", Arc::new(StringArray::from_iter_values(texts))),
            ("large", Arc::new(LargeStringArray::from_iter_values(texts))),
            ("view", Arc::new(StringViewArray::from_iter_values(texts))),
            ("number", Arc::new(Int64Array::from_iter_values([1, 2, 1]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let properties = WriterProperties::builder().set_dictionary_enabled(has_dictionaries).build();
        let file = tempfile::tempfile().unwrap();
        let mut writer =
            ArrowWriter::try_new(file.try_clone().unwrap(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).unwrap();
        let kept = keep_dictionaries(&metadata);
        kept.schema().fields().iter().map(|field| field.data_type().clone()).collect()
    }

    #[test]
    fn text_in_dictionaries_is_read_as_such_whatever_its_type() {
        let kept = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        assert_eq!(types(true), [kept.clone(), kept.clone(), kept, DataType::Int64]);
        assert_eq!(types(false), [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View, DataType::Int64]);
    }
}
