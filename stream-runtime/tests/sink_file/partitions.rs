//! Rows in directories by the values of their columns, for the formats of text.

use std::fs;
use std::path::Path;

use stream_runtime::plan::Mode;
use stream_runtime::prelude::*;
use stream_runtime::sink::file::{FileFormat, committed_files};
use stream_runtime::sink::{Sink, SinkBatch};
use stream_runtime::{Error, Result};

use super::{QUERY, behind_its_own, contents};

#[derive(Clone, Debug, Schema)]
struct Visit {
    page: String,
    country: Option<String>,
    day: Date,
    at: Timestamp,
    share: f32,
    rank: u8,
    tags: Vec<String>,
    window: Window,
}

fn visit(page: &str, country: Option<&str>, rank: u8) -> Visit {
    let at = Timestamp::from_micros(1_767_225_661_500_000);
    Visit {
        page: page.to_owned(),
        country: country.map(str::to_owned),
        day: at.date(),
        at,
        share: 0.5,
        rank,
        tags: Vec::new(),
        window: Window { start: at, end: at },
    }
}

async fn opened<F: FileFormat>(sink: FileSink<F>) -> Result<FileSink<F>> {
    let mut sink = sink;
    let context = behind_its_own(&Sink::<Visit>::description(&sink), QUERY);
    Sink::<Visit>::open(&mut sink, context).await?;
    Ok(sink)
}

async fn append<F: FileFormat>(sink: &mut FileSink<F>, id: u64, rows: &[Visit]) {
    sink.commit(SinkBatch { id, mode: Mode::Append, rows, removed: &[], watermark: None }).await.unwrap();
}

/// Each file's directory below the sink's, and its text.
fn files(dir: &Path) -> Vec<(String, String)> {
    let read = |path: std::path::PathBuf| {
        let below = path.strip_prefix(dir).unwrap().parent().unwrap().to_str().unwrap().to_owned();
        (below, fs::read_to_string(&path).unwrap())
    };
    committed_files(dir).unwrap().into_iter().map(read).collect()
}

fn owned(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(dir, text)| ((*dir).to_owned(), (*text).to_owned())).collect()
}

#[tokio::test]
async fn each_directory_of_a_batch_has_a_file_without_the_columns_that_name_it() {
    let rows = [visit("/a", Some("at"), 1), visit("/b", None, 2), visit("/c", Some("at"), 3)];
    let all_but_rank = ["country", "page", "day", "at", "share"];

    let dir = tempfile::tempdir().unwrap();
    let sink = FileSink::csv(dir.path().join("csv")).partition_by(["country", "day"]);
    append(&mut opened(sink).await.unwrap(), 0, &rows).await;
    let time = "2026-01-01T00:01:01.500Z";
    let line = |page, rank| format!("{page},{time},0.5,{rank},[],\"[{time}, {time})\"\n");
    let header = "page,at,share,rank,tags,window\n";
    assert_eq!(
        files(&dir.path().join("csv")),
        owned(&[
            ("country=at/day=2026-01-01", &[header, &line("/a", 1), &line("/c", 3)].concat()),
            ("country=__HIVE_DEFAULT_PARTITION__/day=2026-01-01", &[header, &line("/b", 2)].concat()),
        ])
    );

    let sink = FileSink::json(dir.path().join("json")).partition_by(all_but_rank);
    append(&mut opened(sink).await.unwrap(), 0, &rows[..1]).await;
    assert_eq!(
        files(&dir.path().join("json")),
        owned(&[(
            "country=at/page=%2Fa/day=2026-01-01/at=2026-01-01 00%3A01%3A01.5/share=0.5",
            &format!("{{\"rank\":1,\"tags\":[],\"window\":{{\"start\":\"{time}\",\"end\":\"{time}\"}}}}\n"),
        )])
    );
}

#[tokio::test]
async fn any_text_names_a_directory_in_the_sink_s_own() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = opened(FileSink::csv(dir.path()).partition_by(["page"])).await.unwrap();
    let pages = ["", "..", "/etc", "a=b", "%41", "ä 데", "\u{0}\n", "[x]{y}^", "__HIVE_DEFAULT_PARTITION__"];
    append(&mut sink, 0, &pages.map(|page| visit(page, None, 0))).await;
    let dirs: Vec<String> = files(dir.path()).into_iter().map(|(dir, _)| dir).collect();
    let expected = [
        "page=__HIVE_DEFAULT_PARTITION__",
        "page=..",
        "page=%2Fetc",
        "page=a%3Db",
        "page=%2541",
        "page=ä 데",
        "page=%00%0A",
        "page=%5Bx%5D%7By}%5E",
    ];
    assert_eq!(dirs, expected);
    drop(sink);
    // A directory that was moved is read where it is now.
    let moved = dir.path().with_extension("moved");
    fs::rename(dir.path(), &moved).unwrap();
    let dirs: Vec<String> = files(&moved).into_iter().map(|(dir, _)| dir).collect();
    fs::rename(&moved, dir.path()).unwrap();
    assert_eq!(dirs, expected);
}

#[tokio::test]
async fn what_a_crash_left_in_any_directory_is_removed_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let sink = || opened(FileSink::json(dir.path()).partition_by(["country", "rank"]));
    append(&mut sink().await.unwrap(), 0, &[visit("/a", Some("at"), 1)]).await;
    let committed = committed_files(dir.path()).unwrap().remove(0);
    let name = committed.file_name().unwrap().to_str().unwrap();
    let before = contents(dir.path());
    let next = name.replacen("part-00000", "part-00001", 1);
    let left = [
        committed.with_file_name(&next),
        dir.path().join("country=de/rank=2").join(&next),
        dir.path().join(&next),
    ];
    for path in &left {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "{").unwrap();
    }
    let foreign = dir.path().join("archive").join(&next);
    fs::create_dir_all(foreign.parent().unwrap()).unwrap();
    fs::write(&foreign, "{}").unwrap();
    drop(sink().await.unwrap());
    let mut expected = before;
    expected.insert(foreign, b"{}".to_vec());
    assert_eq!(contents(dir.path()), expected);
}

#[tokio::test]
async fn columns_that_can_not_name_directories_are_refused_before_the_first_batch() {
    let dir = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &str); 5] = [
        (&["contry"], "`Visit` has no column `contry`; it has `page`, `country`, "),
        (&["rank", "day", "rank"], "the column `rank` is named twice"),
        (&["tags"], "the column `tags` holds a list, which can't name a directory"),
        (&["window"], "the column `window` holds a window, which can't name a directory"),
        (&["page", "country", "day", "at", "share", "rank", "tags", "window"], "none is left for the files"),
    ];
    for (columns, expected) in cases {
        let sink = FileSink::json(dir.path().join("out")).partition_by(columns.iter().copied());
        let error = opened(sink).await.unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option: "partition_by", .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert!(!dir.path().join("out").exists());
}
