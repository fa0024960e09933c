//! Which objects a path names: those that it names on a disk.

use std::sync::Arc;

use stream_runtime::Error;
use stream_runtime::prelude::*;
use stream_runtime::static_input::StaticSource;

use super::{Clicks, numbers, run, stores};
use crate::support::{Click, in_memory, json, objects, put};

#[tokio::test]
async fn a_path_names_in_a_store_what_it_names_on_a_disk() {
    let directory = tempfile::tempdir().unwrap();
    let names = [
        "a.json",
        "b.json",
        "b.txt",
        "_c",
        ".d",
        "x/a.json",
        "x/y/b.json",
        "x/_z/c.json",
        "_w/d.json",
        "xx/e.json",
        "n [1].json",
        "100%.json",
        "k=v%2F/a.json",
        "x/_k=1/f.json",
        "_l=1/g.json",
        "x/k=2/_h.json",
    ];
    for (n, name) in (10..).zip(names) {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, json([n])).unwrap();
    }
    for recursive in [false, true] {
        for path in [
            "",
            "*.json",
            "?.json",
            "x",
            "x/*",
            "x*",
            "**/b.json",
            "**",
            "a.json",
            "n [1].json",
            "100%.json",
            "[bx]*",
            "k=v*",
        ] {
            let source = FileSource::json(directory.path().join(path)).recursive_file_lookup(recursive);
            let expected = numbers(source).await;
            assert!(!expected.is_empty(), "{path}");
            for (store, prefix) in stores(directory.path()).await {
                let key = format!("{prefix}/{path}");
                let source = FileSource::json(key).recursive_file_lookup(recursive).object_store(store);
                assert_eq!(numbers(source).await, expected, "{prefix} {path} {recursive}");
            }
        }
    }
}

#[tokio::test]
async fn objects_that_appear_later_are_read_once() {
    let store = in_memory();
    let (results, sink) = MemorySink::new();
    let source = FileSource::json("s3://bucket/in/").object_store(Arc::clone(&store));
    // Nothing is there yet: a store has no empty directories.
    let query = Clicks::query().clicks(source).to(sink).start().await.unwrap();
    put(&store, "in/a", json([1])).await;
    assert!(results.wait_for_batch(0).await);
    put(&store, "in/b", json([2])).await;
    put(&store, "input", json([7])).await;
    assert!(results.wait_for_batch(1).await);
    query.stop().await.unwrap();
    let read: Vec<u64> =
        results.batches().iter().flat_map(|batch| batch.rows.iter().map(|row| row.n)).collect();
    assert_eq!(read, [1, 2]);
}

#[tokio::test]
async fn a_restarted_query_goes_on_behind_what_it_has_read() {
    let store = in_memory();
    let home = tempfile::tempdir().unwrap();
    put(&store, "in/a", json([1])).await;
    let run_once = || async {
        let source = FileSource::json("in").object_store(Arc::clone(&store));
        run(Clicks::query().clicks(source).checkpoint(home.path().join("c"))).await.unwrap().concat()
    };
    let first = run_once().await;
    put(&store, "in/b", json([2])).await;
    let second = run_once().await;
    assert_eq!([first.len(), second.len()], [1, 1]);
    assert_eq!(second[0].n, 2);
}

#[tokio::test]
async fn committed_objects_are_removed_or_archived() {
    for archive in [false, true] {
        let store = in_memory();
        put(&store, "in/x/a", json([1])).await;
        put(&store, "in/b", json([2])).await;
        put(&store, "old/b", "from before").await;
        let clean =
            if archive { CleanSource::Archive("s3a://bucket/old".into()) } else { CleanSource::Delete };
        let source = FileSource::json("s3a://bucket/in")
            .object_store(Arc::clone(&store))
            .recursive_file_lookup(true)
            .clean_source(clean);
        assert_eq!(numbers(source).await, [1, 2]);
        let left: Vec<_> = objects(&store, "").await;
        let old = ("old/b".to_owned(), b"from before".to_vec());
        let expected = if archive {
            // What is in the archive stays, and so does what would take its place.
            vec![("in/b".to_owned(), json([2])), old, ("old/x/a".to_owned(), json([1]))]
        } else {
            vec![old]
        };
        assert_eq!(left, expected);
    }
}

#[tokio::test]
async fn an_archive_that_was_cut_short_goes_on() {
    let store = in_memory();
    put(&store, "in/a", json([1])).await;
    // Copied, and not removed.
    put(&store, "old/a", json([1])).await;
    let source = FileSource::json("in")
        .object_store(Arc::clone(&store))
        .clean_source(CleanSource::Archive("old".into()));
    assert_eq!(numbers(source).await, [1]);
    assert_eq!(objects(&store, "").await, [("old/a".to_owned(), json([1]))]);
}

#[tokio::test]
async fn an_archive_in_another_bucket_is_refused() {
    let source = FileSource::json("s3a://bucket/in")
        .object_store(in_memory())
        .clean_source(CleanSource::Archive("s3a://other/old".into()));
    let error = run(Clicks::query().clicks(source)).await.unwrap_err().to_string();
    assert!(error.contains("`s3a://other/old` is in another bucket than `s3a://bucket/`"), "{error}");
}

#[tokio::test]
async fn an_object_without_a_byte_is_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let store = in_memory();
    // As consoles and Hadoop mark directories.
    for key in ["in", "in/sub", "in/k=1"] {
        put(&store, key, "").await;
    }
    crate::source::formats::parquet(&directory.path().join("a"), &crate::source::formats::columns(0..10));
    put(&store, "in/a.parquet", std::fs::read(directory.path().join("a")).unwrap()).await;
    for path in ["in/*", "in"] {
        let source = FileSource::parquet(path).object_store(Arc::clone(&store)).recursive_file_lookup(true);
        assert_eq!(super::rows(Clicks::query().clicks(source)).await.len(), if path == "in" { 0 } else { 9 });
    }
}

#[tokio::test]
async fn an_archive_that_would_be_read_again_is_refused() {
    let source = FileSource::json("in")
        .object_store(in_memory())
        .recursive_file_lookup(true)
        .clean_source(CleanSource::Archive("in/old".into()));
    let error = run(Clicks::query().clicks(source)).await.unwrap_err();
    assert!(matches!(error.root(), Error::InvalidOption { option: "clean_source", .. }), "{error}");
}

#[tokio::test]
async fn a_table_without_an_object_fails_to_load() {
    let mut table = StaticFile::json("s3a://bucket/none").object_store(in_memory());
    let error = StaticSource::<Click>::load(&mut table).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "source `StaticFile[s3a://bucket/none]`: `none` matches no file; correct it, or create the files"
    );
}

#[tokio::test]
async fn a_directory_whose_sink_has_no_rows_is_an_empty_table() {
    let store = in_memory();
    put(&store, "t/_spark_metadata/0", "v1").await;
    let mut table = StaticFile::json("t").object_store(store);
    assert_eq!(StaticSource::<Click>::load(&mut table).await.unwrap(), []);
}

#[tokio::test]
async fn a_table_changes_with_its_objects() {
    let store = in_memory();
    put(&store, "t/a", json([1])).await;
    let mut table = StaticFile::json("t").object_store(Arc::clone(&store));
    let version = async |table: &mut _| StaticSource::<Click>::version(table).await.unwrap();
    let first = version(&mut table).await;
    assert_eq!(version(&mut table).await, first);
    // As long as before, and written within the same instant maybe.
    put(&store, "t/a", json([2])).await;
    assert_ne!(version(&mut table).await, first);
}

#[tokio::test]
async fn a_url_without_a_store_and_a_path_that_is_no_key_are_refused() {
    let error =
        run(Clicks::query().clicks(FileSource::json("s3a://bucket/in"))).await.unwrap_err().to_string();
    assert!(error.contains("invalid option `object_store`: `s3a://bucket/in` is the URL of an object store, and no store was given"), "{error}");
    for path in ["in//x", "in/../x", "in\u{1}"] {
        let source = FileSource::json(path).object_store(in_memory());
        let error = run(Clicks::query().clicks(source)).await.unwrap_err().to_string();
        assert!(error.contains("can't be a path in an object store"), "{error}");
    }
}
