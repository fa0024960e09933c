//! Bad input, bad checkpoints, bad clocks: each a clear error or the malformed-row policy, and nothing that was
//! committed is lost or repeated.

use std::path::Path;

use stream_runtime::error::Error;
use stream_runtime::prelude::*;
use stream_runtime::source::MalformedRow;
use stream_runtime::testing::TestQuery;

#[derive(Schema, Clone, Debug, PartialEq)]
struct Event {
    key: String,
    number: u32,
    ts: Timestamp,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Total {
    window: Window,
    key: String,
    total: u64,
}

stream_query! {
    query Totals(events: Event) -> Total {
        from e in events watermark(e.ts, seconds(10));
        group by window(e.ts, seconds(60)) as w, e.key;
        select Total { window: w, key: e.key, total: sum(e.number) };
        output append;
    }
}

stream_query! {
    query OtherWindows(events: Event) -> Total {
        from e in events watermark(e.ts, seconds(10));
        group by window(e.ts, seconds(30)) as w, e.key;
        select Total { window: w, key: e.key, total: sum(e.number) };
        output append;
    }
}

stream_query! {
    query OtherDelay(events: Event) -> Total {
        from e in events watermark(e.ts, seconds(20));
        group by window(e.ts, seconds(60)) as w, e.key;
        select Total { window: w, key: e.key, total: sum(e.number) };
        output append;
    }
}

stream_query! {
    query Panics(events: Event) -> Total {
        from e in events watermark(e.ts, seconds(10));
        where e.number / (e.number - 7) < 100;
        group by window(e.ts, seconds(60)) as w, e.key;
        select Total { window: w, key: e.key, total: sum(e.number) };
        output append;
    }
}

const GOOD: &str = r#"{"key":"a","number":1,"ts":"2026-01-01T00:00:01Z"}"#;
const LAST: &str = r#"{"key":"z","number":1,"ts":"2026-01-01T00:10:00Z"}"#;

/// Good rows, and between them one of each kind of bad ones.
fn bad_lines() -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = [
        GOOD,
        r#"{"key":"a","number":1,"ts":"2026-01-01T00:0"#,
        r#"{"key":"a","number":"one","ts":"2026-01-01T00:00:01Z"}"#,
        r#"{"key":"a","number":1e999,"ts":"2026-01-01T00:00:01Z"}"#,
        r#"{"key":"a","number":4294967296,"ts":"2026-01-01T00:00:01Z"}"#,
        r#"{"key":"a","number":1,"ts":"yesterday"}"#,
        r#"{"key":"a","number":1}"#,
        r#"{"key":null,"number":1,"ts":"2026-01-01T00:00:01Z"}"#,
        GOOD,
        "[]",
        LAST,
    ]
    .map(|line| line.as_bytes().to_vec())
    .into();
    lines.insert(4, b"{\"key\":\"\xff\",\"number\":1,\"ts\":\"2026-01-01T00:00:01Z\"}".to_vec());
    lines.insert(5, ["[".repeat(100_000), "]".repeat(100_000)].concat().into_bytes());
    lines
}

const BAD: usize = 10;

fn write(directory: &Path, name: &str, lines: &[Vec<u8>]) {
    std::fs::write(directory.join(name), lines.join(&b'\n')).expect("the input can be written");
}

fn window(start: i64) -> Window {
    let start = Timestamp::from_secs(1_767_225_600 + start);
    Window { start, end: start + seconds(60) }
}

#[tokio::test]
async fn a_malformed_row_fails_the_query_with_file_and_line() {
    let directory = tempfile::tempdir().expect("a directory");
    write(directory.path(), "good.jsonl", &[GOOD.as_bytes().to_vec(), LAST.as_bytes().to_vec()]);
    write(directory.path(), "with-bad.jsonl", &bad_lines());
    let (results, sink) = MemorySink::new();
    let query = Totals::query()
        .events(FileSource::json(directory.path()).max_files_per_trigger(1))
        .to(sink)
        .checkpoint(directory.path().join("_checkpoint"))
        .trigger(Trigger::AvailableNow)
        .start()
        .await
        .expect("the query starts");
    let error = query.await_termination().await.expect_err("the second file is bad").to_string();
    for part in ["query `Totals`, batch 1", "with-bad.jsonl:2 (byte 51)", ".on_malformed("] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
    assert_eq!(results.batches().len(), 1, "the first batch is committed, the second isn't");

    // The file is mended in place, with the size that the plan recorded, and the query goes on with batch 1.
    let (results, sink) = MemorySink::new();
    let retry = Totals::query()
        .events(FileSource::json(directory.path()).max_files_per_trigger(1).on_malformed(OnMalformed::Drop))
        .to(sink)
        .checkpoint(directory.path().join("_checkpoint"))
        .trigger(Trigger::AvailableNow)
        .start()
        .await
        .expect("the query starts again");
    retry.await_termination().await.expect("nothing stands in the way now");
    let ids: Vec<u64> = results.batches().iter().map(|batch| batch.id).collect();
    assert_eq!(ids.first(), Some(&1));
    let total: u64 = results.rows().iter().filter(|row| row.key == "a").map(|row| row.total).sum();
    assert_eq!(total, 3, "one good row of the first file, two of the second");
}

#[tokio::test]
async fn malformed_rows_are_dropped_and_counted_or_written_with_where_they_came_from() {
    let directory = tempfile::tempdir().expect("a directory");
    write(directory.path(), "with-bad.jsonl", &bad_lines());
    for workers in [1, 2] {
        let (results, sink) = MemorySink::new();
        let (dead, dead_sink) = MemorySink::<MalformedRow>::new();
        let query = Totals::query()
            .events(FileSource::json(directory.path()).on_malformed(OnMalformed::dead_letter(dead_sink)))
            .to(sink)
            .trigger(Trigger::AvailableNow)
            .workers(workers)
            .start()
            .await
            .expect("the query starts");
        query.await_termination().await.expect("bad rows don't end it");

        assert_eq!(results.rows(), [Total { window: window(0), key: "a".to_owned(), total: 2 }]);
        let metrics = &query.recent_progress()[0].sources[0].metrics;
        assert_eq!(metrics["malformedRows"], BAD.to_string());
        let dead = dead.rows();
        let lines: Vec<u64> = dead.iter().map(|row| row.line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6, 7, 8, 9, 10, 12]);
        for (row, line) in dead.iter().zip(lines) {
            assert_eq!(row.bytes, bad_lines()[line as usize - 1], "the bytes of line {line}");
            assert!(row.source.ends_with("with-bad.jsonl") && !row.reason.is_empty(), "{row:?}");
        }
    }
}

#[tokio::test]
async fn a_checkpoint_of_another_query_is_refused_with_both_clauses() {
    let directory = tempfile::tempdir().expect("a directory");
    let (input, source) = MemorySource::new();
    input.add([Event { key: "a".to_owned(), number: 1, ts: Timestamp::from_secs(1) }]);
    let checkpoint = directory.path().join("checkpoint");
    let (_, sink) = MemorySink::new();
    let query =
        Totals::query().events(source).to(sink).checkpoint(&checkpoint).trigger(Trigger::AvailableNow);
    query.start().await.expect("the query starts").await_termination().await.expect("the query ends");

    let (_, sink) = MemorySink::new();
    let other = OtherWindows::query().events(input.source()).to(sink).checkpoint(&checkpoint).start().await;
    let error = other.expect_err("another window width").to_string();
    for part in ["window(ts, seconds(60))", "window(ts, seconds(30))", "start with a new checkpoint"] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }

    let (_, sink) = MemorySink::new();
    let other = OtherDelay::query().events(input.source()).to(sink).checkpoint(&checkpoint);
    let query = other.trigger(Trigger::AvailableNow).start().await.expect("another delay is compatible");
    query.await_termination().await.expect("the query ends");
}

#[tokio::test]
async fn a_checkpoint_in_use_is_refused_and_free_again_after_stop() {
    let directory = tempfile::tempdir().expect("a directory");
    let checkpoint = directory.path().join("checkpoint");
    let (input, source) = MemorySource::new();
    let start = |source| {
        let (_, sink) = MemorySink::new();
        Totals::query().events(source).to(sink).checkpoint(&checkpoint).start()
    };
    let first = start(source).await.expect("the first starts");
    let error = start(input.source()).await.expect_err("the second finds it in use").to_string();
    assert!(error.contains("checkpoint") && error.contains("another process"), "{error}");
    first.stop().await.expect("the first stops");
    start(input.source()).await.expect("the checkpoint is free").stop().await.expect("it stops");
}

#[tokio::test]
async fn a_panic_in_the_query_ends_it_and_the_batch_runs_again_after_a_restart() {
    let event = |number| Event { key: "a".to_owned(), number, ts: Timestamp::from_secs(1) };
    let mut test =
        TestQuery::open(|source, sink| Panics::query().events(source).to(sink)).await.expect("it opens");
    test.add([event(8)]);
    test.run().await.expect("nothing panics");
    test.add([event(7)]);
    let error = test.run().await.expect_err("a division by zero");
    let Error::Batch { batch_id: 1, source, .. } = &error else { panic!("{error}") };
    assert!(matches!(&**source, Error::Panic { .. }), "{error}");
    let again = test.run().await.expect_err("the same batch runs again");
    assert!(matches!(again, Error::Batch { batch_id: 1, .. }), "{again}");
}

#[tokio::test]
async fn a_clock_that_jumps_back_changes_nothing() {
    let event = |second| Event { key: "a".to_owned(), number: 1, ts: Timestamp::from_secs(second) };
    let mut test =
        TestQuery::open(|source, sink| Totals::query().events(source).to(sink)).await.expect("it opens");
    test.add([event(1)]);
    test.expect([]).await;
    test.clock().set(Timestamp::from_secs(5));
    test.add([event(80)]);
    let window = Window { start: Timestamp::from_secs(0), end: Timestamp::from_secs(60) };
    test.expect([Total { window, key: "a".to_owned(), total: 1 }]).await;
}

#[tokio::test]
async fn a_file_sink_without_a_checkpoint_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let (_, source) = MemorySource::new();
    let sink = stream_runtime::sink::FileSink::json(directory.path());
    let error = Totals::query().events(source).to(sink).start().await.expect_err("no checkpoint").to_string();
    assert!(error.contains(".checkpoint("), "{error}");
}
