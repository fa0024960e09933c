//! The same batches make the same files and the same manifest, on a disk and in an object store.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use stream_runtime::prelude::*;
use stream_runtime::sink::file::{FileFormat, ParquetCompression, TextCompression};

use super::faulty::Faulty;
use super::tree::Tree;
use super::{QUERY, Sale, append, opened_at, sale};
use crate::support::in_memory;

/// Of values that can't name a directory as they are, or only in a store or on a disk.
const SHOPS: [Option<&str>; 14] = [
    None,
    Some(""),
    Some("wien"),
    Some("a b"),
    Some("ä/ö"),
    Some("50%"),
    Some("%2F"),
    Some("x=y"),
    Some("#?[]"),
    Some(".."),
    Some("\"'\\"),
    Some("new\nline\u{7f}"),
    Some("{}^`|~"),
    Some("__HIVE_DEFAULT_PARTITION__"),
];

/// Rows of up to three shops; every fourth batch has none.
fn rows(batch: u64) -> Vec<Sale> {
    let count = if batch % 4 == 3 { 0 } else { batch % 5 + 1 };
    let shop = |n: u64| SHOPS[(batch + n % 3) as usize % SHOPS.len()];
    (0..count).map(|n| sale(shop(n), batch * 10 + n)).collect()
}

/// Writes the batches to both; gives what they left.
async fn both<F: FileFormat>(sink: impl Fn(&str) -> FileSink<F>, batches: u64) -> (Tree, Tree) {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("out");
    let store = in_memory();
    // A new run in between finds its way in both.
    for run in [0..batches / 2, batches / 2..batches] {
        let begin = (run.start, false);
        let mut disk = opened_at(sink(dir.to_str().unwrap()), QUERY, begin).await.unwrap();
        let objects = sink("s3a://bucket/to/out").object_store(Arc::clone(&store));
        let mut objects = opened_at(objects, QUERY, begin).await.unwrap();
        for batch in run {
            append(&mut disk, batch, &rows(batch)).await.unwrap();
            append(&mut objects, batch, &rows(batch)).await.unwrap();
        }
    }
    (Tree::on_disk(&dir), Tree::in_store(&store, "to/out", "s3a://bucket/to/out/").await)
}

#[track_caller]
fn assert_same((disk, objects): (Tree, Tree), least: usize) {
    assert!(disk.committed.len() >= least, "{disk:?}");
    assert!(disk.names().any(|name| name == "_spark_metadata/19.compact"), "{disk:?}");
    assert_eq!(objects, disk);
}

#[tokio::test]
async fn json_lines_are_the_same() {
    assert_same(both(|dir| FileSink::json(dir), 31).await, 20);
    assert_same(both(|dir| FileSink::json(dir).partition_by(["shop"]), 31).await, 40);
    let compressed = |dir: &str| FileSink::json(dir).compression(TextCompression::Zstd);
    assert_same(both(|dir| compressed(dir).partition_by(["item", "shop"]), 25).await, 40);
}

#[tokio::test]
async fn csv_is_the_same() {
    assert_same(both(|dir| FileSink::csv(dir).header(false).delimiter(b';'), 26).await, 15);
    let compressed = |dir: &str| FileSink::csv(dir).compression(TextCompression::Gzip);
    assert_same(both(|dir| compressed(dir).partition_by(["shop", "n"]), 25).await, 40);
}

#[tokio::test]
async fn parquet_is_the_same() {
    assert_same(both(|dir| FileSink::parquet(dir).row_group_rows(2), 25).await, 15);
    let compressed = |dir: &str| FileSink::parquet(dir).compression(ParquetCompression::Zstd);
    assert_same(both(|dir| compressed(dir).partition_by(["shop"]), 25).await, 30);
}

#[tokio::test]
async fn small_files_are_merged_the_same_way() {
    let merged = |(disk, objects): (Tree, Tree)| {
        let notes = disk.names().filter(|name| name.ends_with(".merged")).count();
        assert!(notes > 1, "{disk:?}");
        assert_same((disk, objects), 1);
    };
    merged(both(|dir| FileSink::json(dir).target_file_bytes(400), 41).await);
    merged(both(|dir| FileSink::csv(dir).target_file_bytes(200), 41).await);
    merged(
        both(|dir| FileSink::csv(dir).compression(TextCompression::Gzip).target_file_bytes(300), 41).await,
    );
    merged(both(|dir| FileSink::parquet(dir).target_file_bytes(4000), 41).await);
    merged(both(|dir| FileSink::json(dir).partition_by(["shop"]).target_file_bytes(150), 61).await);
}

#[tokio::test]
async fn what_is_superseded_is_removed_the_same_way() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("out");
    let (state, store) = Faulty::over(in_memory(), None);
    let merging = |sink: FileSink<_>| opened_at(sink.target_file_bytes(200), QUERY, (0, false));
    let mut disk = merging(FileSink::json(&dir)).await.unwrap();
    let mut objects = merging(FileSink::json("out").object_store(Arc::clone(&store))).await.unwrap();
    for batch in 0..160 {
        if batch == 140 {
            // An hour goes by.
            state.age(3600);
            let then = SystemTime::now() - Duration::from_secs(3600);
            for entry in std::fs::read_dir(dir.join("_spark_metadata")).unwrap() {
                let entry = std::fs::File::options().write(true).open(entry.unwrap().path()).unwrap();
                entry.set_modified(then).unwrap();
            }
        }
        append(&mut disk, batch, &[sale(None, batch)]).await.unwrap();
        append(&mut objects, batch, &[sale(None, batch)]).await.unwrap();
    }
    let (disk, objects) = (Tree::on_disk(&dir), Tree::in_store(&store, "out", "/out/").await);
    assert!(!disk.names().any(|name| name == "_spark_metadata/.9.merged"), "{disk:?}");
    assert!(!disk.names().any(|name| name == "_spark_metadata/39.compact"), "{disk:?}");
    assert_eq!(disk.names().filter(|name| name.contains("part-00003")).count(), 0, "{disk:?}");
    assert_eq!(objects, disk);
}

#[tokio::test]
async fn what_is_past_its_retention_is_left_out_the_same_way() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("out");
    let (state, store) = Faulty::over(in_memory(), None);
    let keeping = |sink: FileSink<_>| opened_at(sink.retention(hours(1)), QUERY, (0, false));
    let mut disk = keeping(FileSink::json(&dir)).await.unwrap();
    let mut objects = keeping(FileSink::json("out").object_store(Arc::clone(&store))).await.unwrap();
    for batch in 0..10 {
        // The first five are of hours ago.
        state.age(if batch < 5 { 7200 } else { 0 });
        append(&mut disk, batch, &[sale(None, batch)]).await.unwrap();
        append(&mut objects, batch, &[sale(None, batch)]).await.unwrap();
        if batch < 5 {
            let path = dir.join(format!("_spark_metadata/{batch}"));
            let entry = std::fs::read_to_string(&path).unwrap();
            let old = entry.replace("\"modificationTime\":1", "\"modificationTime\":");
            std::fs::write(path, old).unwrap();
        }
    }
    let (disk, objects) = (Tree::on_disk(&dir), Tree::in_store(&store, "out", "/out/").await);
    assert_eq!((disk.committed.len(), disk.names().filter(|name| name.contains("part-")).count()), (5, 10));
    assert_eq!(objects, disk);
}
