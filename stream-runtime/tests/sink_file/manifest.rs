//! The manifest: compacted and cleaned up without a gap for its readers, and never guessed at when damaged.

use std::fs;
use std::time::{Duration, SystemTime};

use stream_runtime::sink::FileSink;
use stream_runtime::sink::file::committed_files;

use super::sink_support::append;
use super::{QUERY, contents, entries, entry, json, line, opened, result, row};

#[tokio::test]
async fn each_tenth_entry_is_compact_and_holds_all_before_it() {
    let dir = tempfile::tempdir().unwrap();
    for from in [0, 7, 19] {
        let mut sink = json(dir.path()).await;
        for batch in from..25.min(from + 12) {
            let rows = if batch % 4 == 3 { vec![] } else { row(batch).to_vec() };
            append(&mut sink, batch, &rows).await.unwrap();
        }
    }
    let expected: Vec<String> = (0..25)
        .map(|batch| if batch % 10 == 9 { format!("{batch}.compact") } else { batch.to_string() })
        .collect();
    assert_eq!(entries(dir.path()), expected);
    let all: String = (0..25).filter(|batch| batch % 4 != 3).map(line).collect();
    assert_eq!(result(dir.path()), all);
    // Five of the first twenty batches had no rows.
    let compact = entry(dir.path(), "19.compact");
    assert_eq!(compact.lines().count(), 1 + 15);
    assert!(compact.starts_with(&entry(dir.path(), "9.compact")));
    assert!(!compact.ends_with('\n'));

    // What a compact entry holds is needed no more.
    for name in &expected[..19] {
        fs::remove_file(dir.path().join("_spark_metadata").join(name)).unwrap();
    }
    assert_eq!(result(dir.path()), all);
    append(&mut json(dir.path()).await, 25, &row(25)).await.unwrap();
    assert_eq!(result(dir.path()), all + &line(25));
}

#[tokio::test]
async fn old_entries_go_once_a_hundred_batches_and_ten_minutes_have_passed() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = json(dir.path()).await;
    for batch in 0..=129 {
        append(&mut sink, batch, &row(batch)).await.unwrap();
    }
    assert_eq!(entries(dir.path()).len(), 130);
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    for batch in 0..20 {
        let name = if batch % 10 == 9 { format!("{batch}.compact") } else { batch.to_string() };
        let file =
            fs::File::options().write(true).open(dir.path().join("_spark_metadata").join(name)).unwrap();
        file.set_modified(hour_ago).unwrap();
    }
    for batch in 130..=139 {
        append(&mut sink, batch, &row(batch)).await.unwrap();
    }
    assert_eq!(entries(dir.path())[0], "20");
    assert_eq!(entries(dir.path()).len(), 120);
    drop(sink);
    let _sink = json(dir.path()).await;
    assert_eq!(result(dir.path()), (0..=139).map(line).collect::<String>());
}

#[tokio::test]
async fn a_sink_that_joins_a_running_query_has_no_gap_for_its_readers() {
    for (first, expected) in
        [(3, vec!["0", "1", "2", "3"]), (19, vec!["19.compact"]), (22, vec!["19.compact", "20", "21", "22"])]
    {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = json(dir.path()).await;
        append(&mut sink, first, &row(first)).await.unwrap();
        assert_eq!(entries(dir.path()), expected);
        assert_eq!(result(dir.path()), line(first));
        append(&mut sink, first + 1, &row(first + 1)).await.unwrap();
        drop(sink);
        append(&mut json(dir.path()).await, first + 2, &row(first + 2)).await.unwrap();
        assert_eq!(result(dir.path()), [first, first + 1, first + 2].map(line).concat());
    }
}

#[tokio::test]
async fn a_reader_sees_whole_batches_in_order_while_a_query_writes() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = json(dir.path()).await;
    let written = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let reader = std::thread::spawn({
        let (dir, written) = (dir.path().to_owned(), written.clone());
        move || {
            let all: String = (0..60).map(line).collect();
            let mut seen = 0;
            while !written.load(std::sync::atomic::Ordering::SeqCst) {
                let now = result(&dir);
                assert!(all.starts_with(&now) && now.len() >= seen, "{now}");
                seen = now.len();
            }
        }
    });
    for batch in 0..60 {
        append(&mut sink, batch, &row(batch)).await.unwrap();
    }
    written.store(true, std::sync::atomic::Ordering::SeqCst);
    reader.join().unwrap();
    assert_eq!(result(dir.path()), (0..60).map(line).collect::<String>());
}

#[tokio::test]
async fn a_damaged_manifest_is_an_error_and_stays_as_it_is() {
    let damages: [(&str, &[u8], &str); 7] = [
        ("2", b"", "`2` is empty"),
        ("2", b"v2\n", "`2` begins with `v2`, and this library reads only v1"),
        ("2", b"\x1b[2Jgarbage", r"`2` begins with `\u{1b}[2Jgarbage`, and"),
        ("2", b"v1\n{\"path\":\"file:/", "line 2 of `2` isn't about a file: EOF"),
        ("2", b"v1\n\n", "line 2 of `2` isn't about a file: EOF"),
        ("2", b"v1\n\xff\xfe", "`2` isn't text"),
        ("4", b"v1", "the entry of batch 3 is missing"),
    ];
    for (name, bytes, expected) in damages {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = json(dir.path()).await;
        for batch in 0..3 {
            append(&mut sink, batch, &row(batch)).await.unwrap();
        }
        drop(sink);
        fs::write(dir.path().join("_spark_metadata").join(name), bytes).unwrap();
        let before = contents(dir.path());
        let open = opened(FileSink::json(dir.path()), QUERY).await.unwrap_err().to_string();
        let read = committed_files(dir.path()).unwrap_err().to_string();
        for error in [open, read] {
            assert!(error.contains(expected), "{expected}: {error}");
        }
        assert_eq!(contents(dir.path()), before);
    }
}

#[tokio::test]
async fn only_local_files_can_be_listed() {
    let dir = tempfile::tempdir().unwrap();
    append(&mut json(dir.path()).await, 0, &row(0)).await.unwrap();
    let elsewhere = entry(dir.path(), "0").replace("file:///", "s3a://bucket/");
    fs::write(dir.path().join("_spark_metadata/0"), elsewhere).unwrap();
    let error = committed_files(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("`0` lists `s3a://bucket/") && error.contains("which isn't a local file"),
        "{error}"
    );
}
