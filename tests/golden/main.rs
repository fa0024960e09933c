//! What Apache Spark 4.0.1 answered, batch by batch: rows, watermarks, and the counts of its state operators.
//!
//! Inputs and answers are beside this; the README says what each case asks and what the numbers pin down.

mod joins;
#[cfg(feature = "parquet")]
mod parquet;
mod streams;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stream_runtime::engine::{Progress, QueryBuilder};
use stream_runtime::plan::Plan;
use stream_runtime::prelude::*;
use stream_runtime::sink::MemoryResults;
use stream_runtime::source::{Csv, FileFormat, Json};

/// A result row without its batch: the columns that identify it, and the doubles.
type Row = (Vec<String>, Vec<f64>);

fn path(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(path)
}

/// Makes the source of a stream, by its name.
type Streams<F> = Box<dyn Fn(&str) -> FileSource<F>>;

/// The inputs of a size: streams of one file a batch, and a table.
struct Inputs<F> {
    size: &'static str,
    stream: Streams<F>,
}

impl Inputs<Json> {
    fn json(size: &'static str) -> Self {
        Self { size, stream: Box::new(move |name| FileSource::json(path(&format!("{size}-input/{name}")))) }
    }
}

#[cfg(feature = "parquet")]
impl Inputs<stream_runtime::source::Parquet> {
    fn parquet(size: &'static str) -> Self {
        let files = parquet::convert(size);
        Self { size, stream: Box::new(move |name| FileSource::parquet(files.path().join(name))) }
    }
}

impl<F: FileFormat> Inputs<F> {
    fn events(&self) -> FileSource<F> {
        (self.stream)("events").max_files_per_trigger(1)
    }

    fn orders(&self) -> FileSource<F> {
        (self.stream)("orders").max_files_per_trigger(1)
    }

    fn shipments(&self) -> FileSource<F> {
        (self.stream)("shipments").max_files_per_trigger(1)
    }

    fn ads(&self) -> StaticFile<Csv> {
        StaticFile::csv(path(&format!("{}-input/ads.csv", self.size)))
    }
}

/// Runs the query over one file a batch, with as many workers, and compares everything with Spark's answer.
async fn check<F, P, O>(
    inputs: &Inputs<F>,
    case: &str,
    doubles: usize,
    workers: usize,
    build: impl FnOnce(&Inputs<F>, MemorySink<O>) -> QueryBuilder<P>,
) where
    F: FileFormat,
    P: Plan<Output = O>,
    O: stream_runtime::schema::Schema,
    for<'a> Row: From<&'a O>,
{
    let (results, sink) = MemorySink::new();
    let size = inputs.size;
    let query = build(inputs, sink)
        .workers(workers)
        .trigger(Trigger::AvailableNow)
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect("the query runs to its end");

    let expected = expected_rows(&path(&format!("{size}/{case}.csv")), doubles);
    compare_rows(&results, &expected);
    let text = std::fs::read_to_string(path(&format!("{size}/{case}.progress.json"))).expect("progress file");
    let expected: Vec<serde_json::Value> = serde_json::from_str(&text).expect("progress is JSON");
    compare_progress(&query.recent_progress(), &expected);
}

fn expected_rows(path: &Path, doubles: usize) -> BTreeMap<u64, BTreeMap<Vec<String>, Vec<f64>>> {
    let text = std::fs::read_to_string(path).expect("golden file");
    let mut batches = BTreeMap::<u64, BTreeMap<_, _>>::new();
    for line in text.lines().skip(1) {
        let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        let values = cells.split_off(cells.len() - doubles);
        let values = values.iter().map(|cell| cell.parse().expect("a double")).collect();
        let batch = cells.remove(0).parse().expect("a batch id");
        assert!(batches.entry(batch).or_default().insert(cells, values).is_none(), "a key twice in {line}");
    }
    assert!(!batches.is_empty());
    batches
}

fn compare_rows<O: stream_runtime::schema::Schema>(
    results: &MemoryResults<O>,
    expected: &BTreeMap<u64, BTreeMap<Vec<String>, Vec<f64>>>,
) where
    for<'a> Row: From<&'a O>,
{
    let mut actual = BTreeMap::<u64, BTreeMap<_, _>>::new();
    for batch in results.batches() {
        for row in batch.rows.iter() {
            let (columns, doubles) = Row::from(row);
            let rows = actual.entry(batch.id).or_default();
            assert!(rows.insert(columns, doubles).is_none(), "a key twice in batch {}", batch.id);
        }
    }
    assert_eq!(actual.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "batches with rows");
    for (batch, rows) in expected {
        let ours = &actual[batch];
        assert_eq!(ours.len(), rows.len(), "rows of batch {batch}");
        for ((columns, doubles), (our_columns, our_doubles)) in rows.iter().zip(ours) {
            assert_eq!(columns, our_columns, "batch {batch}");
            for (double, ours) in doubles.iter().zip(our_doubles) {
                assert!(
                    (double - ours).abs() <= 1e-9 * double.abs(),
                    "batch {batch}, {columns:?}: {ours}, not {double}"
                );
            }
        }
    }
}

fn compare_progress(actual: &[Arc<Progress>], expected: &[serde_json::Value]) {
    assert_eq!(actual.len(), expected.len(), "batches");
    for (ours, spark) in actual.iter().zip(expected) {
        let ours: serde_json::Value = serde_json::from_str(&ours.json()).expect("progress is JSON");
        let batch = &spark["batchId"];
        for field in ["batchId", "numInputRows", "eventTime"] {
            assert_eq!(ours[field], spark[field], "{field} of batch {batch}");
        }
        let sources = objects(&ours["sources"]).iter().map(|source| source["numInputRows"].clone());
        assert_eq!(sources.collect::<Vec<_>>(), *objects(&spark["sources"]), "source rows of batch {batch}");
        let (ours, spark) = (objects(&ours["stateOperators"]), objects(&spark["stateOperators"]));
        assert_eq!(ours.len(), spark.len(), "state operators of batch {batch}");
        for (ours, spark) in ours.iter().zip(spark) {
            for field in [
                "operatorName",
                "numRowsTotal",
                "numRowsUpdated",
                "numRowsRemoved",
                "numRowsDroppedByWatermark",
            ] {
                assert_eq!(ours[field], spark[field], "{field} of batch {batch}");
            }
        }
    }
}

fn objects(json: &serde_json::Value) -> &Vec<serde_json::Value> {
    json.as_array().expect("a list")
}

/// Tests of a query on an input of that size, against that case, whose last columns are so many doubles. Behind the query: what it reads.
macro_rules! golden {
    ($($test:ident: $size:literal $case:literal $doubles:literal $query:ident ($($input:ident),+);)*) => {$(
        mod $test {
            use super::*;

            #[tokio::test]
            async fn from_json() {
                let inputs = $crate::Inputs::json($size);
                for workers in [1, 2, 7] {
                    $crate::check(&inputs, $case, $doubles, workers, |inputs, sink| {
                        $query::query()$(.$input(inputs.$input()))+.to(sink)
                    })
                    .await;
                }
            }

            #[cfg(feature = "parquet")]
            #[tokio::test]
            async fn from_parquet() {
                let inputs = $crate::Inputs::parquet($size);
                for workers in [1, 2, 7] {
                    $crate::check(&inputs, $case, $doubles, workers, |inputs, sink| {
                        $query::query()$(.$input(inputs.$input()))+.to(sink)
                    })
                    .await;
                }
            }
        }
    )*};
}

use golden;
