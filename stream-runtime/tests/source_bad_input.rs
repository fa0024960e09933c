//! Files that hold something else than what the query expects.

mod source_support;

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};

use source_support::{Checkpoint, Collected, Item, Number, Run, drain, message};
use stream_runtime::source::{Admission, FileFormat, FileSource, Source};
use tempfile::{TempDir, tempdir};

fn file(bytes: &[u8]) -> TempDir {
    let directory = tempdir().unwrap();
    fs::write(directory.path().join("file"), bytes).unwrap();
    directory
}

async fn read<F: FileFormat>(
    source: FileSource<F>,
    parallelism: usize,
) -> stream_runtime::Result<Collected<Number>> {
    let mut run = Run::start::<Number>(source, Checkpoint::default()).await?;
    run.advance::<Number>(Admission::Limited).await?;
    let end = run.checkpoint.end().expect("there is a file");
    drain(Source::<Number>::plan(&mut run.source, None, end, parallelism).await?)
}

#[tokio::test]
async fn a_line_of_100_mb_is_one_malformed_row_that_is_never_held_as_a_whole() {
    let directory = file(b"before\n");
    let mut file = File::options().write(true).open(directory.path().join("file")).unwrap();
    // A hole reads as zeros and takes no space.
    file.seek(SeekFrom::Start(7 + (100 << 20))).unwrap();
    file.write_all(b"\nafter\n").unwrap();
    drop(file);
    for parallelism in [1, 8] {
        let source = FileSource::json(directory.path()).max_line_bytes(1 << 20);
        let collected = read(source, parallelism).await.unwrap();
        let reason = "the line is longer than 1048576 bytes (`max_line_bytes`)".to_owned();
        assert_eq!(
            collected.items,
            [
                Item::Line(b"before".to_vec(), Some(1), 0),
                Item::Malformed(vec![0; 4096], Some(2), reason),
                Item::Line(b"after".to_vec(), Some(3), 8 + (100 << 20)),
            ]
        );
        assert!(collected.largest_chunk <= 4096);
    }
}

#[tokio::test]
async fn lines_up_to_the_limit_are_read_and_longer_ones_are_not() {
    let limit = 3 << 20;
    let line = |length: usize| [vec![b'x'; length], b"\r\n".to_vec()].concat();
    let directory = file(&[line(limit), line(limit + 1), line(1)].concat());
    let collected = read(FileSource::json(directory.path()).max_line_bytes(limit), 1).await.unwrap();
    let lengths: Vec<_> = collected
        .items
        .iter()
        .map(|item| match item {
            Item::Line(bytes, line, _) | Item::Malformed(bytes, line, _) => (bytes.len(), *line),
            _ => panic!("{item:?}"),
        })
        .collect();
    assert_eq!(lengths, [(limit + 1, Some(1)), (4096, Some(2)), (2, Some(3))]);
}

#[tokio::test]
async fn bytes_that_are_no_text_go_on_as_they_are() {
    let directory = file(b"a\xff\n\0\nb");
    let items = read(FileSource::json(directory.path()), 1).await.unwrap().items;
    let line = |bytes: &[u8], line, offset| Item::Line(bytes.to_vec(), Some(line), offset);
    assert_eq!(items, [line(b"a\xff", 1, 0), line(b"\0", 2, 3), line(b"b", 3, 5)]);
}

#[tokio::test]
async fn the_lines_of_a_large_file_are_numbered_right_in_every_split() {
    let mut text = String::new();
    let mut number = 0_u64;
    while text.len() < 33 << 20 {
        number += 1;
        text.push_str(&number.to_string());
        text.push_str(&" ".repeat((number % 7) as usize * 1_000));
        text.push('\n');
    }
    let directory = file(text.as_bytes());
    for parallelism in [1, 2, 3] {
        let collected = read(FileSource::json(directory.path()), parallelism).await.unwrap();
        assert_eq!(collected.items.len() as u64, number);
        for (index, item) in collected.items.iter().enumerate() {
            let Item::Line(bytes, line, _) = item else { panic!("{item:?}") };
            assert_eq!(*line, Some(index as u64 + 1));
            assert_eq!(String::from_utf8_lossy(bytes).trim_end(), (index + 1).to_string());
        }
    }
}

#[tokio::test]
async fn a_quoted_line_end_stays_in_its_record_across_chunks() {
    // Chunks have 1 MiB; the record begins before that and ends after it.
    let filler = "1\n".repeat((1 << 19) - 4);
    let text = format!("number\n{filler}\"2\n\n\n\n\"\"\n2\"\n3\n");
    let directory = file(text.as_bytes());
    let items = read(FileSource::csv(directory.path()), 4).await.unwrap().items;
    let chunks: Vec<_> = items
        .iter()
        .map(|item| match item {
            Item::Csv(bytes, line) => (String::from_utf8(bytes.clone()).unwrap(), *line),
            _ => panic!("{item:?}"),
        })
        .collect();
    let rest = format!("{filler}\"2\n\n\n\n\"\"\n2\"\n3\n");
    assert!(chunks.len() > 1);
    assert_eq!(chunks.iter().map(|(text, _)| text.as_str()).collect::<String>(), rest);
    assert_eq!(chunks[0].1, 2, "the header is line 1");
    for (text, _) in &chunks {
        assert_eq!(text.matches('"').count() % 2, 0);
    }
}

#[tokio::test]
async fn a_header_that_is_too_long_is_an_error_that_names_the_file() {
    let directory = file(b"number,and,more\n1\n");
    let error = message(read(FileSource::csv(directory.path()).max_line_bytes(5), 1).await);
    assert!(error.contains("the header of `") && error.contains("longer than 5 bytes"), "{error}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_directory_without_permission_is_refused_at_start() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempdir().unwrap();
    let closed = directory.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(&closed).is_ok() {
        // Root may read everything; the rule can't be seen.
        return;
    }
    let error = message(Run::start::<Number>(FileSource::json(&closed), Checkpoint::default()).await);
    assert!(error.starts_with(&format!("listing `{}` failed: ", closed.display())), "{error}");
}
