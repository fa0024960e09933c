//! pyarrow and `DuckDB` read a directory with its partitions: programs that share no code with this one.
//!
//! They are in a virtual environment, `python` in the target directory; `.ci/run` makes it.

use std::process::Command;

use serde_json::{Value, json};
use stream_runtime::Uuid;
use stream_runtime::plan::Mode;
use stream_runtime::sink::file::ParquetCompression;
use stream_runtime::sink::{Sink, SinkBatch, SinkContext};

use super::*;

#[derive(Schema)]
struct Inner {
    label: Option<String>,
}

#[derive(Schema)]
struct Sale {
    number: u64,
    day: Date,
    shop: Option<String>,
    at: Timestamp,
    window: Window,
    tags: Vec<String>,
    mean: Option<f64>,
    inner: Option<Inner>,
}

fn sale(number: u64) -> Sale {
    let at = Timestamp::from_micros(1_767_225_600_000_001 + number as i64 * 3_600_000_000);
    Sale {
        number,
        day: at.date(),
        shop: [None, Some("ä 데/b=c%:"), Some("plain")][number as usize % 3].map(str::to_owned),
        at,
        window: Window { start: at, end: at + minutes(1) },
        tags: (0..number % 3).map(|tag| format!("\u{1f980}{tag}")).collect(),
        mean: number.is_multiple_of(2).then_some(number as f64 / 4.0),
        inner: (!number.is_multiple_of(4)).then(|| Inner { label: (number % 4 > 1).then(|| "l".to_owned()) }),
    }
}

fn expected(sale: &Sale) -> Value {
    json!({
        "number": sale.number,
        "day": sale.day.to_string(),
        "shop": sale.shop,
        "at": sale.at.as_micros(),
        "end": sale.window.end.as_micros(),
        "tags": sale.tags,
        "mean": sale.mean,
        "label": sale.inner.as_ref().and_then(|inner| inner.label.clone()),
    })
}

/// The interpreter with pyarrow and `DuckDB`, if there is one.
fn python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?.join("python/bin/python");
    let has_both = Command::new(&python).args(["-c", "import duckdb, pyarrow.dataset"]).output();
    has_both.is_ok_and(|output| output.status.success()).then_some(python)
}

#[tokio::test]
async fn pyarrow_and_duckdb_read_the_rows_and_the_partitions() {
    let Some(python) = python() else {
        println!("skipped: no pyarrow and DuckDB in target/python; `.ci/run` installs them");
        return;
    };
    let compressions = [
        ParquetCompression::None,
        ParquetCompression::Snappy,
        ParquetCompression::Gzip,
        ParquetCompression::Zstd,
    ];
    for compression in compressions {
        let dir = tempfile::tempdir().expect("a directory");
        let mut sink = FileSink::parquet(dir.path()).partition_by(["day", "shop"]).compression(compression);
        let query = Uuid::from_u128(1 << 90);
        let context = SinkContext {
            query_id: query,
            query_name: "Sales".to_owned(),
            mode: Mode::Append,
            first_batch: 0,
            first_is_replay: false,
        };
        Sink::<Sale>::open(&mut sink, context).await.expect("the sink opens");
        let sales: Vec<Sale> = (0..60).map(sale).collect();
        for (id, rows) in (0..).zip(sales.chunks(20)) {
            let batch = SinkBatch { id, mode: Mode::Append, rows, removed: &[], watermark: None };
            sink.commit(batch).await.expect("the batch is written");
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/landing/readers.py");
        let output = Command::new(&python).arg(script).arg(dir.path()).output().expect("python runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("text");
        let read: Vec<Vec<Value>> =
            text.lines().map(|line| serde_json::from_str(line).expect("rows of JSON")).collect();
        let expected: Vec<Value> = sales.iter().map(expected).collect();
        let [pyarrow, duckdb] = &read[..] else { panic!("two readers: {text}") };
        assert_eq!(pyarrow, &expected, "pyarrow, {compression:?}");
        assert_eq!(duckdb, &expected, "DuckDB, {compression:?}");
    }
}
