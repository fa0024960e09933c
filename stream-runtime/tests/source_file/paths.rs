//! Directories, patterns, single files and names: what a path stands for.

use std::fs;

use stream_runtime::source::{Admission, FileSource};
use tempfile::tempdir;

use super::source_support::{Checkpoint, Number, Run, message};
use super::{batches, files, start, write};

#[tokio::test]
async fn names_with_an_underscore_or_a_dot_in_front_are_ignored() {
    let directory = files(&[("a", 1), ("_b", 1), (".c", 1), ("_d/e", 1), ("f/g", 1)]);
    assert_eq!(batches(&mut start(FileSource::json(directory.path())).await).await, [["a"]]);
    let recursive = FileSource::json(directory.path()).recursive_file_lookup(true);
    assert_eq!(batches(&mut start(recursive).await).await, [["a", "f/g"]]);
}

#[tokio::test]
async fn directories_of_partitions_are_listed_and_others_are_not() {
    let directory = files(&[
        ("a", 1),
        ("day=7/b", 2),
        ("day=7/hour=1/c", 3),
        ("_day=7/d", 4),
        ("plain/e", 5),
        ("plain/day=7/f", 5),
        ("day=7/plain/g", 5),
        ("day=7/_h", 5),
        ("day=7/_temporary/i", 5),
        (".day=7/j", 5),
        ("=7/k", 5),
        ("_k=7", 5),
    ]);
    let listed = batches(&mut start(FileSource::json(directory.path())).await).await;
    assert_eq!(listed, [["a", "day=7/b", "day=7/hour=1/c", "_day=7/d"]]);
    // Whatever matches a pattern is listed so, too.
    let pattern = FileSource::json(directory.path().join("p*"));
    assert_eq!(batches(&mut start(pattern).await).await, [["plain/day=7/f", "plain/e"]]);
}

#[tokio::test]
async fn a_partition_whose_value_does_not_fit_is_an_error_before_a_batch_is_planned() {
    let directory = files(&[("a", 1), ("number=x/b", 2)]);
    let mut run = start(FileSource::json(directory.path())).await;
    let error = message(run.advance::<Number>(Admission::Limited).await);
    assert!(
        error.contains("the directory `number=x`, which holds no value of the column `number`"),
        "{error}"
    );
    assert!(run.checkpoint.ends.is_empty());
    // Renamed it is read.
    fs::rename(directory.path().join("number=x"), directory.path().join("number=7")).unwrap();
    assert!(run.advance::<Number>(Admission::Limited).await.unwrap());
}

#[tokio::test]
async fn what_leads_to_the_source_s_path_is_no_partition() {
    let directory = files(&[("day=7/number=x/b", 2)]);
    let one = directory.path().join("day=7/number=x");
    assert_eq!(batches(&mut start(FileSource::json(&one)).await).await, [["day=7/number=x/b"]]);
    assert_eq!(batches(&mut start(FileSource::json(one.join("b"))).await).await, [["day=7/number=x/b"]]);
    // Names that are no column's mean nothing, also if all directories are read.
    let deep = FileSource::json(directory.path().join("day=7")).recursive_file_lookup(true);
    let error = message(start(deep).await.advance::<Number>(Admission::Limited).await);
    assert!(error.contains("no value under `recursive_file_lookup`"), "{error}");
    let other = files(&[("day=7/b", 1)]);
    let deep = FileSource::json(other.path()).recursive_file_lookup(true);
    assert_eq!(batches(&mut start(deep).await).await, [["day=7/b"]]);
}

#[tokio::test]
async fn a_missing_directory_is_refused_at_start() {
    let directory = tempdir().unwrap();
    let missing = directory.path().join("missing");
    let error = message(Run::start::<Number>(FileSource::json(&missing), Checkpoint::default()).await);
    let path = missing.display();
    assert_eq!(
        error,
        format!("source `FileSource[{path}]`: `{path}` doesn't exist; create it, and start the query again")
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
