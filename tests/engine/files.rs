//! Files from the directory to the result: every file once, over limits, restarts, crashes, and clean-up.

use std::path::Path;
use std::sync::Arc;

use stream_runtime::engine::Step;
use stream_runtime::prelude::*;
use stream_runtime::sink::MemoryResults;
use stream_runtime::source::CleanSource;

use super::{Number, Numbers, numbers};

fn write(directory: &Path, name: &str, rows: impl IntoIterator<Item = i64>) {
    std::fs::create_dir_all(directory).expect("a directory for the input");
    let lines: Vec<String> = rows
        .into_iter()
        .map(|number| format!("{{\"key\":\"k\",\"number\":{number},\"ts\":\"2026-01-01T00:00:00Z\"}}"))
        .collect();
    std::fs::write(directory.join(name), lines.join("\n")).expect("the input can be written");
}

/// Runs the query over what is there; a crash, if any, is in the batch of that id.
async fn run(
    source: FileSource<stream_runtime::source::Json>,
    results: &MemoryResults<Number>,
    checkpoint: &Path,
    crash: Option<(u64, Step)>,
) -> stream_runtime::Result<Vec<u64>> {
    let query = Numbers::query()
        .events(source)
        .to(results.sink())
        .checkpoint(checkpoint)
        .trigger(Trigger::AvailableNow)
        .workers(2)
        .at_step(Arc::new(move |batch, step| crash != Some((batch, step))))
        .start()
        .await?;
    query.await_termination().await?;
    Ok(query.recent_progress().iter().map(|batch| batch.num_input_rows).collect())
}

#[tokio::test]
async fn files_that_arrive_between_runs_are_read_once_and_a_limit_divides_them() {
    let directory = tempfile::tempdir().expect("a directory");
    let (input, checkpoint) = (directory.path().join("in"), directory.path().join("checkpoint"));
    let (results, _) = MemorySink::new();
    let source = || FileSource::json(&input).max_files_per_trigger(2);
    for file in 0..3 {
        write(&input, &format!("{file}.jsonl"), [file * 10, file * 10 + 1]);
    }
    assert_eq!(run(source(), &results, &checkpoint, None).await.expect("it runs"), [4, 2]);
    assert!(run(source(), &results, &checkpoint, None).await.expect("it runs").is_empty());
    write(&input, "_hidden.jsonl", [99]);
    write(&input, ".hidden.jsonl", [98]);
    write(&input, "empty.jsonl", []);
    write(&input, "3.jsonl", [30]);
    let read: u64 = run(source(), &results, &checkpoint, None).await.expect("it runs").iter().sum();
    assert_eq!(read, 1);
    let mut rows = numbers(&results.rows());
    rows.sort_unstable();
    assert_eq!(rows, [0, 1, 10, 11, 20, 21, 30]);
}

#[tokio::test]
async fn a_replayed_batch_reads_the_files_that_were_planned_though_others_have_arrived() {
    for step in [Step::Planned, Step::Computed, Step::Written] {
        let directory = tempfile::tempdir().expect("a directory");
        let (input, checkpoint) = (directory.path().join("in"), directory.path().join("checkpoint"));
        let (results, _) = MemorySink::new();
        write(&input, "b.jsonl", [1, 2]);
        run(FileSource::json(&input), &results, &checkpoint, Some((0, step))).await.expect_err("it crashes");
        write(&input, "a.jsonl", [3]);
        let read = run(FileSource::json(&input), &results, &checkpoint, None).await.expect("it runs");
        assert_eq!(read, [2, 1], "{step:?}");
        let batches: Vec<_> = results.batches().iter().map(|batch| numbers(&batch.rows)).collect();
        assert_eq!(batches, [vec![1, 2], vec![3]], "{step:?}");
    }
}

#[tokio::test]
async fn files_are_archived_only_once_their_batch_is_committed() {
    let directory = tempfile::tempdir().expect("a directory");
    let (input, checkpoint) = (directory.path().join("in"), directory.path().join("checkpoint"));
    let archive = directory.path().join("archive");
    let (results, _) = MemorySink::new();
    let source = || FileSource::json(&input).clean_source(CleanSource::Archive(archive.clone()));
    write(&input, "a.jsonl", [1, 2]);
    run(source(), &results, &checkpoint, Some((0, Step::Written))).await.expect_err("it crashes");
    assert!(input.join("a.jsonl").exists(), "the replay needs it");
    assert_eq!(run(source(), &results, &checkpoint, None).await.expect("it runs"), [2]);
    write(&input, "b.jsonl", [3]);
    assert_eq!(run(source(), &results, &checkpoint, None).await.expect("it runs"), [1]);
    assert!(!input.join("a.jsonl").exists(), "it is cleaned away");
    assert_eq!(numbers(&results.rows()), [1, 2, 3]);
}

#[tokio::test]
async fn a_planned_file_that_has_vanished_fails_the_batch_by_name_and_the_batch_runs_once_it_is_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let (input, checkpoint) = (directory.path().join("in"), directory.path().join("checkpoint"));
    let (results, _) = MemorySink::new();
    write(&input, "a.jsonl", [1]);
    run(FileSource::json(&input), &results, &checkpoint, Some((0, Step::Planned)))
        .await
        .expect_err("it crashes");
    // Moved away and back it is the same file: same size, same modification time.
    std::fs::rename(input.join("a.jsonl"), directory.path().join("away")).expect("the file can be moved");
    let error =
        run(FileSource::json(&input), &results, &checkpoint, None).await.expect_err("it is gone").to_string();
    assert!(error.contains("query `Numbers`, batch 0") && error.contains("a.jsonl"), "{error}");
    std::fs::rename(directory.path().join("away"), input.join("a.jsonl")).expect("the file can be moved");
    assert_eq!(run(FileSource::json(&input), &results, &checkpoint, None).await.expect("it runs"), [1]);
    assert_eq!(numbers(&results.rows()), [1]);
}
