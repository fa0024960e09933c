//! Text that a Parquet file holds in dictionaries, in a part of its row groups or not at all: it is the same text.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, LargeStringArray, StringArray, StringViewArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::Encoding;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use stream_runtime::prelude::*;

use crate::support::{batch, load, run};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Line {
    text: Option<String>,
}

stream_query! {
    query Lines(lines: Line) -> Line {
        from line in lines;
        select line;
        output append;
    }
}

/// More rows than are read at once, every seventh of them null, with this many texts of several lengths.
fn texts(distinct: u64) -> Vec<Option<String>> {
    (0..20_000_u64)
        .map(|row| {
            let text = row.wrapping_mul(0x9e37_79b9_7f4a_7c15) % distinct;
            (row % 7 != 0).then(|| format!("{text}é").repeat(1 + text as usize % 3))
        })
        .collect()
}

fn write(path: &Path, texts: ArrayRef, set: impl FnOnce(WriterPropertiesBuilder) -> WriterPropertiesBuilder) {
    let batch = batch(vec![("text", texts)]);
    let properties = set(WriterProperties::builder().set_max_row_group_row_count(Some(12_000))).build();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// For each row group, whether all of its pages are references to a dictionary.
fn in_dictionaries(path: &Path) -> Vec<bool> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let groups = reader.metadata().row_groups().iter();
    let encodings = groups.map(|group| group.column(0).page_encoding_stats_mask().copied());
    encodings.map(|encodings| encodings.unwrap().is_only(Encoding::RLE_DICTIONARY)).collect()
}

/// Reads the file as a query does, and as a table.
fn assert_reads(path: &Path, texts: &[Option<String>]) {
    let expected: Vec<_> = texts.iter().map(|text| Line { text: text.clone() }).collect();
    let (read, _) = run(Lines::query().lines(FileSource::parquet(path)), 1).unwrap();
    let read: Vec<_> = read.iter().flat_map(|rows| rows.iter().cloned()).collect();
    assert!(read == expected, "{} of {} rows are the same", same(&read, &expected), expected.len());
    assert!(load::<Line>(StaticFile::parquet(path)).unwrap() == expected);
}

fn same(read: &[Line], expected: &[Line]) -> usize {
    read.iter().zip(expected).filter(|(read, expected)| read == expected).count()
}

#[test]
fn a_column_is_read_alike_from_dictionaries_short_and_long() {
    let directory = tempfile::tempdir().unwrap();
    for distinct in [1, 5, 15_000] {
        let path = directory.path().join(format!("{distinct}.parquet"));
        let texts = texts(distinct);
        write(&path, Arc::new(texts.iter().collect::<StringArray>()), |properties| properties);
        assert_eq!(in_dictionaries(&path), [true, true]);
        assert_reads(&path, &texts);
    }
}

#[test]
fn a_column_is_read_alike_from_pages_with_and_without_a_dictionary() {
    let directory = tempfile::tempdir().unwrap();
    let (mixed, plain) = (directory.path().join("mixed.parquet"), directory.path().join("plain.parquet"));
    // The first row group has more texts than its dictionary may hold, and the second has few.
    let mut texts = texts(15_000);
    texts[12_000..].fill(Some("x".to_owned()));
    let array: ArrayRef = Arc::new(texts.iter().collect::<StringArray>());
    write(&mixed, Arc::clone(&array), |properties| {
        properties.set_dictionary_page_size_limit(10_000).set_data_page_row_count_limit(1_000)
    });
    assert_eq!(in_dictionaries(&mixed), [false, true]);
    assert_reads(&mixed, &texts);
    write(&plain, array, |properties| properties.set_dictionary_enabled(false));
    assert_eq!(in_dictionaries(&plain), [false, false]);
    assert_reads(&plain, &texts);
}

#[test]
fn nothing_but_nulls_is_read_from_an_empty_dictionary() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.parquet");
    let texts = vec![None; 10_000];
    write(&path, Arc::new(texts.iter().collect::<StringArray>()), |properties| properties);
    assert_reads(&path, &texts);
}

#[test]
fn text_is_read_alike_whatever_type_the_writer_had_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let texts = texts(5);
    let large: LargeStringArray = texts.iter().collect();
    let views: StringViewArray = texts.iter().collect();
    let arrays: [ArrayRef; 2] = [Arc::new(large), Arc::new(views)];
    for array in arrays {
        let path = directory.path().join(format!("{}.parquet", array.data_type()));
        write(&path, array, |properties| properties);
        assert_eq!(in_dictionaries(&path), [true, true]);
        assert_reads(&path, &texts);
    }
}

#[test]
fn text_that_is_declared_as_json_is_read_from_a_dictionary_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.parquet");
    let texts: Vec<_> = (0..100).map(|row| Some(format!("[{}]", row % 3))).collect();
    let schema = Arc::new(parse_message_type("message rows { required binary text (JSON); }").unwrap());
    let mut writer = SerializedFileWriter::new(File::create(&path).unwrap(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let values: Vec<_> = texts.iter().flatten().map(|text| ByteArray::from(text.as_str())).collect();
    column.typed::<ByteArrayType>().write_batch(&values, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    assert_eq!(in_dictionaries(&path), [true]);
    assert_reads(&path, &texts);
}
