//! Of a directory that a file sink has written, what its manifest lists is read, and nothing else.

use std::fs;
use std::path::Path;

use stream_runtime::prelude::*;
use stream_runtime::source::CleanSource;

use crate::support::{error_of, load, run};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Row {
    id: u64,
}

stream_query! {
    query Rows(rows: Row) -> Row {
        from row in rows;
        select row;
        output append;
    }
}

fn write(directory: &Path, name: &str, ids: &[u64]) {
    let lines: Vec<_> = ids.iter().map(|id| format!("{{\"id\":{id}}}\n")).collect();
    fs::write(directory.join(name), lines.concat()).unwrap();
}

/// An entry as Spark writes it.
fn entry(directory: &Path, name: &str, files: &[(&str, &str)]) {
    let line = |(file, action): &(&str, &str)| {
        let path = directory.join(file).display().to_string();
        format!(
            "\n{{\"path\":\"file://{path}\",\"size\":9,\"isDir\":false,\"modificationTime\":1767225600000,\
             \"blockReplication\":1,\"blockSize\":33554432,\"action\":\"{action}\"}}"
        )
    };
    let lines: String = files.iter().map(line).collect();
    fs::create_dir_all(directory.join("_spark_metadata")).unwrap();
    fs::write(directory.join("_spark_metadata").join(name), format!("v1{lines}")).unwrap();
}

fn ids(directory: &Path) -> Vec<u64> {
    let (rows, _) = run(Rows::query().rows(FileSource::json(directory)), 1).unwrap();
    let mut ids: Vec<_> = rows.iter().flat_map(|rows| rows.iter().map(|row| row.id)).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn files_that_the_manifest_does_not_list_are_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    for name in ["part-0.json", "part-1.json", "part-orphan.json", "day=1/part-2.json", "part-gone.json"] {
        fs::create_dir_all(directory.join(name).parent().unwrap()).unwrap();
    }
    write(directory, "part-0.json", &[1]);
    write(directory, "part-1.json", &[2]);
    write(directory, "part-orphan.json", &[3]);
    write(directory, "day=1/part-2.json", &[4]);
    write(directory, "part-gone.json", &[5]);
    entry(directory, "8", &[("part-orphan.json", "add")]);
    entry(
        directory,
        "9.compact",
        &[("part-0.json", "add"), ("part-gone.json", "add"), ("part-gone.json", "delete")],
    );
    entry(directory, "10", &[("part-1.json", "add"), ("day=1/part-2.json", "add")]);
    assert_eq!(ids(directory), [1, 2, 4]);
    let table = load::<Row>(StaticFile::json(directory)).unwrap();
    assert_eq!(table.len(), 3);
}

#[test]
fn what_our_sink_has_committed_is_what_our_source_reads() {
    let directory = tempfile::tempdir().unwrap();
    let (from, to) = (directory.path().join("from"), directory.path().join("to"));
    fs::create_dir(&from).unwrap();
    for (name, rows) in [("a", [1, 2]), ("b", [3, 4]), ("c", [5, 6])] {
        write(&from, name, &rows);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let query = Rows::query()
            .rows(FileSource::json(&from).max_files_per_trigger(1))
            .to(FileSink::json(&to))
            .checkpoint(directory.path().join("checkpoint"))
            .trigger(Trigger::AvailableNow)
            .start()
            .await
            .unwrap();
        query.await_termination().await.unwrap();
    });
    write(&to, "orphan.json", &[7]);
    assert_eq!(ids(&to), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_file_that_the_manifest_lists_and_nobody_finds_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    entry(directory, "0", &[("part-0.json", "add")]);
    let error = error_of(run(Rows::query().rows(FileSource::json(directory)), 1));
    assert!(error.contains("part-0.json` is gone, which the directory's manifest lists; "), "{error}");
}

#[test]
fn a_source_does_not_clean_up_what_a_sink_has_written() {
    let directory = tempfile::tempdir().unwrap();
    entry(directory.path(), "0", &[]);
    let source = FileSource::json(directory.path()).clean_source(CleanSource::Delete);
    let error = error_of(run(Rows::query().rows(source), 1));
    assert!(error.contains("clean_source") && error.contains("leave them to the sink"), "{error}");
}
