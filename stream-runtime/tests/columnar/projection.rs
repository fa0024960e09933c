//! Columns that a query doesn't name aren't read: their bytes may be anything.

use std::fs;
use std::path::Path;

use arrow_array::RecordBatch;
use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use stream_runtime::prelude::*;

use crate::rows::{Flat, flat, flat_batch};
use crate::support::{error_of, load, run, write_orc, write_parquet};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Counted {
    count: i64,
    text: Option<String>,
}

stream_query! {
    query Two(rows: Flat) -> Counted {
        from row in rows;
        where row.count != 0;
        select Counted { count: row.count, text: row.maybe_text.map(str::to_owned) };
        output append;
    }
}

#[derive(Schema, Debug, PartialEq)]
struct Number {
    n: u64,
}

stream_query! {
    query All(rows: Flat) -> Number {
        from row in rows;
        group by () unbounded;
        select Number { n: count() };
        output complete;
    }
}

fn rows() -> (Vec<Flat>, RecordBatch) {
    let config = Config { rng_seed: RngSeed::Fixed(1), ..Config::default() };
    let rows = prop::collection::vec(flat(), 100).new_tree(&mut TestRunner::new(config)).unwrap().current();
    let batch = flat_batch(&rows);
    (rows, batch)
}

/// Overwrites what a Parquet file has of every column but these.
pub(crate) fn damage_all_but(path: &Path, columns: &[&str]) {
    let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    let mut bytes = fs::read(path).unwrap();
    for group in reader.metadata().row_groups() {
        for column in group.columns() {
            if !columns.contains(&column.column_path().string().as_str()) {
                let (start, length) = column.byte_range();
                bytes[start as usize..(start + length) as usize].fill(0xff);
            }
        }
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn only_the_columns_that_are_named_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.parquet");
    let (rows, batch) = rows();
    write_parquet(&path, &batch, 30);
    damage_all_but(&path, &["count", "maybeText"]);
    let expected: Vec<_> = rows
        .iter()
        .filter(|row| row.count != 0)
        .map(|row| Counted { count: row.count, text: row.maybe_text.clone() })
        .collect();
    for workers in [1, 3] {
        let (read, _) = run(Two::query().rows(FileSource::parquet(&path)), workers).unwrap();
        assert_eq!(read.iter().flat_map(|rows| rows.iter().cloned()).collect::<Vec<_>>(), expected);
    }
    error_of(load::<Flat>(StaticFile::parquet(path)));
}

#[test]
fn a_query_without_columns_counts_rows_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let (rows, batch) = rows();
    let (parquet, orc) = (directory.path().join("a.parquet"), directory.path().join("a.orc"));
    write_parquet(&parquet, &batch, 30);
    damage_all_but(&parquet, &[]);
    write_orc(&orc, &batch, 30);
    let (read, _) = run(All::query().rows(FileSource::parquet(parquet)), 1).unwrap();
    assert_eq!(read[0][0].n, rows.len() as u64);
    let (read, _) = run(All::query().rows(FileSource::orc(orc)), 1).unwrap();
    assert_eq!(read[0][0].n, rows.len() as u64);
}

#[test]
fn the_pieces_of_a_file_hold_each_row_once_and_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.parquet");
    let orc = directory.path().join("a.orc");
    // Large enough for several workers to have a piece each.
    let texts: arrow_array::StringArray = (0..600_000_u64)
        .map(|n| {
            Some(format!("{:032x}", u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)))
        })
        .collect();
    let counts: arrow_array::Int64Array = (1..=600_000_i64).map(Some).collect();
    let all = crate::support::batch(vec![
        ("count", std::sync::Arc::new(counts)),
        ("text", std::sync::Arc::new(texts)),
    ]);
    write_parquet(&path, &all, 40_000);
    write_orc(&orc, &all, 40_000);
    assert!(fs::metadata(&path).unwrap().len() > (8 << 20) && fs::metadata(&orc).unwrap().len() > (8 << 20));
    let counts = |rows: Vec<std::sync::Arc<[Counted]>>| -> Vec<i64> {
        rows.iter().flat_map(|rows| rows.iter().map(|row| row.count)).collect()
    };
    let (rows, _) = run(Same::query().rows(FileSource::parquet(&path)), 3).unwrap();
    assert!(counts(rows).into_iter().eq(1..=600_000));
    let (rows, _) = run(Same::query().rows(FileSource::orc(&orc)), 3).unwrap();
    assert!(counts(rows).into_iter().eq(1..=600_000));
}

stream_query! {
    query Same(rows: Counted) -> Counted {
        from row in rows;
        select Counted { count: row.count, text: row.text.map(str::to_owned) };
        output append;
    }
}
