//! What only Unix has in a directory: links, and names that are no text.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use stream_runtime::source::{Admission, FileSource};

use super::source_support::{Number, message};
use super::{batches, files, start};

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
async fn links_to_partitions_are_followed_but_not_in_circles() {
    let elsewhere = files(&[("day=6/a", 1)]);
    let directory = files(&[("day=7/b", 2)]);
    symlink(elsewhere.path(), directory.path().join("hour=1")).unwrap();
    symlink(directory.path(), directory.path().join("day=7/hour=2")).unwrap();
    assert_eq!(batches(&mut start(FileSource::json(directory.path())).await).await, [["day=6/a", "day=7/b"]]);
}

#[tokio::test]
async fn a_name_that_is_no_text_is_an_error_that_names_it() {
    let directory = files(&[("a", 1)]);
    fs::write(directory.path().join(OsStr::from_bytes(b"b\xff")), "").unwrap();
    let mut run = start(FileSource::json(directory.path())).await;
    let error = message(run.advance::<Number>(Admission::Limited).await);
    assert!(error.contains("is not valid UTF-8; rename the file"), "{error}");
    let directory = files(&[("a", 1)]);
    let partition = directory.path().join(OsStr::from_bytes(b"b=\xff"));
    fs::create_dir(&partition).unwrap();
    fs::write(partition.join("c"), "").unwrap();
    let mut run = start(FileSource::json(directory.path())).await;
    let error = message(run.advance::<Number>(Admission::Limited).await);
    assert!(error.contains("is not valid UTF-8; rename the file"), "{error}");
}
