//! Each batch is in the result once, whichever request has failed, and nothing else stays.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use stream_runtime::Result;
use stream_runtime::object_store::ObjectStore;
use stream_runtime::prelude::*;

use super::faulty::{Fault, Faulty};
use super::{Sale, parts, result, sale};
use crate::support::{in_memory, objects};

stream_query! {
    query Sales(sales: Sale) -> Sale {
        from s in sales;
        select Sale { shop: s.shop, item: s.item, n: s.n };
        output append;
    }
}

/// Files of the input, each of which is a batch: there is a compact entry, for which files are merged.
const FILES: u64 = 12;
const DIR: &str = "s3a://bucket/out";

fn add_file(input: &Path, file: u64) {
    let mut text = Vec::new();
    for n in 0..file % 3 {
        sale([Some("wien"), None][n as usize], file * 10 + n).encode_json(&mut text);
        text.push(b'\n');
    }
    std::fs::create_dir_all(input).unwrap();
    std::fs::write(input.join(format!("{file:04}.jsonl")), text).unwrap();
}

/// One run of the query, over all files that there are.
async fn run(store: &Arc<dyn ObjectStore>, home: &Path, checkpoint: &str) -> Result<()> {
    let sink = FileSink::json(DIR).object_store(Arc::clone(store));
    let source = FileSource::json(home.join("input")).max_files_per_trigger(1);
    let query = Sales::query().sales(source).to(sink.partition_by(["shop"]).target_file_bytes(100));
    let query = query.checkpoint(home.join(checkpoint)).workers(1).trigger(Trigger::AvailableNow);
    query.start().await?.await_termination().await
}

async fn rows(store: &Arc<dyn ObjectStore>) -> Vec<String> {
    let mut lines: Vec<String> = result(store, DIR).await.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

/// The parts that no entry lists, and no note.
async fn unlisted(store: &Arc<dyn ObjectStore>) -> Vec<String> {
    let mut listed = BTreeSet::new();
    for (_, content) in objects(store, "out/_spark_metadata").await {
        for line in String::from_utf8(content).unwrap().lines().skip(1) {
            let status: serde_json::Value = serde_json::from_str(line).unwrap();
            listed.insert(status["path"].as_str().unwrap().rsplit_once('/').unwrap().1.to_owned());
        }
    }
    let is_listed = |key: &String| listed.contains(key.rsplit_once('/').unwrap().1);
    parts(store, "out").await.into_iter().filter(|key| !is_listed(key)).collect()
}

/// Lets the n-th request of a kind fail, for every n, and restarts the query until it ends. Gives the requests that failed.
async fn each_fails(fault: Fault) -> Vec<String> {
    let home = tempfile::tempdir().unwrap();
    (0..FILES).for_each(|file| add_file(&home.path().join("input"), file));
    let undisturbed = in_memory();
    run(&undisturbed, home.path(), "undisturbed").await.unwrap();
    let expected = rows(&undisturbed).await;
    assert_eq!(expected.len() as u64, (0..FILES).map(|file| file % 3).sum::<u64>());
    let manifest = objects(&undisturbed, "out/_spark_metadata").await;
    assert!(manifest.iter().any(|(key, _)| key.ends_with(".merged")));
    assert_eq!(unlisted(&undisturbed).await, [""; 0]);

    let mut all = Vec::new();
    for at in 0.. {
        let (state, store) = Faulty::over(in_memory(), Some((fault, at)));
        let checkpoint = format!("{fault:?}-{at}");
        let mut runs = 1;
        while let Err(error) = run(&store, home.path(), &checkpoint).await {
            let text = error.to_string();
            assert!(text.contains("the connection was lost"), "{fault:?} {at}: {text}");
            runs += 1;
            assert!(runs < 3, "{fault:?} {at}: {text}");
        }
        let Some(failed) = state.failed() else { break };
        assert_eq!(rows(&store).await, expected, "{fault:?} of `{failed}`");
        let left = unlisted(&store).await;
        assert!(left.is_empty(), "{fault:?} of `{failed}`: {left:?}");
        all.push(failed);
    }
    all
}

fn count(failed: &[String], what: &str) -> usize {
    failed.iter().filter(|failed| failed.contains(what)).count()
}

#[tokio::test]
async fn any_write_may_fail() {
    let failed = each_fails(Fault::Write).await;
    // The claim, that it can't be created once more, the entries, the notes, and the parts with those that were merged.
    assert_eq!(count(&failed, "put out/_stream_query.json"), 2);
    assert_eq!(count(&failed, "put out/_spark_metadata/"), FILES as usize + 1);
    assert!(count(&failed, "put out/shop=") > FILES as usize, "{failed:?}");
}

#[tokio::test]
async fn any_answer_may_be_lost() {
    let failed = each_fails(Fault::Answer).await;
    assert_eq!(count(&failed, "put out/_spark_metadata/"), FILES as usize + 1);
    assert!(count(&failed, "put out/shop=") > FILES as usize, "{failed:?}");
}

#[tokio::test]
async fn any_read_may_fail() {
    let failed = each_fails(Fault::Read).await;
    assert!(count(&failed, "list out") > 3 && count(&failed, "get out/") > FILES as usize, "{failed:?}");
}
