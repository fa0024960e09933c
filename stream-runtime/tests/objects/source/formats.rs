//! Every format, in files large enough to be read in parts and in several requests.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array};
use orc_rust::ArrowWriterBuilder;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use stream_runtime::prelude::*;
use stream_runtime::static_input::StaticSource;

use super::{Clicks, rows, stores};
use crate::support::{Click, click, json};

/// Enough for files that are cut for three workers, and for several requests of one reader.
const ROWS: u64 = 260_000;

fn csv(numbers: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let mut text = b"n,page,ts\n".to_vec();
    for n in numbers {
        let Click { page, n, ts } = click(n);
        writeln!(text, "{n},\"{page}\",{ts}").unwrap();
    }
    text
}

pub(super) fn columns(numbers: std::ops::Range<u64>) -> RecordBatch {
    let clicks: Vec<Click> = numbers.map(click).collect();
    let ns: UInt64Array = clicks.iter().map(|click| click.n).collect::<Vec<_>>().into();
    let pages: StringArray = clicks.iter().map(|click| Some(&*click.page)).collect();
    let unused: StringArray = clicks.iter().map(|click| Some(format!("{:x}", click.n * 7_919))).collect();
    let times: TimestampMicrosecondArray =
        clicks.iter().map(|click| click.ts.as_micros()).collect::<Vec<_>>().into();
    let columns: [(&str, ArrayRef); 4] = [
        ("n", Arc::new(ns)),
        ("unused", Arc::new(unused)),
        ("ts", Arc::new(times)),
        ("page", Arc::new(pages)),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

pub(super) fn parquet(path: &Path, batch: &RecordBatch) {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(40_000))
        .set_data_page_row_count_limit(1_000)
        .set_write_batch_size(1_000)
        .build();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

fn orc(path: &Path, batch: &RecordBatch) {
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriterBuilder::new(file, batch.schema()).try_build().unwrap();
    for at in (0..batch.num_rows()).step_by(50_000) {
        writer.write(&batch.slice(at, (batch.num_rows() - at).min(50_000))).unwrap();
        writer.flush_stripe().unwrap();
    }
    writer.close().unwrap();
}

fn expected() -> Vec<Click> {
    (0..ROWS).filter(|n| *n != 3).map(click).collect()
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

macro_rules! reads_as_from_a_disk {
    ($name:ident, $format:ident, $write:expr) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let directory = tempfile::tempdir().unwrap();
            let write: fn(&Path) = $write;
            write(directory.path());
            let expected = expected();
            assert_eq!(rows(Clicks::query().clicks(FileSource::$format(directory.path()))).await, expected);
            for (store, prefix) in stores(directory.path()).await {
                let source = FileSource::$format(prefix).object_store(Arc::clone(&store));
                assert_eq!(rows(Clicks::query().clicks(source)).await, expected, "{store}");
                let mut table = StaticFile::$format(prefix).object_store(store);
                let table: Vec<Click> = table.load().await.unwrap();
                assert_eq!(table.len(), ROWS as usize);
                assert!(table.iter().all(|row| *row == click(row.n)));
            }
        }
    };
}

reads_as_from_a_disk!(json_lines, json, |directory| {
    std::fs::write(directory.join("a"), json(0..200_000)).unwrap();
    std::fs::write(directory.join("b"), json(200_000..ROWS)).unwrap();
    std::fs::write(directory.join("c"), "").unwrap();
});

reads_as_from_a_disk!(compressed_json_lines, json, |directory| {
    std::fs::write(directory.join("a.gz"), gzip(&json(0..200_000))).unwrap();
    let zstd = zstd::encode_all(&*json(200_000..ROWS), 1).unwrap();
    std::fs::write(directory.join("b.zst"), zstd).unwrap();
});

reads_as_from_a_disk!(csv_records, csv, |directory| {
    std::fs::write(directory.join("a"), csv(0..200_000)).unwrap();
    std::fs::write(directory.join("b"), csv(200_000..ROWS)).unwrap();
});

reads_as_from_a_disk!(parquet_columns, parquet, |directory| {
    parquet(&directory.join("a"), &columns(0..200_000));
    parquet(&directory.join("b"), &columns(200_000..ROWS));
});

#[derive(Schema, Clone, Debug, PartialEq)]
struct Numbered {
    page: String,
    n: u64,
}

stream_query! {
    query Pages(clicks: Numbered) -> Numbered {
        from c in clicks;
        select Numbered { page: c.page, n: c.n };
        output append;
    }
}

/// Without times, which the crate that writes ORC has none of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orc_columns() {
    let directory = tempfile::tempdir().unwrap();
    let columns = |numbers: std::ops::Range<u64>| {
        let ns: arrow_array::Int64Array = numbers.clone().map(|n| n as i64).collect::<Vec<_>>().into();
        let columns = columns(numbers);
        let texts = |column| Arc::clone(columns.column(column));
        let columns: [(&str, ArrayRef); 3] = [("n", Arc::new(ns)), ("unused", texts(1)), ("page", texts(3))];
        RecordBatch::try_from_iter(columns).unwrap()
    };
    orc(&directory.path().join("a"), &columns(0..200_000));
    orc(&directory.path().join("b"), &columns(200_000..ROWS));
    for (store, prefix) in stores(directory.path()).await {
        let (results, sink) = MemorySink::new();
        let source = FileSource::orc(prefix).object_store(Arc::clone(&store));
        let query = Pages::query().clicks(source).to(sink).trigger(Trigger::AvailableNow).workers(3);
        query.start().await.unwrap().await_termination().await.unwrap();
        let mut table = StaticFile::orc(prefix).object_store(store);
        let table: Vec<Numbered> = table.load().await.unwrap();
        for mut rows in [results.batches().iter().flat_map(|batch| batch.rows.to_vec()).collect(), table] {
            rows.sort_unstable_by_key(|row| row.n);
            assert!(
                rows.into_iter()
                    .eq((0..ROWS).map(click).map(|click| Numbered { page: click.page, n: click.n }))
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_object_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let whole = directory.path().join("whole");
    parquet(&whole, &columns(0..10));
    let bytes = std::fs::read(&whole).unwrap();
    for cut in [1, 3, 8, bytes.len() / 2, bytes.len() - 1] {
        let store = crate::support::in_memory();
        crate::support::put(&store, "in/cut", &bytes[..cut]).await;
        let source = FileSource::parquet("in").object_store(store);
        let error = super::run(Clicks::query().clicks(source)).await.unwrap_err().to_string();
        assert!(error.contains("`in/cut` can't be read: "), "{cut}: {error}");
    }
}

/// A line's number is counted over the parts that others read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_line_is_named_by_its_number() {
    let mut bytes = json(0..ROWS);
    bytes.extend_from_slice(b"{\"n\":-1}\n");
    let store = crate::support::in_memory();
    crate::support::put(&store, "in/a", bytes).await;
    let source = FileSource::json("s3a://bucket/in").object_store(store);
    let error = super::run(Clicks::query().clicks(source)).await.unwrap_err().to_string();
    assert!(error.contains(&format!("in/a:{}", ROWS + 1)), "{error}");
}
