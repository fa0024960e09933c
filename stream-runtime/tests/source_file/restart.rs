//! What the checkpoint and the log of files hold, and where a restart goes on with them.

use std::fs;

use stream_runtime::source::{Admission, FileSource, Offset, Source};
use tempfile::tempdir;

use super::source_support::{Number, Run, message};
use super::{batches, files, start, write};

#[tokio::test]
async fn a_restart_goes_on_behind_the_files_that_were_taken() {
    let directory = files(&[("a", 1), ("b", 2), ("c", 3)]);
    let source = || FileSource::json(directory.path()).max_files_per_trigger(2);
    let mut run = start(source()).await;
    run.batch::<Number>().await.unwrap();
    let mut run = Run::start::<Number>(source(), run.checkpoint).await.unwrap();
    assert_eq!(batches(&mut run).await, [["c"]]);
}

#[tokio::test]
async fn a_planned_batch_is_read_again_after_a_restart_from_exactly_the_same_files() {
    let directory = files(&[("b", 2), ("c", 3)]);
    let mut run = start(FileSource::json(directory.path())).await;
    run.advance::<Number>(Admission::Limited).await.unwrap();
    write(directory.path(), "a", 1, "a\n");
    let mut run = Run::start::<Number>(FileSource::json(directory.path()), run.checkpoint).await.unwrap();
    assert_eq!(run.read::<Number>().await.unwrap().lines(), ["b", "c"]);
    run.commit::<Number>().await.unwrap();
    assert_eq!(batches(&mut run).await, [["a"]]);
}

#[tokio::test]
async fn an_offer_that_was_not_planned_is_made_again() {
    let directory = files(&[("a", 1), ("b", 2)]);
    let mut run = start(FileSource::json(directory.path()).max_files_per_trigger(1)).await;
    let offer =
        Source::<Number>::latest_offset(&mut run.source, None, Admission::Limited).await.unwrap().unwrap();
    assert_eq!(offer.end, Offset(serde_json::json!({ "logOffset": 0 })));
    assert_eq!(batches(&mut run).await, [["a"], ["b"]]);
}

#[tokio::test]
async fn the_log_of_files_is_compacted_and_still_knows_them_all_after_a_restart() {
    let directory = tempdir().unwrap();
    let source = || FileSource::json(directory.path());
    let mut run = start(source()).await;
    let mut longest = 0;
    for round in 0..6 {
        for n in 0..500 {
            fs::write(directory.path().join(format!("{round}-{n}")), "x\n").unwrap();
        }
        assert_eq!(run.batch::<Number>().await.unwrap().unwrap().items.len(), 500);
        longest = longest.max(run.checkpoint.log.len());
        run = Run::start::<Number>(source(), run.checkpoint).await.unwrap();
        assert!(!run.advance::<Number>(Admission::Limited).await.unwrap());
    }
    assert!(longest <= 4, "{longest}");
    assert_eq!(run.checkpoint.ends.len(), 6);
}

#[tokio::test]
async fn a_damaged_log_is_refused() {
    let directory = files(&[("a", 1)]);
    let mut run = start(FileSource::json(directory.path())).await;
    run.batch::<Number>().await.unwrap();
    let mut damaged = run.checkpoint.clone();
    damaged.log[0].truncate(20);
    let error = message(Run::start::<Number>(FileSource::json(directory.path()), damaged).await);
    assert!(error.contains("the log of files that were read is damaged: entry 0 of 1: EOF"), "{error}");
    let mut lost = run.checkpoint.clone();
    lost.log.clear();
    let error = message(Run::start::<Number>(FileSource::json(directory.path()), lost).await);
    assert!(error.contains("it ends with nothing, and the checkpoint with batch 0"), "{error}");
    let mut foreign = run.checkpoint;
    foreign.ends = vec![Offset(7.into())];
    let error = message(Run::start::<Number>(FileSource::json(directory.path()), foreign).await);
    assert!(error.contains("the checkpoint holds `7`, which is no offset of a file source"), "{error}");
}
