//! What a batch leaves on disk: one file in its format, and one entry about it.

use std::fs;
use std::time::SystemTime;

use stream_runtime::Error;
use stream_runtime::sink::FileSink;

use super::sink_support::{append, stat};
use super::{QUERY, entry, json, line, names, opened, parts, result, row};

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
