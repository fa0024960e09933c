//! A row that doesn't fit goes the way of malformed rows, by its number in the file.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{Int64Array, StringArray, TimestampSecondArray};
use stream_runtime::prelude::*;
use stream_runtime::source::{MalformedRow, OnMalformed};

use crate::support::{batch, error_of, load, run, write_orc, write_parquet};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Sale {
    page: String,
    count: u8,
    at: Timestamp,
}

stream_query! {
    query Sales(sales: Sale) -> Sale {
        from sale in sales;
        select sale;
        output append;
    }
}

/// Rows 3, 6 and 8 of nine are malformed.
fn sales() -> arrow_array::RecordBatch {
    let pages = (0..9).map(|row| (row != 2).then(|| format!("p{row}")));
    let counts = (0..9).map(|row| if row == 5 { 256 } else { row });
    let times = (0..9).map(|row| if row == 7 { i64::MAX } else { row });
    batch(vec![
        ("page", Arc::new(pages.collect::<StringArray>())),
        ("count", Arc::new(counts.collect::<Int64Array>())),
        ("at", Arc::new(TimestampSecondArray::from_iter_values(times).with_timezone("UTC"))),
    ])
}

fn write(directory: &Path) -> std::path::PathBuf {
    let path = directory.join("a.parquet");
    write_parquet(&path, &sales(), 2);
    path
}

const REASONS: [&str; 3] = [
    "column `page`: it is null, and the row type allows no null there",
    "column `count`: `256` is not an integer from 0 to 255 (`u8`)",
    "column `at`: `9223372036854775807` is not a time that a 64-bit number of microseconds can hold",
];

#[test]
fn the_first_malformed_row_fails_the_query_by_its_number() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(directory.path());
    let expected = format!("malformed row in {}, row 3: {}", path.display(), REASONS[0]);
    let query = Sales::query().sales(FileSource::parquet(&path));
    assert!(error_of(run(query, 1)).contains(&expected));
    let error = error_of(load::<Sale>(StaticFile::parquet(path)));
    assert!(error.contains(&expected), "{error}");
}

#[test]
fn malformed_rows_are_dropped_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let source = FileSource::parquet(write(directory.path())).on_malformed(OnMalformed::Drop);
    let (rows, progress) = run(Sales::query().sales(source), 2).unwrap();
    let pages: Vec<_> = rows.iter().flat_map(|rows| rows.iter().map(|row| row.page.clone())).collect();
    assert_eq!(pages, ["p0", "p1", "p3", "p4", "p6", "p8"]);
    let progress: serde_json::Value = serde_json::from_str(&progress[0].json()).unwrap();
    assert_eq!(progress["numInputRows"], 6);
    assert_eq!(progress["sources"][0]["metrics"]["malformedRows"], "3");
}

#[test]
fn malformed_rows_are_kept_with_their_number_and_as_json() {
    let directory = tempfile::tempdir().unwrap();
    let orc = directory.path().join("a.orc");
    let no_overflow = sales().slice(0, 7);
    write_orc(&orc, &no_overflow, 3);
    let parquet = write(directory.path());
    let (letters, sink) = MemorySink::<MalformedRow>::new();
    let source = FileSource::parquet(&parquet).on_malformed(OnMalformed::dead_letter(sink));
    run(Sales::query().sales(source), 1).unwrap();
    let rows = Arc::clone(&letters.last().unwrap().rows);
    let kept: Vec<_> = rows
        .iter()
        .map(|row| (row.line, row.reason.as_str(), std::str::from_utf8(&row.bytes).unwrap()))
        .collect();
    assert_eq!(
        kept,
        [
            (3, REASONS[0], r#"{"count":2,"at":"1970-01-01T00:00:02.000Z"}"#),
            (6, REASONS[1], r#"{"page":"p5","count":256,"at":"1970-01-01T00:00:05.000Z"}"#),
            (8, REASONS[2], r#"{"page":"p7","count":7,"at":"9223372036854775807 s"}"#),
        ]
    );
    assert!(rows.iter().all(|row| row.source == parquet.to_str().unwrap() && row.offset == 0));

    let (letters, sink) = MemorySink::<MalformedRow>::new();
    let source = FileSource::orc(orc).on_malformed(OnMalformed::dead_letter(sink));
    run(Sales::query().sales(source), 1).unwrap();
    let lines: Vec<_> = letters.last().unwrap().rows.iter().map(|row| row.line).collect();
    assert_eq!(lines, [3, 6]);
}
