//! Cleaning up behind the file source.

mod source_support;

use std::fs;
use std::path::Path;

use source_support::{Checkpoint, Number, Run, option};
use stream_runtime::source::{Admission, CleanSource, FileSource, Json};
use tempfile::tempdir;

fn write(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

async fn start(source: FileSource<Json>) -> Run<FileSource<Json>> {
    Run::start::<Number>(source, Checkpoint::default()).await.unwrap()
}

#[tokio::test]
async fn a_file_is_removed_only_once_its_batch_is_committed() {
    let directory = tempdir().unwrap();
    write(directory.path(), "a", "a\n");
    let mut run = start(FileSource::json(directory.path()).clean_source(CleanSource::Delete)).await;
    run.advance::<Number>(Admission::Limited).await.unwrap();
    run.read::<Number>().await.unwrap();
    assert!(directory.path().join("a").exists());
    run.commit::<Number>().await.unwrap();
    assert!(!directory.path().join("a").exists());
}

#[tokio::test]
async fn an_archived_file_keeps_its_relative_path() {
    let directory = tempdir().unwrap();
    let archive = tempdir().unwrap();
    write(directory.path(), "2026/01/a", "a\n");
    write(directory.path(), "b", "b\n");
    let clean = CleanSource::Archive(archive.path().join("new"));
    let mut run =
        start(FileSource::json(directory.path()).recursive_file_lookup(true).clean_source(clean)).await;
    run.batch::<Number>().await.unwrap();
    assert_eq!(fs::read_to_string(archive.path().join("new/2026/01/a")).unwrap(), "a\n");
    assert_eq!(fs::read_to_string(archive.path().join("new/b")).unwrap(), "b\n");
    assert!(!directory.path().join("b").exists());
}

#[tokio::test]
async fn a_pattern_archives_below_its_fixed_part() {
    let directory = tempdir().unwrap();
    write(directory.path(), "in/x/a.json", "a\n");
    let archive = directory.path().join("archive");
    let source = FileSource::json(directory.path().join("in/*/*.json"));
    let mut run = start(source.clean_source(CleanSource::Archive(archive.clone()))).await;
    run.batch::<Number>().await.unwrap();
    assert!(archive.join("x/a.json").exists());
}

#[tokio::test]
async fn an_archived_file_is_never_overwritten_and_the_move_is_tried_again_after_the_next_batch() {
    let directory = tempdir().unwrap();
    let archive = tempdir().unwrap();
    write(directory.path(), "a", "new\n");
    write(archive.path(), "a", "old\n");
    let clean = CleanSource::Archive(archive.path().to_owned());
    let mut run = start(FileSource::json(directory.path()).clean_source(clean)).await;
    run.batch::<Number>().await.unwrap();
    assert_eq!(fs::read_to_string(archive.path().join("a")).unwrap(), "old\n");
    assert!(directory.path().join("a").exists());

    fs::remove_file(archive.path().join("a")).unwrap();
    write(directory.path(), "b", "b\n");
    run.batch::<Number>().await.unwrap();
    assert_eq!(fs::read_to_string(archive.path().join("a")).unwrap(), "new\n");
    assert!(archive.path().join("b").exists());
}

#[tokio::test]
async fn what_a_crash_left_behind_is_cleaned_up_after_the_restart() {
    let directory = tempdir().unwrap();
    let source =
        || FileSource::json(directory.path()).max_files_per_trigger(1).clean_source(CleanSource::Delete);
    write(directory.path(), "a", "a\n");
    let mut run = start(source()).await;
    run.advance::<Number>(Admission::Limited).await.unwrap();
    run.read::<Number>().await.unwrap();
    // The batch is committed in the checkpoint, and the process ends before the source learns of it.
    let mut run = Run::start::<Number>(source(), run.checkpoint).await.unwrap();
    write(directory.path(), "b", "b\n");
    run.batch::<Number>().await.unwrap();
    assert!(!directory.path().join("a").exists() && !directory.path().join("b").exists());
}

#[tokio::test]
async fn a_file_that_was_rewritten_after_it_was_read_is_left_alone() {
    let directory = tempdir().unwrap();
    write(directory.path(), "a", "a\n");
    let mut run = start(FileSource::json(directory.path()).clean_source(CleanSource::Delete)).await;
    run.advance::<Number>(Admission::Limited).await.unwrap();
    run.read::<Number>().await.unwrap();
    write(directory.path(), "a", "nobody has read this\n");
    run.commit::<Number>().await.unwrap();
    assert!(directory.path().join("a").exists());
}

#[tokio::test]
async fn a_file_that_is_gone_already_is_no_failure() {
    let directory = tempdir().unwrap();
    write(directory.path(), "a", "a\n");
    let mut run = start(FileSource::json(directory.path()).clean_source(CleanSource::Delete)).await;
    run.advance::<Number>(Admission::Limited).await.unwrap();
    run.read::<Number>().await.unwrap();
    fs::remove_file(directory.path().join("a")).unwrap();
    run.commit::<Number>().await.unwrap();
}

#[tokio::test]
async fn an_archive_that_the_source_would_read_again_is_refused() {
    let directory = tempdir().unwrap();
    write(directory.path(), "x/a", "a\n");
    let start = async |source: FileSource<Json>, archive: &str| {
        let clean = CleanSource::Archive(directory.path().join(archive));
        Run::start::<Number>(source.clean_source(clean), Checkpoint::default()).await
    };
    let flat = || FileSource::json(directory.path());
    let deep = || FileSource::json(directory.path()).recursive_file_lookup(true);
    let pattern = || FileSource::json(directory.path().join("*/*"));
    assert_eq!(option(start(flat(), "").await), "clean_source");
    assert_eq!(option(start(deep(), "done").await), "clean_source");
    assert_eq!(option(start(pattern(), "done").await), "clean_source");
    assert_eq!(option(start(pattern(), "x/_done=1").await), "clean_source");
    assert_eq!(option(start(FileSource::json(directory.path().join("x/a")), "x").await), "clean_source");
    assert_eq!(option(start(flat(), "done=1/x=2").await), "clean_source");
    assert!(start(flat(), "done").await.is_ok());
    assert!(start(flat(), "x=1/done").await.is_ok());
    assert!(start(deep(), "_done").await.is_ok());
}
