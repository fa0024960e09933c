//! Which files a batch takes, and in which order: by time, number, bytes and age.

use stream_runtime::prelude::*;
use stream_runtime::source::{Admission, FileSource, Offset, Source};
use tempfile::tempdir;

use super::source_support::{Checkpoint, Number, Run, option};
use super::{batches, files, start, write};

#[tokio::test]
async fn files_are_taken_by_modification_time_and_then_by_path() {
    let directory = files(&[("c", 1), ("a", 3), ("b", 2), ("z", 2)]);
    let mut run = start(FileSource::json(directory.path())).await;
    assert_eq!(batches(&mut run).await, [["c", "b", "z", "a"]]);
    write(directory.path(), "new", 2, "new\n");
    assert_eq!(batches(&mut run).await, [["new"]]);
    assert_eq!(run.checkpoint.end(), Some(&Offset(serde_json::json!({ "logOffset": 1 }))));
}

#[tokio::test]
async fn a_batch_takes_at_most_as_many_files_as_allowed() {
    let directory = files(&[("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5)]);
    let mut run = start(FileSource::json(directory.path()).max_files_per_trigger(2)).await;
    assert_eq!(run.batch::<Number>().await.unwrap().unwrap().lines(), ["a", "b"]);
    assert!(!Source::<Number>::is_caught_up(&run.source));
    assert!(run.advance::<Number>(Admission::Everything).await.unwrap());
    assert_eq!(run.read::<Number>().await.unwrap().lines(), ["c", "d", "e"]);
    assert!(Source::<Number>::is_caught_up(&run.source));
}

#[tokio::test]
async fn a_batch_takes_at_most_as_many_bytes_as_allowed_but_at_least_a_file() {
    let directory = tempdir().unwrap();
    for (name, time) in [("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
        write(directory.path(), name, time, &format!("{}\n", name.repeat(if name == "c" { 99 } else { 9 })));
    }
    let mut run = start(FileSource::json(directory.path()).max_bytes_per_trigger(20)).await;
    let lengths = |batches: Vec<Vec<String>>| batches.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(lengths(batches(&mut run).await), [2, 1, 1]);
}

#[tokio::test]
async fn the_latest_file_comes_first_even_if_it_appears_while_older_ones_wait() {
    let directory = files(&[("a", 1), ("b", 2), ("c", 3)]);
    let mut run = start(FileSource::json(directory.path()).latest_first(true).max_files_per_trigger(1)).await;
    assert_eq!(run.batch::<Number>().await.unwrap().unwrap().lines(), ["c"]);
    write(directory.path(), "d", 4, "d\n");
    assert_eq!(batches(&mut run).await, [["d"], ["b"], ["a"]]);
}

const DAY: u64 = 86_400;

#[tokio::test]
async fn a_file_older_than_the_newest_by_more_than_the_age_is_not_new() {
    let directory = files(&[("newest", 10 * DAY)]);
    let mut run = start(FileSource::json(directory.path()).max_file_age(days(1))).await;
    assert_eq!(batches(&mut run).await, [["newest"]]);
    write(directory.path(), "too-old", 9 * DAY - 1, "too-old\n");
    write(directory.path(), "old-enough", 9 * DAY, "old-enough\n");
    assert_eq!(batches(&mut run).await, [["old-enough"]]);
}

#[tokio::test]
async fn the_age_is_seven_days_unless_set_and_the_first_batch_takes_files_of_any_age() {
    let directory = files(&[("newest", 10 * DAY), ("ancient", 1)]);
    let mut run = start(FileSource::json(directory.path())).await;
    assert_eq!(batches(&mut run).await, [["ancient", "newest"]]);
    write(directory.path(), "too-old", 3 * DAY - 1, "too-old\n");
    write(directory.path(), "old-enough", 3 * DAY, "old-enough\n");
    assert_eq!(batches(&mut run).await, [["old-enough"]]);
}

#[tokio::test]
async fn no_file_is_too_old_when_the_latest_come_first() {
    let directory = files(&[("a", 1), ("b", 100 * DAY)]);
    let source = FileSource::json(directory.path()).latest_first(true).max_files_per_trigger(1);
    assert_eq!(batches(&mut start(source.max_file_age(days(1))).await).await, [["b"], ["a"]]);
}

#[tokio::test]
async fn available_now_stops_at_the_files_that_were_there() {
    let directory = files(&[("a", 1), ("b", 2), ("c", 3)]);
    let mut run = start(FileSource::json(directory.path()).max_files_per_trigger(1)).await;
    Source::<Number>::prepare_available_now(&mut run.source).await.unwrap();
    write(directory.path(), "d", 4, "d\n");
    assert_eq!(batches(&mut run).await, [["a"], ["b"], ["c"]]);
}

#[tokio::test]
async fn options_that_exclude_each_other_are_refused_at_start() {
    let directory = tempdir().unwrap();
    let source = FileSource::json(directory.path()).max_files_per_trigger(1).max_bytes_per_trigger(1);
    assert_eq!(option(Run::start::<Number>(source, Checkpoint::default()).await), "max_bytes_per_trigger");
}

#[tokio::test]
async fn a_large_directory_is_listed_once_for_many_batches() {
    let directory = tempdir().unwrap();
    for n in 0..1_000 {
        write(directory.path(), &n.to_string(), 2, "x\n");
    }
    let mut run = start(FileSource::json(directory.path()).max_files_per_trigger(10)).await;
    run.batch::<Number>().await.unwrap();
    // It is older than the others, so a new listing would put it first.
    write(directory.path(), "late", 1, "late\n");
    let rest = batches(&mut run).await;
    assert_eq!(rest.len(), 100);
    assert_eq!(rest.last().unwrap(), &["late"]);
}
