//! Parts that are uploaded in several, whole or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use stream_runtime::object_store::ObjectStoreExt;
use stream_runtime::prelude::*;
use stream_runtime::sink::file::{FileFormat, committed_objects};

use super::faulty::{Fault, Faulty};
use super::{QUERY, Sale, append, append_own, json, opened_at, parts, result, until};
use crate::support::in_memory;

/// Rows of so many bytes, of which no two are alike.
fn large(bytes: usize) -> Vec<Sale> {
    let state = AtomicU64::new(0x9e37_79b9_7f4a_7c15);
    let next = || {
        let mut x = state.load(Ordering::Relaxed);
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        state.store(x, Ordering::Relaxed);
        x
    };
    let text = || (0..4096).map(|_| format!("{:016x}", next())).collect::<Vec<_>>().concat();
    (0..bytes.div_ceil(65_536) as u64).map(|n| Sale { shop: None, item: text(), n }).collect()
}

/// Compares what was uploaded with what is written to a disk.
async fn same_as_on_disk<F: FileFormat>(sink: impl Fn(String) -> FileSink<F>, rows: &[Sale]) -> u64 {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("out");
    let mut disk = opened_at(sink(dir.to_str().unwrap().to_owned()), QUERY, (0, false)).await.unwrap();
    append(&mut disk, 0, rows).await.unwrap();
    let on_disk = stream_runtime::sink::file::committed_files(&dir).unwrap().remove(0);

    let (state, store) = Faulty::over(in_memory(), None);
    let objects = sink("out".to_owned()).object_store(Arc::clone(&store));
    append(&mut opened_at(objects, QUERY, (0, false)).await.unwrap(), 0, rows).await.unwrap();
    let key = committed_objects(&store, "out").await.unwrap().remove(0);
    let uploaded = store.get(&key).await.unwrap().bytes().await.unwrap();
    assert!(std::fs::read(on_disk).unwrap() == uploaded, "{key}");
    let (unfinished, sent) = state.uploads();
    assert_eq!(unfinished, 0);
    assert_eq!(sent, if uploaded.len() < 8 << 20 { 0 } else { uploaded.len().div_ceil(8 << 20) as u64 });
    sent
}

#[tokio::test]
async fn a_large_part_is_uploaded_in_several_and_is_whole() {
    assert_eq!(same_as_on_disk(FileSink::json, &large(7 << 20)).await, 0);
    let rows = large(50 << 20);
    assert_eq!(same_as_on_disk(FileSink::json, &rows).await, 7);
    // No format makes less of hexadecimal digits than half.
    assert!(same_as_on_disk(FileSink::parquet, &rows).await >= 4);
}

#[tokio::test]
async fn an_upload_that_fails_anywhere_leaves_nothing_and_is_made_good_by_the_next_run() {
    let rows = large(9 << 20);
    let mut all = Vec::new();
    for fault in [Fault::Write, Fault::Answer] {
        // The first three writes are the claim, that it can't be created once more, and the entry of batch 0.
        for at in 3.. {
            let (state, store) = Faulty::over(in_memory(), Some((fault, at)));
            let mut sink = json(&store, 0).await.unwrap();
            append(&mut sink, 0, &[]).await.unwrap();
            let failure = append(&mut sink, 1, &rows).await;
            let Some(failed) = state.failed().filter(|failed| !failed.contains("_spark_metadata")) else {
                break;
            };
            let text = failure.unwrap_err().to_string();
            assert!(text.contains("uploading") && text.contains("the connection was lost"), "{text}");
            assert_eq!(result(&store, "out").await, "");
            until(async || parts(&store, "out").await.is_empty()).await;
            assert_eq!(state.uploads().0, 0, "{fault:?} of `{failed}`");
            drop(sink);

            let mut sink = json(&store, 1).await.unwrap();
            append(&mut sink, 1, &rows).await.unwrap();
            append_own(&mut sink, 2).await.unwrap();
            assert_eq!(result(&store, "out").await.lines().count(), rows.len() + 1);
            assert_eq!(parts(&store, "out").await.len(), 2);
            assert_eq!(state.uploads().0, 0, "{fault:?} of `{failed}`");
            all.push(format!("{fault:?} {}", failed.split(' ').next().unwrap()));
        }
    }
    let expected = ["begin", "part", "part", "complete"];
    let expected =
        ["Write", "Answer"].iter().flat_map(|fault| expected.map(|what| format!("{fault} {what}")));
    assert_eq!(all, expected.collect::<Vec<_>>());
}
