//! Files of earlier batches: merged when they are small, left out when they are old, and each row once all the while.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use stream_runtime::Error;
use stream_runtime::prelude::*;
use stream_runtime::sink::file::{JsonLines, committed_files};

use super::sink_support::append;
use super::{QUERY, contents, entries, entry, json, line, opened, parts, result, row};

/// A row is 25 bytes or a few more: eight files make a target.
const TARGET: u64 = 200;

async fn merging(dir: &Path) -> FileSink<JsonLines> {
    opened(FileSink::json(dir).target_file_bytes(TARGET), QUERY).await.unwrap()
}

fn sorted(text: &str) -> BTreeSet<String> {
    let lines: BTreeSet<String> = text.lines().map(|line| format!("{line}\n")).collect();
    assert_eq!(lines.len(), text.lines().count(), "a row is there twice: {text}");
    lines
}

fn lines(batches: std::ops::Range<u64>) -> BTreeSet<String> {
    batches.map(line).collect()
}

fn age(path: &Path, seconds: u64) {
    let then = SystemTime::now() - std::time::Duration::from_secs(seconds);
    fs::File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
}

fn notes(dir: &Path) -> Vec<PathBuf> {
    contents(&dir.join("_spark_metadata"))
        .into_keys()
        .filter(|path| path.extension().is_some_and(|extension| extension == "merged"))
        .collect()
}

#[tokio::test]
async fn small_files_become_one_and_readers_see_each_row_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = merging(dir.path()).await;
    for batch in 0..9 {
        append(&mut sink, batch, &row(batch)).await.unwrap();
    }
    let before = committed_files(dir.path()).unwrap();
    assert_eq!(before.len(), 9);
    append(&mut sink, 9, &row(9)).await.unwrap();
    // Eight files of 25 bytes, the ninth that was too little for another one, and the batch's own.
    let after = committed_files(dir.path()).unwrap();
    assert_eq!(after.len(), 3, "{after:?}");
    assert_eq!(sorted(&result(dir.path())), lines(0..10));
    assert!(
        after.iter().any(|file| fs::read_to_string(file).unwrap() == (0..8).map(line).collect::<String>())
    );
    // Spark reads every line of a manifest as a file.
    assert!(!entry(dir.path(), "9.compact").contains("delete"));
    // Who has begun to read goes on.
    assert!(before.iter().all(|file| file.exists()));

    for batch in 10..30 {
        append(&mut sink, batch, &row(batch)).await.unwrap();
        assert_eq!(sorted(&result(dir.path())), lines(0..batch + 1));
    }
    assert!(committed_files(dir.path()).unwrap().len() < 12);
}

#[tokio::test]
async fn merged_files_stay_until_no_entry_lists_them_and_go_then() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = merging(dir.path()).await;
    for batch in 0..140 {
        append(&mut sink, batch, &row(batch)).await.unwrap();
    }
    let listed = committed_files(dir.path()).unwrap();
    assert!(parts(dir.path()).len() > 140, "all are there: ten minutes haven't passed");
    drop(sink);
    for name in entries(dir.path()) {
        age(&dir.path().join("_spark_metadata").join(name), 3600);
    }
    let mut sink = merging(dir.path()).await;
    assert!(parts(dir.path()).len() > 140);
    for batch in 140..150 {
        append(&mut sink, batch, &row(batch)).await.unwrap();
    }
    let oldest: u64 =
        entries(dir.path()).iter().find_map(|name| name.trim_end_matches(".compact").parse().ok()).unwrap();
    assert_eq!(oldest, 49);
    // What the first compact entries have merged is gone, what a retained entry lists isn't.
    let left = parts(dir.path());
    assert!(
        (0..40).all(
            |batch| left.iter().filter(|name| name.starts_with(&format!("part-{batch:05}"))).count() <= 1
        )
    );
    assert!(listed.iter().all(|file| file.exists()));
    assert_eq!(sorted(&result(dir.path())), lines(0..150));
    // A reader that begins at the oldest entry that is complete finds all of its files.
    let compact = entry(dir.path(), "49.compact");
    for listed in compact.lines().skip(1) {
        let path = listed.split('"').nth(3).unwrap().trim_start_matches("file://");
        assert!(Path::new(path).exists(), "{path}");
    }
}

#[tokio::test]
async fn a_copy_of_a_directory_never_removes_files_of_the_original() {
    let (original, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut sink = merging(original.path()).await;
    for batch in 0..10 {
        append(&mut sink, batch, &row(batch)).await.unwrap();
    }
    let before = contents(original.path());
    for (path, bytes) in &before {
        let to = copy.path().join(path.strip_prefix(original.path()).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, bytes).unwrap();
    }
    // Merged ones, which nobody needs any more.
    for part in parts(copy.path()).iter().filter(|name| name.as_str() < "part-00008") {
        fs::remove_file(copy.path().join(part)).unwrap();
    }
    let mut sink = merging(copy.path()).await;
    for batch in 10..150 {
        if batch == 140 {
            for name in entries(copy.path()) {
                age(&copy.path().join("_spark_metadata").join(name), 3600);
            }
        }
        append(&mut sink, batch, &row(batch)).await.unwrap();
    }
    let first_note = copy.path().join("_spark_metadata/.9.merged");
    assert!(!first_note.exists(), "what it names has been looked for");
    assert_eq!(contents(original.path()), before);
}

#[tokio::test]
async fn a_crash_before_the_entry_leaves_the_small_files_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = merging(dir.path()).await;
    for batch in 0..9 {
        append(&mut sink, batch, &row(batch)).await.unwrap();
    }
    drop(sink);
    let before = contents(dir.path());
    let mut sink = merging(dir.path()).await;
    append(&mut sink, 9, &row(9)).await.unwrap();
    drop(sink);
    assert_eq!(notes(dir.path()).len(), 1);
    // As if the entry had never been made: the merged file and the note are there without it.
    fs::remove_file(dir.path().join("_spark_metadata/9.compact")).unwrap();
    assert_eq!(sorted(&result(dir.path())), lines(0..9));
    drop(merging(dir.path()).await);
    assert_eq!(contents(dir.path()), before);
    append(&mut merging(dir.path()).await, 9, &row(9)).await.unwrap();
    assert_eq!(sorted(&result(dir.path())), lines(0..10));
}

#[tokio::test]
async fn a_small_file_that_is_gone_is_no_reason_to_stop() {
    let dir = tempfile::tempdir().unwrap();
    let sink = || FileSink::csv(dir.path()).target_file_bytes(TARGET);
    let mut csv = opened(sink(), QUERY).await.unwrap();
    for batch in 0..9 {
        append(&mut csv, batch, &row(batch)).await.unwrap();
    }
    let gone = committed_files(dir.path()).unwrap().remove(3);
    fs::remove_file(&gone).unwrap();
    append(&mut csv, 9, &row(9)).await.unwrap();
    let files = committed_files(dir.path()).unwrap();
    assert!(files.contains(&gone), "it is still listed, so that whoever reads learns of it");
    let rows: usize = files
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .map(|text| text.strip_prefix("page,views,mean\n").expect("one header").lines().count())
        .sum();
    assert_eq!(rows, 9);
}

#[tokio::test]
async fn a_small_file_that_has_lost_its_end_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = merging(dir.path()).await;
    for batch in 0..9 {
        append(&mut sink, batch, &row(batch)).await.unwrap();
    }
    let cut = committed_files(dir.path()).unwrap().remove(3);
    fs::write(&cut, "{\"page\":").unwrap();
    append(&mut sink, 9, &row(9)).await.unwrap();
    let files = committed_files(dir.path()).unwrap();
    assert_eq!(files.len(), 3, "the other eight are merged: {files:?}");
    assert!(files.contains(&cut));

    // As long as it was, but it runs into the next one.
    let dir = tempfile::tempdir().unwrap();
    let mut sink = merging(dir.path()).await;
    for batch in 0..9 {
        append(&mut sink, batch, &row(batch)).await.unwrap();
    }
    let damaged = committed_files(dir.path()).unwrap().remove(3);
    fs::write(&damaged, line(3).replace('\n', " ")).unwrap();
    append(&mut sink, 9, &row(9)).await.unwrap();
    assert!(committed_files(dir.path()).unwrap().contains(&damaged));
}

#[tokio::test]
async fn csv_files_of_an_earlier_run_are_not_merged_with_those_of_other_options() {
    let dir = tempfile::tempdir().unwrap();
    let sink = |header| opened(FileSink::csv(dir.path()).header(header).target_file_bytes(TARGET), QUERY);
    let mut csv = sink(true).await.unwrap();
    for batch in 0..9 {
        append(&mut csv, batch, &row(batch)).await.unwrap();
    }
    drop(csv);
    let old = committed_files(dir.path()).unwrap();
    let mut csv = sink(false).await.unwrap();
    for batch in 9..50 {
        append(&mut csv, batch, &row(batch)).await.unwrap();
    }
    let files = committed_files(dir.path()).unwrap();
    assert!(old.iter().all(|file| files.contains(file)), "{files:?}");
    assert!(files.len() < 40, "those of this run are merged: {files:?}");
    let headers = files.iter().filter(|file| fs::read_to_string(file).unwrap().contains("page"));
    assert_eq!(headers.count(), 9);
}

#[tokio::test]
async fn files_past_their_retention_leave_the_manifest_and_stay_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let sink = || opened(FileSink::json(dir.path()).retention(hours(1)), QUERY);
    let mut json = sink().await.unwrap();
    for batch in 0..9 {
        append(&mut json, batch, &row(batch)).await.unwrap();
    }
    // A line says when its file was last changed.
    for batch in 0..5 {
        let path = dir.path().join(format!("_spark_metadata/{batch}"));
        let old =
            fs::read_to_string(&path).unwrap().replace("\"modificationTime\":1", "\"modificationTime\":");
        fs::write(path, old).unwrap();
    }
    assert_eq!(sorted(&result(dir.path())), lines(0..9));
    append(&mut json, 9, &row(9)).await.unwrap();
    assert_eq!(sorted(&result(dir.path())), lines(5..10));
    drop(json);
    let _json = sink().await.unwrap();
    assert_eq!(parts(dir.path()).len(), 10);
    assert_eq!(sorted(&result(dir.path())), lines(5..10));
}

#[tokio::test]
async fn options_without_a_meaning_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let error = opened(FileSink::json(dir.path()).target_file_bytes(0), QUERY).await.unwrap_err();
    assert!(matches!(error, Error::InvalidOption { option: "target_file_bytes", .. }), "{error}");
    for retention in [Duration::ZERO, seconds(-1)] {
        let error = opened(FileSink::json(dir.path()).retention(retention), QUERY).await.unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option: "retention", .. }), "{error}");
    }
}

#[cfg(feature = "compression")]
#[tokio::test]
async fn compressed_text_is_merged_too() {
    use std::io::Read;

    use stream_runtime::sink::file::TextCompression;

    let read = |path: &PathBuf| {
        let file = fs::File::open(path).unwrap();
        let mut text = String::new();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap(),
            Some("zst") => zstd::Decoder::new(file).unwrap().read_to_string(&mut text).unwrap(),
            other => panic!("{other:?}"),
        };
        text
    };
    for compression in [TextCompression::Gzip, TextCompression::Zstd] {
        let dir = tempfile::tempdir().unwrap();
        let csv = FileSink::csv(dir.path().join("csv")).compression(compression).target_file_bytes(TARGET);
        let mut csv = opened(csv, QUERY).await.unwrap();
        let json = FileSink::json(dir.path().join("json")).compression(compression).target_file_bytes(TARGET);
        let mut json = opened(json, QUERY).await.unwrap();
        for batch in 0..10 {
            append(&mut csv, batch, &row(batch)).await.unwrap();
            append(&mut json, batch, &row(batch)).await.unwrap();
        }
        let files = committed_files(dir.path().join("csv")).unwrap();
        assert!(files.len() < 10);
        let rows = files
            .iter()
            .map(|file| read(file).strip_prefix("page,views,mean\n").expect("one header").to_owned());
        assert_eq!(sorted(&rows.collect::<String>()), (0..10).map(|n| format!("/home,{n},\n")).collect());
        let files = committed_files(dir.path().join("json")).unwrap();
        assert!(files.len() < 10);
        assert_eq!(sorted(&files.iter().map(read).collect::<String>()), lines(0..10));
    }
}

#[tokio::test]
async fn a_directory_that_merges_goes_on_without_merging() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = merging(dir.path()).await;
    for batch in 0..15 {
        append(&mut sink, batch, &row(batch)).await.unwrap();
    }
    drop(sink);
    let mut plain = json(dir.path()).await;
    for batch in 15..25 {
        append(&mut plain, batch, &row(batch)).await.unwrap();
    }
    assert_eq!(sorted(&result(dir.path())), lines(0..25));
}
