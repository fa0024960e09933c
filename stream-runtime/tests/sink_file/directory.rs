//! The directory: whose results it holds, where it may be, and what happens if it can't be written.

use std::fs;

use stream_runtime::sink::FileSink;
use stream_runtime::sink::file::committed_files;

use super::sink_support::append;
use super::{OTHER, QUERY, contents, entry, json, line, opened, result, row};

#[tokio::test]
async fn a_directory_with_another_query_s_results_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = json(dir.path()).await;
    append(&mut sink, 0, &row(0)).await.unwrap();
    drop(sink);
    let before = contents(dir.path());
    let error = opened(FileSink::json(dir.path()), OTHER).await.unwrap_err().to_string();
    assert!(error.contains("holds the results of the query 6d3c9a51-"), "{error}");
    assert_eq!(contents(dir.path()), before);

    // So is one that Spark has written.
    fs::remove_file(dir.path().join("_stream_query.json")).unwrap();
    let error = opened(FileSink::json(dir.path()), OTHER).await.unwrap_err().to_string();
    assert!(error.contains("holds the results of another program"), "{error}");
    assert_eq!(result(dir.path()), line(0));
}

#[tokio::test]
async fn a_directory_without_results_is_free_for_another_query() {
    let dir = tempfile::tempdir().unwrap();
    drop(json(dir.path()).await);
    fs::write(dir.path().join("_stream_query.json"), "{\"ver").unwrap();
    drop(json(dir.path()).await);
    let mut sink = opened(FileSink::json(dir.path()), OTHER).await.unwrap();
    append(&mut sink, 0, &row(0)).await.unwrap();
    assert_eq!(result(dir.path()), line(0));
}

#[tokio::test]
async fn an_entry_of_another_writer_is_never_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = json(dir.path()).await;
    append(&mut sink, 0, &row(0)).await.unwrap();
    fs::write(dir.path().join("_spark_metadata/1"), "v1").unwrap();
    let error = append(&mut sink, 1, &row(1)).await.unwrap_err().to_string();
    assert!(error.contains("batch 1 has an entry in the manifest that this run didn't write"), "{error}");
    assert_eq!(entry(dir.path(), "1"), "v1");
    assert_eq!(result(dir.path()), line(0));
}

#[tokio::test]
async fn a_directory_that_can_not_be_written_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = opened(FileSink::json(file.join("out")), QUERY).await.unwrap_err().to_string();
    assert!(error.starts_with("creating the directory `") && error.contains("Not a directory"), "{error}");
    assert!(
        committed_files(dir.path())
            .unwrap_err()
            .to_string()
            .contains("_spark_metadata` failed: No such file")
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_read_only_file_system_is_an_error_that_names_the_directory() {
    let error = opened(FileSink::json("/sys/stream-query-test"), QUERY).await.unwrap_err().to_string();
    assert!(
        error.starts_with("creating the directory `/sys/stream-query-test/_spark_metadata` failed: "),
        "{error}"
    );
}

#[tokio::test]
async fn a_directory_of_any_name_is_read_back_also_after_it_was_moved() {
    let dir = tempfile::tempdir().unwrap();
    let (out, moved) = (dir.path().join("a b#%41 데이터"), dir.path().join("moved"));
    let mut sink = json(&out).await;
    append(&mut sink, 0, &row(0)).await.unwrap();
    assert_eq!(result(&out), line(0));
    drop(sink);
    fs::rename(&out, &moved).unwrap();
    let mut sink = json(&moved).await;
    append(&mut sink, 1, &row(1)).await.unwrap();
    assert_eq!(result(&moved), line(0) + &line(1));
}
