//! What Apache Spark answered, read back from the Parquet files that hold our answer.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampMicrosecondType, UInt64Type};
use stream_runtime::engine::QueryBuilder;
use stream_runtime::plan::Plan;
use stream_runtime::sink::file::committed_files;

use super::queries::{W1, W3};
use super::*;

/// The columns that identify a row, by batch, and its doubles.
type Rows = BTreeMap<(u64, Vec<String>), Vec<f64>>;

fn spark(case: &str, doubles: usize) -> Rows {
    let text = std::fs::read_to_string(golden_path(case)).expect("a golden file");
    let row = |line: &str| {
        let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        let values = cells.split_off(cells.len() - doubles);
        let batch = cells.remove(0).parse().expect("a batch id");
        ((batch, cells), values.iter().map(|value| value.parse().expect("a double")).collect())
    };
    text.lines().skip(1).map(row).collect()
}

/// The rows of a directory. The name of a file begins with its batch.
fn landed(dir: &Path, text: &str, doubles: &[&str]) -> Rows {
    let mut rows = Rows::new();
    for file in committed_files(dir).expect("a manifest") {
        let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
        let batch = name.split('-').nth(1).and_then(|batch| batch.parse().ok()).expect("a batch");
        let read = read(&file);
        let window = read.column_by_name("window").expect("a column").as_struct();
        let column = |name: &str| read.column_by_name(name).expect("a column");
        for row in 0..arrow_array::Array::len(&read) {
            let time = |end: &str| {
                let times = window.column_by_name(end).expect("a column");
                Timestamp::from_micros(times.as_primitive::<TimestampMicrosecondType>().value(row))
                    .to_string()
            };
            let columns = vec![
                time("start"),
                time("end"),
                column(text).as_string::<i32>().value(row).to_owned(),
                column("n").as_primitive::<UInt64Type>().value(row).to_string(),
            ];
            let double = |name: &&str| column(name).as_primitive::<Float64Type>().value(row);
            let before = rows.insert((batch, columns), doubles.iter().map(double).collect());
            assert!(before.is_none(), "a row twice in batch {batch}");
        }
    }
    rows
}

async fn run<P: Plan>(query: QueryBuilder<P>, dir: &Path) {
    let query = query.checkpoint(dir.join("checkpoint")).trigger(Trigger::AvailableNow);
    let query = query.start().await.expect("the query starts");
    query.await_termination().await.expect("the query runs to its end");
}

fn compare(ours: &Rows, spark: &Rows) {
    assert!(spark.len() > 10);
    assert_eq!(ours.keys().collect::<Vec<_>>(), spark.keys().collect::<Vec<_>>());
    for (key, doubles) in spark {
        for (double, ours) in doubles.iter().zip(&ours[key]) {
            assert!((double - ours).abs() <= 1e-9 * double.abs(), "{key:?}: {ours}, not {double}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn windows_landed_as_parquet_are_spark_s_answer() {
    for size in ["small", "small20"] {
        let dir = tempfile::tempdir().expect("a directory");
        let sink = FileSink::parquet(dir.path().join("out"));
        run(W1::query().events(events(size)).to(sink), dir.path()).await;
        let ours = landed(&dir.path().join("out"), "action", &["total", "mean"]);
        compare(&ours, &spark(&format!("{size}/w1.append.csv"), 2));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_with_a_table_landed_as_parquet_is_spark_s_answer() {
    for size in ["small", "small20"] {
        let dir = tempfile::tempdir().expect("a directory");
        let sink = FileSink::parquet(dir.path().join("out"));
        let ads = StaticFile::csv(golden_path(&format!("{size}-input/ads.csv")));
        run(W3::query().events(events(size)).ads(ads).to(sink), dir.path()).await;
        let ours = landed(&dir.path().join("out"), "campaign", &[]);
        compare(&ours, &spark(&format!("{size}/w3.append.csv"), 0));
    }
}
