//! The file sink on a real disk: what readers see, and what crashes and foreign hands can't break.

mod sink_support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sink_support::{Stat, append, context, stat};
use stream_runtime::Error;
use stream_runtime::plan::Mode;
use stream_runtime::sink::file::{FileFormat, JsonLines, committed_files};
use stream_runtime::sink::{FileSink, Sink};

const QUERY: u128 = 0x6d3c_9a51_0f2b_4e77_8a10_3355_0000_0001;
const OTHER: u128 = 0x1b00_77aa_93c1_4d22_9f00_1234_0000_0002;

async fn opened<F: FileFormat>(mut sink: FileSink<F>, query: u128) -> Result<FileSink<F>, Error> {
    Sink::<Stat>::open(&mut sink, context(query, Mode::Append)).await?;
    Ok(sink)
}

async fn json(dir: &Path) -> FileSink<JsonLines> {
    opened(FileSink::json(dir), QUERY).await.unwrap()
}

fn row(batch: u64) -> [Stat; 1] {
    [stat("/home", batch, None)]
}

fn line(batch: u64) -> String {
    format!("{{\"page\":\"/home\",\"views\":{batch}}}\n")
}

/// The result as a reader sees that goes by the manifest.
fn result(dir: &Path) -> String {
    committed_files(dir).unwrap().into_iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_by_key(|name| {
        let number = name.trim_end_matches(".compact").parse().unwrap_or(u64::MAX);
        (number, name.clone())
    });
    names
}

fn entries(dir: &Path) -> Vec<String> {
    names(&dir.join("_spark_metadata"))
}

fn entry(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join("_spark_metadata").join(name)).unwrap()
}

fn parts(dir: &Path) -> Vec<String> {
    names(dir).into_iter().filter(|name| !name.starts_with('_')).collect()
}

/// Every file below a directory, with its bytes.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for file in fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            all.extend(contents(&path));
        } else {
            all.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    all
}

#[tokio::test]
async fn a_batch_is_one_file_and_one_entry_as_spark_writes_them() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("new/out");
    let mut sink = json(&out).await;
    append(&mut sink, 0, &[stat("/a", 1, Some(0.5)), stat("/b", 2, None)]).await.unwrap();
    append(&mut sink, 1, &[]).await.unwrap();

    let text = "{\"page\":\"/a\",\"views\":1,\"mean\":0.5}\n{\"page\":\"/b\",\"views\":2}\n";
    assert_eq!(result(&out), text);
    let [part] = &parts(&out)[..] else { panic!("{:?}", parts(&out)) };
    let unique = part.strip_prefix("part-00000-").unwrap().strip_suffix("-c000.json").unwrap();
    assert!(uuid::Uuid::parse_str(unique).is_ok(), "{part}");

    let path = out.join(part);
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let millis = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    assert_eq!(
        entry(&out, "0"),
        format!(
            "v1\n{{\"path\":\"file://{}\",\"size\":{},\"isDir\":false,\"modificationTime\":{millis},\"blockReplication\":1,\"blockSize\":33554432,\"action\":\"add\"}}",
            path.display(),
            text.len()
        )
    );
    assert_eq!(entry(&out, "1"), "v1");
}

#[tokio::test]
async fn csv_has_a_header_and_a_delimiter() {
    let dir = tempfile::tempdir().unwrap();
    let rows = [stat("/a", 1, Some(0.5)), stat("", 2, None), stat("a,\"b\";\n", 3, None)];
    let mut sink = opened(FileSink::csv(dir.path().join("a")), QUERY).await.unwrap();
    append(&mut sink, 0, &rows).await.unwrap();
    assert_eq!(result(&dir.path().join("a")), "page,views,mean\n/a,1,0.5\n\"\",2,\n\"a,\"\"b\"\";\n\",3,\n");

    let sink = FileSink::csv(dir.path().join("b")).header(false).delimiter(b';');
    append(&mut opened(sink, QUERY).await.unwrap(), 0, &rows).await.unwrap();
    assert_eq!(result(&dir.path().join("b")), "/a;1;0.5\n\"\";2;\n\"a,\"\"b\"\";\n\";3;\n");
    assert!(parts(&dir.path().join("b"))[0].ends_with("-c000.csv"));
}

#[tokio::test]
async fn a_delimiter_that_can_not_be_read_back_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for delimiter in [b'"', b'\n', b'\r', 0xff] {
        let error = opened(FileSink::csv(dir.path()).delimiter(delimiter), QUERY).await.unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option: "delimiter", .. }), "{error}");
    }
    assert_eq!(names(dir.path()), [""; 0]);
}

#[tokio::test]
async fn a_replayed_batch_is_skipped_in_the_same_run_and_in_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = json(dir.path()).await;
    append(&mut sink, 0, &row(0)).await.unwrap();
    append(&mut sink, 1, &row(1)).await.unwrap();
    append(&mut sink, 1, &row(1)).await.unwrap();
    let before = contents(dir.path());
    drop(sink);

    let mut sink = json(dir.path()).await;
    append(&mut sink, 0, &row(0)).await.unwrap();
    append(&mut sink, 1, &row(1)).await.unwrap();
    assert_eq!(contents(dir.path()), before);
    append(&mut sink, 2, &row(2)).await.unwrap();
    assert_eq!(result(dir.path()), line(0) + &line(1) + &line(2));
}

#[tokio::test]
async fn a_batch_that_failed_before_its_entry_is_written_once_by_the_next_run() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = dir.path().join("_spark_metadata");
    let aside = dir.path().join("_aside");
    let mut sink = json(dir.path()).await;
    append(&mut sink, 0, &row(0)).await.unwrap();
    fs::rename(&manifest, &aside).unwrap();
    let error = append(&mut sink, 1, &row(1)).await.unwrap_err();
    assert!(
        matches!(&error, Error::Io { action: "creating", path, .. } if path.starts_with(&manifest)),
        "{error}"
    );
    fs::rename(&aside, &manifest).unwrap();
    // The file is there, and no reader of the manifest sees it.
    assert_eq!(parts(dir.path()).len(), 2);
    assert_eq!(result(dir.path()), line(0));
    drop(sink);

    let mut sink = json(dir.path()).await;
    assert_eq!(parts(dir.path()).len(), 1);
    append(&mut sink, 1, &row(1)).await.unwrap();
    assert_eq!(result(dir.path()), line(0) + &line(1));
}

#[tokio::test]
async fn a_run_removes_what_a_killed_one_left_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = json(dir.path()).await;
    append(&mut sink, 0, &row(0)).await.unwrap();
    drop(sink);
    let part = parts(dir.path()).remove(0);
    let renamed = |from: &str, to: &str| part.replacen(from, to, 1);

    let last = part.find("-c000").unwrap() - 1;
    let mut ours = part.clone();
    ours.replace_range(last..=last, if &part[last..=last] == "0" { "1" } else { "0" });
    let kept = [
        renamed("part-00000-6d3c9a51", "part-00000-6d3c9a52"),
        renamed("part-00000", "part-00001"),
        renamed(".json", ".json.bak"),
        "part-00000-5d6a4b92-1f0e-4c11-9a39-c7a1a1f7a2b1-c000.json".to_owned(),
        "notes.txt".to_owned(),
    ];
    for name in kept.iter().chain([&ours]) {
        fs::write(dir.path().join(name), "half a li").unwrap();
    }
    let unfinished = dir.path().join("_spark_metadata/.1.5d6a4b92-1f0e-4c11-9a39-c7a1a1f7a2b1.tmp");
    fs::write(&unfinished, "v1").unwrap();
    assert_eq!(result(dir.path()), line(0));

    let _sink = json(dir.path()).await;
    let left = parts(dir.path());
    assert!(!left.contains(&ours));
    assert!(kept.iter().chain([&part]).all(|name| left.contains(name)), "{left:?}");
    assert!(!unfinished.exists());
    assert_eq!(result(dir.path()), line(0));
}

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
async fn batches_that_were_never_written_are_not_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = json(dir.path()).await;
    append(&mut sink, 0, &row(0)).await.unwrap();
    let before = contents(dir.path());
    let error = append(&mut sink, 5, &row(5)).await.unwrap_err().to_string();
    assert!(error.contains("end before batch 1, and the query goes on with batch 5"), "{error}");
    assert_eq!(contents(dir.path()), before);
}

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

#[tokio::test]
async fn a_batch_of_many_blocks_is_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let page = "p".repeat(1000);
    let rows: Vec<_> = (0..5000).map(|n| stat(&page, n, None)).collect();
    let mut sink = json(dir.path()).await;
    append(&mut sink, 0, &rows).await.unwrap();
    append(&mut sink, 1, &row(1)).await.unwrap();
    let lines: Vec<_> = (0..5000).map(|n| format!("{{\"page\":\"{page}\",\"views\":{n}}}\n")).collect();
    assert_eq!(result(dir.path()), lines.concat() + &line(1));
    assert_eq!(parts(dir.path()).len(), 2);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_abandoned_anywhere_is_made_good_by_the_next_run() {
    let dir = tempfile::tempdir().unwrap();
    for batch in 0..40 {
        let mut sink = json(dir.path()).await;
        let rows = row(batch);
        let mut turns = 0;
        tokio::select! {
            biased;
            result = append(&mut sink, batch, &rows) => result.unwrap(),
            () = async {
                while turns < batch * 4 {
                    turns += 1;
                    tokio::task::yield_now().await;
                }
            } => {}
        }
        drop(sink);
        append(&mut json(dir.path()).await, batch, &row(batch)).await.unwrap();
        assert_eq!(result(dir.path()), (0..=batch).map(line).collect::<String>());
    }
    drop(json(dir.path()).await);
    assert_eq!(parts(dir.path()).len(), 40);
}
