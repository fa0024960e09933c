//! Each batch is in the result once, whatever was replayed, failed, killed or abandoned before.

use std::fs;

use stream_runtime::Error;
use stream_runtime::plan::Mode;
use stream_runtime::sink::{FileSink, Sink, SinkContext};

use super::sink_support::{Stat, append, context};
use super::{QUERY, contents, json, json_from, line, parts, result, row};

#[tokio::test]
async fn a_replayed_batch_is_skipped_in_the_same_run_and_in_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = json(dir.path()).await;
    append(&mut sink, 0, &row(0)).await.unwrap();
    append(&mut sink, 1, &row(1)).await.unwrap();
    append(&mut sink, 1, &row(1)).await.unwrap();
    let before = contents(dir.path());
    drop(sink);

    let mut sink = json(dir.path()).await;
    append(&mut sink, 0, &row(0)).await.unwrap();
    append(&mut sink, 1, &row(1)).await.unwrap();
    assert_eq!(contents(dir.path()), before);
    append(&mut sink, 2, &row(2)).await.unwrap();
    assert_eq!(result(dir.path()), line(0) + &line(1) + &line(2));
}

#[tokio::test]
async fn a_batch_that_failed_before_its_entry_is_written_once_by_the_next_run() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = dir.path().join("_spark_metadata");
    let aside = dir.path().join("_aside");
    let mut sink = json(dir.path()).await;
    append(&mut sink, 0, &row(0)).await.unwrap();
    fs::rename(&manifest, &aside).unwrap();
    let error = append(&mut sink, 1, &row(1)).await.unwrap_err();
    assert!(
        matches!(&error, Error::Io { action: "creating", path, .. } if path.starts_with(&manifest)),
        "{error}"
    );
    fs::rename(&aside, &manifest).unwrap();
    // No entry was begun, so the file isn't kept.
    assert_eq!(parts(dir.path()).len(), 1);
    assert_eq!(result(dir.path()), line(0));
    drop(sink);

    let mut sink = json(dir.path()).await;
    assert_eq!(parts(dir.path()).len(), 1);
    append(&mut sink, 1, &row(1)).await.unwrap();
    assert_eq!(result(dir.path()), line(0) + &line(1));
}

#[tokio::test]
async fn a_run_removes_what_a_killed_one_left_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = json(dir.path()).await;
    append(&mut sink, 0, &row(0)).await.unwrap();
    drop(sink);
    let part = parts(dir.path()).remove(0);
    let renamed = |from: &str, to: &str| part.replacen(from, to, 1);

    // The batch that the next run begins with.
    let ours = renamed("part-00000", "part-00001");
    let kept = [
        renamed("part-00000-6d3c9a51", "part-00001-6d3c9a52"),
        renamed("part-00000", "part-1"),
        ours.replace(".json", ".json.bak"),
        "part-00001-5d6a4b92-1f0e-4c11-9a39-c7a1a1f7a2b1-c000.json".to_owned(),
        "notes.txt".to_owned(),
    ];
    for name in kept.iter().chain([&ours]) {
        fs::write(dir.path().join(name), "half a li").unwrap();
    }
    let unfinished = dir.path().join("_spark_metadata/.1.5d6a4b92-1f0e-4c11-9a39-c7a1a1f7a2b1.tmp");
    fs::write(&unfinished, "v1").unwrap();
    assert_eq!(result(dir.path()), line(0));

    let _sink = json(dir.path()).await;
    let left = parts(dir.path());
    assert!(!left.contains(&ours));
    assert!(kept.iter().chain([&part]).all(|name| left.contains(name)), "{left:?}");
    assert!(!unfinished.exists());
    assert_eq!(result(dir.path()), line(0));
}

#[tokio::test]
async fn a_checkpoint_older_than_the_output_is_refused_unless_it_repeats_the_last_batch() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = json(dir.path()).await;
    for batch in 0..3 {
        append(&mut sink, batch, &row(batch)).await.unwrap();
    }
    drop(sink);
    let before = contents(dir.path());
    for (first_batch, first_is_replay) in [(0, false), (1, true), (2, false)] {
        let context = SinkContext { first_batch, first_is_replay, ..context(QUERY, Mode::Append) };
        let opened = Sink::<Stat>::open(&mut FileSink::json(dir.path()), context).await;
        let error = opened.unwrap_err().to_string();
        assert!(
            error.contains("has results up to batch 2") && error.contains("older than its output"),
            "{error}"
        );
    }
    assert_eq!(contents(dir.path()), before);
    json_from(dir.path(), 2).await.unwrap();
    json_from(dir.path(), 3).await.unwrap();
}

#[tokio::test]
async fn a_manifest_that_is_gone_or_an_older_copy_costs_no_committed_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = json(dir.path()).await;
    for batch in 0..4 {
        append(&mut sink, batch, &row(batch)).await.unwrap();
    }
    drop(sink);
    let manifest = dir.path().join("_spark_metadata");
    let files = parts(dir.path());
    for (lost, end) in [(2..4, "ends with batch 1"), (0..2, "has no entry")] {
        lost.for_each(|batch| fs::remove_file(manifest.join(batch.to_string())).unwrap());
        let unfinished = manifest.join(".4.x.tmp");
        fs::write(&unfinished, "v1").unwrap();
        let error = json_from(dir.path(), 4).await.unwrap_err().to_string();
        assert!(error.contains(end) && error.contains("which the query has committed"), "{error}");
        assert_eq!(parts(dir.path()), files);
        assert!(unfinished.exists());
    }
}

#[tokio::test]
async fn batches_that_were_never_written_are_not_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = json(dir.path()).await;
    append(&mut sink, 0, &row(0)).await.unwrap();
    let before = contents(dir.path());
    let error = append(&mut sink, 5, &row(5)).await.unwrap_err().to_string();
    assert!(error.contains("end before batch 1, and the query goes on with batch 5"), "{error}");
    assert_eq!(contents(dir.path()), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_abandoned_anywhere_is_made_good_by_the_next_run() {
    let dir = tempfile::tempdir().unwrap();
    for batch in 0..40 {
        let mut sink = json(dir.path()).await;
        let rows = row(batch);
        let mut turns = 0;
        tokio::select! {
            biased;
            result = append(&mut sink, batch, &rows) => result.unwrap(),
            () = async {
                while turns < batch * 4 {
                    turns += 1;
                    tokio::task::yield_now().await;
                }
            } => {}
        }
        drop(sink);
        append(&mut json_from(dir.path(), batch).await.unwrap(), batch, &row(batch)).await.unwrap();
        assert_eq!(result(dir.path()), (0..=batch).map(line).collect::<String>());
    }
    drop(json(dir.path()).await);
    assert_eq!(parts(dir.path()).len(), 40);
}
