//! The file source on a real disk, as the engine drives it.

mod source_support;

use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

use source_support::{Checkpoint, Number, Run, drain, message, option};
use stream_runtime::prelude::*;
use stream_runtime::source::{Admission, Chunk, FileFormat, FileSource, Json, Offset, Rows, Source, Split};
use tempfile::{TempDir, tempdir};

/// Writes a file with a modification time, in seconds.
fn write(directory: &Path, name: &str, time: u64, text: &str) {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    set_time(&path, time);
}

fn set_time(path: &Path, time: u64) {
    let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(time);
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

/// A directory with files of one line, the file's name, with modification times as given.
fn files(times: &[(&str, u64)]) -> TempDir {
    let directory = tempdir().unwrap();
    for (name, time) in times {
        write(directory.path(), name, *time, &format!("{name}\n"));
    }
    directory
}

async fn start<F: FileFormat>(source: FileSource<F>) -> Run<FileSource<F>> {
    Run::start::<Number>(source, Checkpoint::default()).await.unwrap()
}

/// The lines of each batch until nothing is new.
async fn batches(run: &mut Run<FileSource<Json>>) -> Vec<Vec<String>> {
    let mut batches = Vec::new();
    while let Some(batch) = run.batch::<Number>().await.unwrap() {
        batches.push(batch.lines());
    }
    batches
}

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
async fn names_with_an_underscore_or_a_dot_in_front_are_ignored() {
    let directory = files(&[("a", 1), ("_b", 1), (".c", 1), ("_d/e", 1), ("f/g", 1)]);
    assert_eq!(batches(&mut start(FileSource::json(directory.path())).await).await, [["a"]]);
    let recursive = FileSource::json(directory.path()).recursive_file_lookup(true);
    assert_eq!(batches(&mut start(recursive).await).await, [["a", "f/g"]]);
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
async fn a_file_that_was_read_is_not_read_again_when_it_changes() {
    let directory = files(&[("a", 1)]);
    let mut run = start(FileSource::json(directory.path())).await;
    assert_eq!(batches(&mut run).await, [["a"]]);
    write(directory.path(), "a", 2, "changed\n");
    assert!(batches(&mut run).await.is_empty());
}

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
async fn available_now_stops_at_the_files_that_were_there() {
    let directory = files(&[("a", 1), ("b", 2), ("c", 3)]);
    let mut run = start(FileSource::json(directory.path()).max_files_per_trigger(1)).await;
    Source::<Number>::prepare_available_now(&mut run.source).await.unwrap();
    write(directory.path(), "d", 4, "d\n");
    assert_eq!(batches(&mut run).await, [["a"], ["b"], ["c"]]);
}

#[tokio::test]
async fn a_file_that_vanished_before_it_was_planned_is_left_out() {
    let directory = files(&[("a", 1), ("b", 2), ("c", 3)]);
    let mut run = start(FileSource::json(directory.path()).max_files_per_trigger(1)).await;
    run.batch::<Number>().await.unwrap();
    fs::remove_file(directory.path().join("b")).unwrap();
    write(directory.path(), "c", 9, "changed\n");
    assert_eq!(batches(&mut run).await, [["changed"]]);
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

#[tokio::test]
async fn a_file_that_vanishes_after_it_was_planned_is_an_error_that_says_what_to_do() {
    let directory = files(&[("a", 1)]);
    let mut run = start(FileSource::json(directory.path())).await;
    run.advance::<Number>(Admission::Limited).await.unwrap();
    fs::remove_file(directory.path().join("a")).unwrap();
    let error = message(run.read::<Number>().await);
    let path = directory.path().display();
    let rule = format!(
        "source `FileSource[{path}]`: `{path}/a` has changed since its batch was planned: it had 2 bytes, modified \
         1970-01-01T00:00:01.000Z, and it is gone. Put the file back as it was"
    );
    assert!(error.starts_with(&rule), "{error}");
}

#[tokio::test]
async fn a_file_that_changes_after_it_was_planned_is_an_error() {
    let directory = files(&[("a", 1)]);
    let mut run = start(FileSource::json(directory.path())).await;
    run.advance::<Number>(Admission::Limited).await.unwrap();
    write(directory.path(), "a", 1, "longer\n");
    let error = message(run.read::<Number>().await);
    assert!(error.contains("it had 2 bytes") && error.contains("now it has 7 bytes"), "{error}");
    write(directory.path(), "a", 2, "b\n");
    let error = message(run.read::<Number>().await);
    assert!(error.contains("now it has 2 bytes, modified 1970-01-01T00:00:02.000Z"), "{error}");
    write(directory.path(), "a", 1, "");
    let error = message(run.read::<Number>().await);
    assert!(error.contains("now it has 0 bytes"), "{error}");
}

/// Takes rows, and appends to the file while it is being read.
struct Meddling<'a>(&'a Path);

impl Rows<Number> for Meddling<'_> {
    fn push(&mut self, _: Chunk<'_, Number>) -> stream_runtime::Result<()> {
        write(self.0, "a", 1, "one more line\na\n");
        Ok(())
    }
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_an_error() {
    let directory = files(&[("a", 1)]);
    let mut run = start(FileSource::json(directory.path())).await;
    run.advance::<Number>(Admission::Limited).await.unwrap();
    let splits =
        Source::<Number>::plan(&mut run.source, None, run.checkpoint.end().unwrap(), 1).await.unwrap();
    let read = |mut split: Box<dyn Split<Number>>| split.read(&mut Meddling(directory.path()));
    let error = message(splits.into_iter().try_for_each(read));
    assert!(error.contains("now it has 16 bytes"), "{error}");
}

#[tokio::test]
async fn an_empty_file_has_no_rows() {
    let directory = files(&[("a", 2)]);
    write(directory.path(), "empty", 1, "");
    assert_eq!(batches(&mut start(FileSource::json(directory.path())).await).await, [["a"]]);
    let csv = tempdir().unwrap();
    write(csv.path(), "empty", 1, "");
    let mut run = start(FileSource::csv(csv.path())).await;
    assert!(run.batch::<Number>().await.unwrap().unwrap().items.is_empty());
}

#[tokio::test]
async fn a_missing_directory_is_refused_at_start() {
    let directory = tempdir().unwrap();
    let missing = directory.path().join("missing");
    let error = message(Run::start::<Number>(FileSource::json(&missing), Checkpoint::default()).await);
    let path = missing.display();
    assert_eq!(
        error,
        format!(
            "source `FileSource[{path}]`: `{path}` doesn't exist; create the directory before the query starts"
        )
    );
    let pattern = missing.join("*.json");
    let error = message(Run::start::<Number>(FileSource::json(&pattern), Checkpoint::default()).await);
    assert!(error.starts_with(&format!("listing `{path}` failed: ")), "{error}");
}

#[tokio::test]
async fn a_directory_that_vanishes_is_an_error() {
    let directory = files(&[("a", 1)]);
    let mut run = start(FileSource::json(directory.path())).await;
    run.batch::<Number>().await.unwrap();
    fs::remove_dir_all(directory.path()).unwrap();
    let error = message(run.advance::<Number>(Admission::Limited).await);
    assert!(error.starts_with("listing `"), "{error}");
}

#[tokio::test]
async fn options_that_exclude_each_other_are_refused_at_start() {
    let directory = tempdir().unwrap();
    let source = FileSource::json(directory.path()).max_files_per_trigger(1).max_bytes_per_trigger(1);
    assert_eq!(option(Run::start::<Number>(source, Checkpoint::default()).await), "max_bytes_per_trigger");
}

#[tokio::test]
async fn a_pattern_takes_what_matches() {
    let directory = files(&[
        ("x/a.json", 1),
        ("y/b.json", 2),
        ("y/c.csv", 3),
        ("y/.d.json", 3),
        ("y/_e.json", 3),
        ("_z/f.json", 3),
    ]);
    let pattern = directory.path().join("*/*.json");
    assert_eq!(batches(&mut start(FileSource::json(pattern)).await).await, [["x/a.json", "y/b.json"]]);
    let directories = directory.path().join("[xz]");
    assert_eq!(batches(&mut start(FileSource::json(directories)).await).await, [["x/a.json"]]);
    let either = directory.path().join("**/[ab]*");
    assert_eq!(batches(&mut start(FileSource::json(either)).await).await, [["x/a.json", "y/b.json"]]);
}

#[tokio::test]
async fn a_directory_whose_name_looks_like_a_pattern_is_a_directory() {
    let directory = files(&[("[x]/a", 1), ("x/b", 1), ("[x]/deep/c.json", 1)]);
    assert_eq!(batches(&mut start(FileSource::json(directory.path().join("[x]"))).await).await, [["[x]/a"]]);
    let pattern = directory.path().join("[x]/deep/*.json");
    assert_eq!(batches(&mut start(FileSource::json(pattern)).await).await, [["[x]/deep/c.json"]]);
}

#[tokio::test]
async fn a_single_file_is_read_once() {
    let directory = files(&[("a", 1), ("b", 1)]);
    let mut run = start(FileSource::json(directory.path().join("a"))).await;
    assert_eq!(batches(&mut run).await, [["a"]]);
    assert!(batches(&mut run).await.is_empty());
}

#[tokio::test]
async fn file_names_alone_tell_files_apart_if_wanted() {
    let directory = files(&[("x/a", 1)]);
    let source = |name: &str| FileSource::json(directory.path().join(name)).file_name_only(true);
    let mut run = start(source("x")).await;
    assert_eq!(batches(&mut run).await, [["x/a"]]);
    fs::rename(directory.path().join("x"), directory.path().join("y")).unwrap();
    write(directory.path(), "y/b", 2, "y/b\n");
    let mut run = Run::start::<Number>(source("y"), run.checkpoint).await.unwrap();
    assert_eq!(batches(&mut run).await, [["y/b"]]);
    let twice = files(&[("x/a", 1), ("y/a", 2)]);
    let source = FileSource::json(twice.path()).recursive_file_lookup(true).file_name_only(true);
    assert_eq!(batches(&mut start(source).await).await, [["x/a"]]);
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    #[tokio::test]
    async fn links_are_followed_but_not_in_circles() {
        let elsewhere = files(&[("a", 1), ("below/b", 2)]);
        let directory = files(&[("c", 3)]);
        symlink(elsewhere.path().join("a"), directory.path().join("link")).unwrap();
        symlink(elsewhere.path().join("below"), directory.path().join("directory")).unwrap();
        symlink(directory.path(), directory.path().join("self")).unwrap();
        symlink(elsewhere.path().join("missing"), directory.path().join("dangling")).unwrap();
        assert_eq!(batches(&mut start(FileSource::json(directory.path())).await).await, [["a", "c"]]);
        let recursive = FileSource::json(directory.path()).recursive_file_lookup(true);
        assert_eq!(batches(&mut start(recursive).await).await, [["a", "below/b", "c"]]);
    }

    #[tokio::test]
    async fn a_name_that_is_no_text_is_an_error_that_names_it() {
        let directory = files(&[("a", 1)]);
        fs::write(directory.path().join(OsStr::from_bytes(b"b\xff")), "").unwrap();
        let mut run = start(FileSource::json(directory.path())).await;
        let error = message(run.advance::<Number>(Admission::Limited).await);
        assert!(error.contains("is not valid UTF-8; rename the file"), "{error}");
    }
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

#[tokio::test]
async fn splits_of_many_files_hold_each_row_once_in_order() {
    let directory = tempdir().unwrap();
    for n in 0..30_u64 {
        let line = format!("{n:02}{}\n", "x".repeat(1 << 20));
        write(directory.path(), &format!("{n:02}"), n, &line);
    }
    for parallelism in [1, 2, 3, 8] {
        let mut run = start(FileSource::json(directory.path())).await;
        run.advance::<Number>(Admission::Limited).await.unwrap();
        let end = run.checkpoint.end().unwrap();
        let splits = Source::<Number>::plan(&mut run.source, None, end, parallelism).await.unwrap();
        assert_eq!(splits.len() > 1, parallelism > 1);
        assert_eq!(splits.iter().map(|split| split.weight()).sum::<u64>(), 30 * ((1 << 20) + 3));
        let starts: Vec<_> = drain(splits).unwrap().lines().iter().map(|line| line[..2].to_owned()).collect();
        assert_eq!(starts, (0..30).map(|n| format!("{n:02}")).collect::<Vec<_>>());
    }
}
