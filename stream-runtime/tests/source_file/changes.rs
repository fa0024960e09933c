//! Files that change or vanish before, after and while they are read.

use std::fs;
use std::path::Path;

use stream_runtime::source::{Admission, Chunk, FileSource, Rows, Source, Split};

use super::source_support::{Number, message};
use super::{batches, files, start, write};

#[tokio::test]
async fn a_file_that_was_read_is_not_read_again_when_it_changes() {
    let directory = files(&[("a", 1)]);
    let mut run = start(FileSource::json(directory.path())).await;
    assert_eq!(batches(&mut run).await, [["a"]]);
    write(directory.path(), "a", 2, "changed\n");
    assert!(batches(&mut run).await.is_empty());
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
