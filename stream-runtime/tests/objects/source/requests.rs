//! How many requests a source makes: each takes its time, and most stores charge for it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use stream_runtime::object_store::memory::InMemory;
use stream_runtime::object_store::path::Path;
use stream_runtime::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use stream_runtime::prelude::*;
use stream_runtime::source::Admission;

use super::{Clicks, rows};
use crate::source_support::{Checkpoint, Number, Run};
use crate::support::{Click, click, json, put};

/// Counts what is read.
#[derive(Debug, Default)]
struct Counted {
    inner: InMemory,
    gets: AtomicU64,
    bytes: AtomicU64,
    lists: AtomicU64,
    /// Whether what is behind the first bytes can't be read.
    is_broken: AtomicBool,
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counted")
    }
}

#[async_trait]
impl ObjectStore for Counted {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.gets.fetch_add(1, Ordering::SeqCst);
        let is_head = options.head;
        if !is_head && self.is_broken.load(Ordering::SeqCst) {
            return Err(Error::Generic { store: "Counted", source: "the connection was reset".into() });
        }
        let got = self.inner.get_opts(location, options).await?;
        if !is_head {
            self.bytes.fetch_add(got.range.end - got.range.start, Ordering::SeqCst);
        }
        Ok(got)
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.lists.fetch_add(1, Ordering::SeqCst);
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.lists.fetch_add(1, Ordering::SeqCst);
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_file_is_read_in_one_request() {
    let counted = Arc::new(Counted::default());
    let store: Arc<dyn ObjectStore> = counted.clone();
    for n in 10..20 {
        put(&store, &format!("in/{n}"), json([n])).await;
    }
    let source = FileSource::json("in").object_store(store);
    assert_eq!(rows(Clicks::query().clicks(source)).await.len(), 10);
    let gets = counted.gets.load(Ordering::SeqCst);
    // One looks whether the path is an object itself, and one each whether what was listed before is still there.
    assert_eq!(gets, 1 + 10 + 10);
    assert!(counted.lists.load(Ordering::SeqCst) <= 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_group_of_many_pages_is_read_in_few_requests_and_only_its_columns() {
    let clicks: Vec<Click> = (0..20_000).map(click).collect();
    let column = |value: &dyn Fn(&Click) -> String| -> arrow_array::ArrayRef {
        Arc::new(clicks.iter().map(|click| Some(value(click))).collect::<arrow_array::StringArray>())
    };
    let ns: arrow_array::UInt64Array = clicks.iter().map(|click| click.n).collect::<Vec<_>>().into();
    let times: arrow_array::TimestampMicrosecondArray =
        clicks.iter().map(|click| click.ts.as_micros()).collect::<Vec<_>>().into();
    // Between the columns lies one that the query doesn't name.
    let unused = column(&|click| format!("{:0>500}", click.n.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    let batch = arrow_array::RecordBatch::try_from_iter([
        ("n", Arc::new(ns) as arrow_array::ArrayRef),
        ("unused", unused),
        ("page", column(&|click| click.page.clone())),
        ("ts", Arc::new(times)),
    ])
    .unwrap();
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_data_page_row_count_limit(100)
        .set_write_batch_size(100)
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    let counted = Arc::new(Counted::default());
    let store: Arc<dyn ObjectStore> = counted.clone();
    let size = bytes.len() as u64;
    put(&store, "in/a.parquet", bytes).await;
    let source = FileSource::parquet("in").object_store(store);
    assert_eq!(rows(Clicks::query().clicks(source)).await.len(), 20_000 - 1);
    // Looks at the path and at the object, the end with the metadata in up to three requests, and two stretches of columns.
    let (gets, bytes) = (counted.gets.load(Ordering::SeqCst), counted.bytes.load(Ordering::SeqCst));
    assert!(gets <= 2 + 3 + 2, "{gets}");
    assert!(bytes < size / 3, "{bytes} of {size}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_read_in_parts_is_asked_for_once() {
    let counted = Arc::new(Counted::default());
    let store: Arc<dyn ObjectStore> = counted.clone();
    let bytes = json(0..260_000);
    let size = bytes.len() as u64;
    put(&store, "in/a", bytes).await;
    let source = FileSource::json("in").object_store(store);
    assert_eq!(rows(Clicks::query().clicks(source)).await.len(), 260_000 - 1);
    let bytes = counted.bytes.load(Ordering::SeqCst);
    assert!(bytes < size + size / 10, "{bytes} of {size}");
}

#[tokio::test]
async fn an_idle_source_rests_between_listings() {
    let counted = Arc::new(Counted::default());
    let store: Arc<dyn ObjectStore> = counted.clone();
    let source = FileSource::json("in").object_store(store);
    let mut run = Run::start::<Number>(source, Checkpoint::default()).await.unwrap();
    let mut lists = Vec::new();
    for _ in 0..3 {
        assert!(!run.advance::<Number>(Admission::Limited).await.unwrap());
        lists.push(counted.lists.load(Ordering::SeqCst));
    }
    assert_eq!(lists[1..], [lists[0]; 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_does_not_answer_is_no_damaged_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a");
    super::formats::parquet(&path, &super::formats::columns(0..10));
    let counted = Arc::new(Counted::default());
    let store: Arc<dyn ObjectStore> = counted.clone();
    put(&store, "parquet/a", std::fs::read(&path).unwrap()).await;
    put(&store, "gzip/a.gz", super::formats::gzip(&json(0..10))).await;
    counted.is_broken.store(true, Ordering::SeqCst);
    let parquet = FileSource::parquet("parquet").object_store(Arc::clone(&store));
    let gzip = FileSource::json("gzip").object_store(store);
    for (query, key) in [
        (super::run(Clicks::query().clicks(parquet)).await, "parquet/a"),
        (super::run(Clicks::query().clicks(gzip)).await, "gzip/a.gz"),
    ] {
        let error = query.unwrap_err().to_string();
        assert!(error.contains(&format!("reading `{key}` failed: ")), "{error}");
        assert!(error.contains("the connection was reset"), "{error}");
    }
}

#[tokio::test]
async fn many_objects_that_an_earlier_run_has_removed_are_not_asked_for_one_by_one() {
    let counted = Arc::new(Counted::default());
    let store: Arc<dyn ObjectStore> = counted.clone();
    let home = tempfile::tempdir().unwrap();
    let run_once = || async {
        let source =
            FileSource::json("in").object_store(Arc::clone(&store)).clean_source(CleanSource::Delete);
        rows(Clicks::query().clicks(source).checkpoint(home.path().join("c"))).await.len()
    };
    for n in 100..250 {
        put(&store, &format!("in/{n}"), json([n])).await;
    }
    assert_eq!(run_once().await, 150);
    put(&store, "in/new", json([1])).await;
    let before = counted.gets.load(Ordering::SeqCst);
    assert_eq!(run_once().await, 1);
    assert_eq!(crate::support::objects(&store, "").await, []);
    // Of the new one alone: what was removed is known from a listing.
    let gets = counted.gets.load(Ordering::SeqCst) - before;
    assert!(gets < 10, "{gets}");
}
