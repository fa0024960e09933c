//! Notes of files that were merged: those of another run take nothing out of the result.

use std::sync::Arc;

use stream_runtime::object_store::{ObjectStore, ObjectStoreExt, path::Path};
use stream_runtime::prelude::*;
use stream_runtime::sink::file::JsonLines;

use super::faulty::Faulty;
use super::{QUERY, append_own, line, opened_at, parts, result};
use crate::support::{in_memory, put};

const NOTE: &str = "out/_spark_metadata/.9.merged";

async fn merging(store: &Arc<dyn ObjectStore>, begin: (u64, bool)) -> FileSink<JsonLines> {
    let sink = FileSink::json("out").object_store(Arc::clone(store)).target_file_bytes(200);
    opened_at(sink, QUERY, begin).await.unwrap()
}

async fn text(store: &Arc<dyn ObjectStore>, key: &str) -> String {
    let found = store.get(&Path::parse(key).unwrap()).await.unwrap().bytes().await.unwrap();
    String::from_utf8(found.to_vec()).unwrap()
}

/// The lines of the result, in order, which files that were merged don't keep.
async fn numbers(store: &Arc<dyn ObjectStore>) -> Vec<String> {
    let mut lines: Vec<String> = result(store, "out").await.lines().map(|line| format!("{line}\n")).collect();
    lines.sort_unstable();
    lines
}

fn lines(batches: std::ops::Range<u64>) -> Vec<String> {
    let mut lines: Vec<String> = batches.map(line).collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn a_note_of_another_run_ends_this_one_before_its_entry() {
    let store = in_memory();
    let mut sink = merging(&store, (0, false)).await;
    for batch in 0..9 {
        append_own(&mut sink, batch).await.unwrap();
    }
    let listed = text(&store, "out/_spark_metadata/8").await;
    put(&store, NOTE, listed.clone()).await;
    let error = append_own(&mut sink, 9).await.unwrap_err().to_string();
    assert!(error.contains("a note of files that batch 9 supersedes, `.9.merged`"), "{error}");
    assert_eq!(numbers(&store).await, lines(0..9));
    assert_eq!(text(&store, NOTE).await, listed);
    // No entry has come of it, so the next run removes it.
    let mut sink = merging(&store, (9, true)).await;
    append_own(&mut sink, 9).await.unwrap();
    assert_eq!(numbers(&store).await, lines(0..10));
}

#[tokio::test]
async fn a_note_of_a_run_that_lost_its_entry_removes_nothing_that_is_listed() {
    let (state, store) = Faulty::over(in_memory(), None);
    let mut sink = merging(&store, (0, false)).await;
    for batch in 0..10 {
        append_own(&mut sink, batch).await.unwrap();
    }
    let (noted, listed) = (text(&store, NOTE).await, text(&store, "out/_spark_metadata/9.compact").await);
    assert!(noted.lines().count() > 2 && listed.lines().count() > 2, "{noted} {listed}");
    put(&store, NOTE, format!("{noted}{}", listed.strip_prefix("v1").unwrap())).await;
    // An hour goes by; and what the note alone lists is removed.
    state.age(3600);
    drop(sink);
    // The files that are listed stay so if none is merged any more.
    let sink = FileSink::json("out").object_store(Arc::clone(&store));
    let mut sink = opened_at(sink, QUERY, (10, false)).await.unwrap();
    for batch in 10..120 {
        append_own(&mut sink, batch).await.unwrap();
    }
    assert_eq!(numbers(&store).await, lines(0..120));
    let files = listed.lines().count() - 1 + 110;
    assert_eq!(parts(&store, "out").await.len(), files);
}
