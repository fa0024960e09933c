//! The inputs once more, as Parquet.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use serde_json::Value;
use stream_runtime::prelude::*;
use tempfile::TempDir;

/// Few enough for each file to have several row groups.
const ROWS_OF_A_GROUP: usize = 700;

/// A directory for each stream of that size, with a Parquet file for each of JSON lines.
pub(crate) fn convert(size: &str) -> TempDir {
    let converted = tempfile::tempdir().expect("a directory");
    for stream in ["events", "orders", "shipments"] {
        let from = super::path(&format!("{size}-input/{stream}"));
        let to = converted.path().join(stream);
        fs::create_dir(&to).expect("a directory");
        let mut files: Vec<_> =
            fs::read_dir(from).expect("golden input").map(|file| file.expect("a file").path()).collect();
        files.sort();
        for file in files {
            let name = file.file_stem().expect("a name").to_str().expect("text");
            convert_file(&file, &to.join(format!("{name}.parquet")));
        }
    }
    converted
}

fn convert_file(from: &Path, to: &Path) {
    let text = fs::read_to_string(from).expect("golden input");
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let columns = rows[0].as_object().expect("an object").keys();
    let columns = columns.map(|name| (name.as_str(), column(name, &rows), false));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length");
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(ROWS_OF_A_GROUP)).build();
    let mut writer =
        ArrowWriter::try_new(File::create(to).expect("a file"), batch.schema(), Some(properties))
            .expect("a writer");
    writer.write(&batch).expect("a batch is written");
    writer.close().expect("the file is written");
}

fn column(name: &str, rows: &[Value]) -> ArrayRef {
    let values = rows.iter().map(|row| &row[name]);
    match (name, &rows[0][name]) {
        ("ts", _) => {
            let time = |value: &Value| value.as_str()?.parse::<Timestamp>().ok().map(Timestamp::as_micros);
            Arc::new(values.map(time).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
        }
        (_, Value::String(_)) => Arc::new(values.map(Value::as_str).collect::<StringArray>()),
        (_, Value::Number(number)) if number.is_i64() => {
            Arc::new(values.map(Value::as_i64).collect::<Int64Array>())
        }
        _ => Arc::new(values.map(Value::as_f64).collect::<Float64Array>()),
    }
}
