//! One directory, read in any format.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use stream_runtime::Result;
use stream_runtime::engine::QueryBuilder;
use stream_runtime::plan::Plan;
use stream_runtime::prelude::*;

use crate::support::{batch, load, run, write_orc, write_parquet};

pub(crate) const FORMATS: [&str; 4] = ["json", "csv", "parquet", "orc"];

/// The rows of a directory as a table.
pub(crate) fn table<R: Schema>(format: &str, directory: &Path) -> Result<Vec<R>> {
    match format {
        "json" => load(StaticFile::json(directory)),
        "csv" => load(StaticFile::csv(directory)),
        "headless" => load(StaticFile::csv(directory).header(false)),
        "parquet" => load(StaticFile::parquet(directory)),
        "orc" => load(StaticFile::orc(directory)),
        other => panic!("{other}"),
    }
}

/// The rows of a query over a directory.
macro_rules! query {
    ($query:ident, $rows:ident, $format:expr, $directory:expr) => {{
        use crate::formats::rows_of;
        match $format {
            "json" => rows_of($query::query().$rows(FileSource::json($directory))),
            "csv" => rows_of($query::query().$rows(FileSource::csv($directory))),
            "headless" => rows_of($query::query().$rows(FileSource::csv($directory).header(false))),
            "parquet" => rows_of($query::query().$rows(FileSource::parquet($directory))),
            "orc" => rows_of($query::query().$rows(FileSource::orc($directory))),
            other => panic!("{other}"),
        }
    }};
}
pub(crate) use query;

pub(crate) fn rows_of<P: Plan<Output = O>, O: Schema + Clone>(query: QueryBuilder<P>) -> Vec<O> {
    let (rows, _) = run(query, 2).unwrap();
    rows.iter().flat_map(|rows| rows.iter().cloned()).collect()
}

/// Writes a file of a format: columns of text and of numbers.
pub(crate) fn write(format: &str, path: &Path, columns: &[(&str, &[&str])]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let count = columns[0].1.len();
    let lines = |line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<Vec<_>>().concat();
    let is_number = |text: &&str| text.parse::<i64>().is_ok();
    let cell = |text: &str| if is_number(&text) { text.to_owned() } else { format!("{text:?}") };
    match format {
        "json" => {
            let pair =
                |(name, values): &(&str, &[&str]), row: usize| format!("\"{name}\":{}", cell(values[row]));
            let object = |row| {
                let pairs: Vec<_> = columns.iter().map(|column| pair(column, row)).collect();
                format!("{{{}}}\n", pairs.join(","))
            };
            fs::write(path, lines(&object)).unwrap();
        }
        "csv" => {
            let record = |cells: Vec<&str>| format!("{}\n", cells.join(","));
            let header = record(columns.iter().map(|(name, _)| *name).collect());
            let line = |row: usize| record(columns.iter().map(|(_, values)| values[row]).collect());
            fs::write(path, header + &lines(&line)).unwrap();
        }
        _ => {
            let array = |values: &[&str]| -> ArrayRef {
                if values.iter().all(is_number) {
                    Arc::new(values.iter().map(|text| text.parse::<i64>().ok()).collect::<Int64Array>())
                } else {
                    Arc::new(values.iter().map(|text| Some(*text)).collect::<StringArray>())
                }
            };
            let rows: RecordBatch =
                batch(columns.iter().map(|(name, values)| (*name, array(values))).collect());
            if format == "orc" { write_orc(path, &rows, 2) } else { write_parquet(path, &rows, 2) }
        }
    }
}
