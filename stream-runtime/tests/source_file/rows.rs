//! The rows of the files that a batch took, whole or in splits.

use stream_runtime::source::{Admission, FileSource, Source};
use tempfile::tempdir;

use super::source_support::{Number, drain};
use super::{batches, files, start, write};

#[tokio::test]
async fn an_empty_file_has_no_rows() {
    let directory = files(&[("a", 2)]);
    write(directory.path(), "empty", 1, "");
    assert_eq!(batches(&mut start(FileSource::json(directory.path())).await).await, [["a"]]);
    let csv = tempdir().unwrap();
    write(csv.path(), "empty", 1, "");
    let mut run = start(FileSource::csv(csv.path())).await;
    assert!(run.batch::<Number>().await.unwrap().unwrap().items.is_empty());
}

#[tokio::test]
async fn splits_of_many_files_hold_each_row_once_in_order() {
    let directory = tempdir().unwrap();
    for n in 0..30_u64 {
        let line = format!("{n:02}{}\n", "x".repeat(1 << 20));
        write(directory.path(), &format!("{n:02}"), n, &line);
    }
    for parallelism in [1, 2, 3, 8] {
        let mut run = start(FileSource::json(directory.path())).await;
        run.advance::<Number>(Admission::Limited).await.unwrap();
        let end = run.checkpoint.end().unwrap();
        let splits = Source::<Number>::plan(&mut run.source, None, end, parallelism).await.unwrap();
        assert_eq!(splits.len() > 1, parallelism > 1);
        assert_eq!(splits.iter().map(|split| split.weight()).sum::<u64>(), 30 * ((1 << 20) + 3));
        let starts: Vec<_> = drain(splits).unwrap().lines().iter().map(|line| line[..2].to_owned()).collect();
        assert_eq!(starts, (0..30).map(|n| format!("{n:02}")).collect::<Vec<_>>());
    }
}
