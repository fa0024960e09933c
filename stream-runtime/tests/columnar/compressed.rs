//! Compressed lines and records give the rows of the plain ones, under the same places.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use flate2::write::GzEncoder;
use stream_runtime::prelude::*;
use stream_runtime::source::{MalformedRow, OnMalformed};

use crate::support::{error_of, load, run};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Line {
    id: u64,
    text: String,
}

stream_query! {
    query Lines(lines: Line) -> Line {
        from line in lines;
        select line;
        output append;
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// Some megabytes, with a line in the middle that is none.
fn json() -> Vec<u8> {
    let mut bytes = Vec::new();
    for id in 0..40_000 {
        if id == 30_000 {
            bytes.extend_from_slice(b"{\"id\":\"no number\"}\n");
        }
        writeln!(bytes, "{{\"id\":{id},\"text\":\"{id:064}\"}}").unwrap();
    }
    bytes
}

/// A dead letter's line, offset and bytes.
type Letter = (u64, u64, Vec<u8>);

fn read(path: &Path, workers: usize) -> (Vec<Line>, Vec<Letter>) {
    let (letters, sink) = MemorySink::<MalformedRow>::new();
    let source = FileSource::json(path).on_malformed(OnMalformed::dead_letter(sink));
    let (rows, _) = run(Lines::query().lines(source), workers).unwrap();
    let letters =
        letters.last().unwrap().rows.iter().map(|row| (row.line, row.offset, row.bytes.clone())).collect();
    (rows.iter().flat_map(|rows| rows.iter().cloned()).collect(), letters)
}

#[test]
fn compressed_lines_have_the_rows_and_the_places_of_the_plain_ones() {
    let directory = tempfile::tempdir().unwrap();
    let [plain, gz, zst] = ["a.json", "a.json.gz", "a.json.zst"].map(|name| directory.path().join(name));
    let bytes = json();
    fs::write(&plain, &bytes).unwrap();
    fs::write(&gz, gzip(&bytes)).unwrap();
    fs::write(&zst, zstd(&bytes)).unwrap();
    let wanted = read(&plain, 1);
    assert_eq!((wanted.0.len(), wanted.1.len(), wanted.1[0].0), (40_000, 1, 30_001));
    for workers in [1, 3] {
        assert_eq!(read(&gz, workers), wanted);
        assert_eq!(read(&zst, workers), wanted);
    }
}

#[test]
fn compressed_records_have_the_rows_of_the_plain_ones() {
    let directory = tempfile::tempdir().unwrap();
    let text = "text,id\n\"a\nb\",1\nc,2\n";
    for (name, bytes) in [
        ("a.csv", text.as_bytes().to_vec()),
        ("a.csv.gz", gzip(text.as_bytes())),
        ("a.csv.zst", zstd(text.as_bytes())),
    ] {
        let path = directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        let rows = load::<Line>(StaticFile::csv(path)).unwrap();
        assert_eq!(rows, [Line { id: 1, text: "a\nb".into() }, Line { id: 2, text: "c".into() }], "{name}");
    }
}

#[test]
fn streams_that_stand_one_after_the_other_are_one_content() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) =
        (b"{\"id\":1,\"te".as_slice(), b"xt\":\"a\"}\n{\"id\":2,\"text\":\"b\"}".as_slice());
    for (name, bytes) in
        [("a.gz", [gzip(first), gzip(second)].concat()), ("a.zst", [zstd(first), zstd(second)].concat())]
    {
        let path = directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        assert_eq!(load::<Line>(StaticFile::json(path)).unwrap().len(), 2, "{name}");
    }
}

#[test]
fn a_file_that_was_cut_off_or_damaged_is_an_error_that_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let text: Vec<u8> =
        (0..2_000).flat_map(|id| format!("{{\"id\":{id},\"text\":\"{}\"}}\n", id * 7).into_bytes()).collect();
    for (name, kind, bytes) in [("a.gz", "gzip", gzip(&text)), ("a.zst", "zstd", zstd(&text))] {
        let path = directory.path().join(name);
        let read = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            let source = FileSource::json(&path);
            error_of(run(Lines::query().lines(source), 1))
        };
        for length in [0, 1, 5, bytes.len() / 2, bytes.len() - 1] {
            if length == 0 && kind == "zstd" {
                // No frame at all is no content.
                continue;
            }
            let error = read(&bytes[..length]);
            let problem =
                format!("`{}` can't be read: its {kind} data ends in the middle; restore", path.display());
            assert!(error.contains(&problem), "{length} bytes: {error}");
        }
        let mut damaged = bytes.clone();
        damaged[bytes.len() / 2] ^= 0x55;
        damaged[0] ^= 0x55;
        let error = read(&damaged);
        assert!(error.contains(&format!("its {kind} data is damaged (")), "{error}");
    }
}

#[test]
fn a_line_that_is_too_long_is_found_in_compressed_lines_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.gz");
    let long = format!("{{\"id\":1,\"text\":\"{}\"}}\n{{\"id\":2,\"text\":\"\"}}\n", "x".repeat(3 << 20));
    fs::write(&path, gzip(long.as_bytes())).unwrap();
    let source = FileSource::json(&path).max_line_bytes(1_000).on_malformed(OnMalformed::Drop);
    let (rows, _) = run(Lines::query().lines(source), 1).unwrap();
    let ids: Vec<_> = rows
        .iter()
        .map(Arc::clone)
        .flat_map(|rows| rows.iter().map(|row| row.id).collect::<Vec<_>>())
        .collect();
    assert_eq!(ids, [2]);
}
