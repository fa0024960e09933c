//! What a manifest's lines call the objects, and where they are found when the directory was copied.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use stream_runtime::Error;
use stream_runtime::object_store::ObjectStore;
use stream_runtime::object_store::chunked::ChunkedStore;
use stream_runtime::prelude::*;
use stream_runtime::sink::file::committed_objects;

use super::faulty::Faulty;
use super::{QUERY, append, json, line, opened_at, result, sale};
use crate::support::{copy_in, in_memory, objects, put};

/// What a reader takes of a sale; which shop it is says the directory.
#[derive(Schema, Clone, Debug, PartialEq)]
struct Number {
    n: u64,
}

stream_query! {
    query Numbers(rows: Number) -> Number {
        from row in rows;
        select Number { n: row.n };
        output append;
    }
}

const SHOPS: [Option<&str>; 5] = [None, Some("a b"), Some("é%/"), Some("#=?"), Some("[x]")];

/// Two batches by shop, or as many as are to be.
async fn write(store: Option<&Arc<dyn ObjectStore>>, dir: impl Into<PathBuf>, batches: std::ops::Range<u64>) {
    let mut sink = FileSink::json(dir).partition_by(["shop"]);
    if let Some(store) = store {
        sink = sink.object_store(Arc::clone(store));
    }
    let mut sink = opened_at(sink, QUERY, (batches.start, false)).await.unwrap();
    for batch in batches {
        let rows = SHOPS.iter().zip(0..).map(|(shop, n)| sale(*shop, batch * 10 + n));
        append(&mut sink, batch, &rows.collect::<Vec<_>>()).await.unwrap();
    }
}

fn numbers(batches: std::ops::Range<u64>) -> BTreeSet<u64> {
    batches.flat_map(|batch| (0..SHOPS.len() as u64).map(move |n| batch * 10 + n)).collect()
}

/// The rows that a query finds in a directory.
async fn read(store: &Arc<dyn ObjectStore>, dir: &str) -> BTreeSet<u64> {
    let source = FileSource::json(dir).object_store(Arc::clone(store));
    let (results, sink) = MemorySink::new();
    let query = Numbers::query().rows(source).to(sink).workers(1).trigger(Trigger::AvailableNow);
    query.start().await.unwrap().await_termination().await.unwrap();
    let rows = results.rows();
    let read: BTreeSet<u64> = rows.iter().map(|row| row.n).collect();
    assert_eq!(read.len(), rows.len(), "a row is there twice");
    read
}

/// The paths of an entry's lines, without the objects' names.
async fn listed(store: &Arc<dyn ObjectStore>, entry: &str) -> Vec<String> {
    let (_, content) = objects(store, entry.rsplit_once('/').unwrap().0)
        .await
        .into_iter()
        .find(|(key, _)| key == entry)
        .expect("the entry");
    let lines = std::str::from_utf8(&content).unwrap().lines().skip(1);
    let paths = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["path"].clone());
    paths.map(|path| path.as_str().unwrap().rsplit_once('/').unwrap().0.to_owned()).collect()
}

#[tokio::test]
async fn a_line_has_the_object_s_url_or_its_key() {
    // As Spark's `Path.toUri` writes them.
    let shops = [
        "shop=__HIVE_DEFAULT_PARTITION__",
        "shop=a%20b",
        "shop=%C3%A9%2525%252F",
        "shop=%2523%253D%253F",
        "shop=%255Bx%255D",
    ];
    for (dir, key, url) in [
        ("s3a://bucket/out", "out", "s3a://bucket/out/"),
        ("gs://b.u-c_ket/ä b/50%=#/", "ä b/50%=#", "gs://b.u-c_ket/%C3%A4%20b/50%25=%23/"),
        ("s3a://bucket", "", "s3a://bucket/"),
        ("out", "out", "/out/"),
        ("/to:/out", "to:/out", "/to:/out/"),
        ("", "", "/"),
    ] {
        let store = in_memory();
        write(Some(&store), dir, 0..12).await;
        let entry = format!("{key}/_spark_metadata/1");
        let written = listed(&store, entry.trim_start_matches('/')).await;
        let expected: BTreeSet<String> = shops.iter().map(|shop| format!("{url}{shop}")).collect();
        assert_eq!(written.into_iter().collect::<BTreeSet<_>>(), expected);

        let committed = committed_objects(&store, dir).await.unwrap();
        let all = objects(&store, key).await.into_iter().map(|(key, _)| key);
        let parts: BTreeSet<String> = all.filter(|key| key.contains("part-")).collect();
        assert_eq!(committed.len(), parts.len());
        assert_eq!(committed.into_iter().map(String::from).collect::<BTreeSet<_>>(), parts, "{dir}");
        assert_eq!(read(&store, dir).await, numbers(0..12), "{dir}");
        // A later run finds it, too.
        write(Some(&store), dir, 12..21).await;
        assert_eq!(read(&store, dir).await, numbers(0..21), "{dir}");
    }
}

/// Puts all objects below a key into another store, or elsewhere in the same one.
async fn copy(from: &Arc<dyn ObjectStore>, key: &str, to: &Arc<dyn ObjectStore>, new: &str) {
    for (path, content) in objects(from, key).await {
        put(to, format!("{new}{}", &path[key.len()..]).trim_start_matches('/'), content).await;
    }
}

#[tokio::test]
async fn a_directory_that_was_copied_is_read_where_it_is_now() {
    let original = in_memory();
    write(Some(&original), "s3a://bucket/to/out", 0..12).await;
    let directory = tempfile::tempdir().unwrap();
    let on_disk = directory.path().join("a b/out");
    write(None, &on_disk, 0..12).await;
    for (dir, key) in [
        ("s3a://bucket/to/out", "to/out"),
        ("gs://other/elsewhere/deep", "elsewhere/deep"),
        ("to", "to"),
        ("gs://other", ""),
        ("shop=1/to", "shop=1/to"),
        ("to/out/shop=1", "to/out/shop=1"),
    ] {
        let store = in_memory();
        copy(&original, "to/out", &store, key).await;
        let from_disk = in_memory();
        copy_in(&on_disk, &from_disk, if key.is_empty() { "x" } else { key }).await;
        let from_disk_dir = if key.is_empty() { "x" } else { dir };
        for (store, dir) in [(&store, dir), (&from_disk, from_disk_dir)] {
            assert_eq!(read(store, dir).await, numbers(0..12), "{dir}");
            assert_eq!(committed_objects(store, dir).await.unwrap().len(), 12 * SHOPS.len());
            // The query goes on there, over the next compact entry.
            write(Some(store), dir, 12..21).await;
            assert_eq!(read(store, dir).await, numbers(0..21), "{dir}");
        }
    }
    assert_eq!(read(&original, "to/out").await, numbers(0..12));
}

#[tokio::test]
async fn the_lines_of_a_copied_directory_are_looked_for_all_at_once() {
    let original = in_memory();
    write(Some(&original), "s3a://bucket/to/out", 0..12).await;
    let (state, store) = Faulty::over(in_memory(), None);
    copy(&original, "to/out", &store, "elsewhere").await;
    assert_eq!(committed_objects(&store, "elsewhere").await.unwrap().len(), 12 * SHOPS.len());
    assert_eq!(state.heads(), 0);
}

#[tokio::test]
async fn only_committed_objects_are_listed_and_a_directory_without_a_manifest_is_an_error() {
    let store = in_memory();
    put(&store, "out/part-00000.json", line(9)).await;
    let error = committed_objects(&store, "s3a://bucket/out").await.unwrap_err();
    assert!(
        matches!(&error, Error::Sink { sink, message } if sink == "FileSink[s3a://bucket/out]" && message == "no file sink has written to this directory of the store: check the path, and which store it is in"),
        "{error}"
    );

    let mut sink = json(&store, 0).await.unwrap();
    assert_eq!(committed_objects(&store, "out").await.unwrap(), []);
    append(&mut sink, 0, &[]).await.unwrap();
    assert_eq!(committed_objects(&store, "out").await.unwrap(), []);
    append(&mut sink, 1, &[sale(None, 1)]).await.unwrap();
    assert_eq!(result(&store, "/out/").await, line(1));

    let error = committed_objects(&store, "a/../out").await.unwrap_err();
    assert!(matches!(error, Error::InvalidOption { option: "object_store", .. }), "{error}");
    put(&store, "out/_spark_metadata/1", "v2\n").await;
    let error = committed_objects(&store, "out").await.unwrap_err().to_string();
    assert!(error.contains("the manifest `out/_spark_metadata` is damaged"), "{error}");
}

#[tokio::test]
async fn a_manifest_is_read_as_its_bytes_arrive() {
    let store = in_memory();
    write(Some(&store), "out", 0..12).await;
    let expected = committed_objects(&store, "out").await.unwrap();
    for bytes in [1, 7, 1000] {
        let store: Arc<dyn ObjectStore> = Arc::new(ChunkedStore::new(Arc::clone(&store), bytes));
        assert_eq!(committed_objects(&store, "out").await.unwrap(), expected);
    }
}
