//! Late rows over restarts and crashes, and what a query with a sink for them refuses.

use stream_runtime::Error;
use stream_runtime::engine::Step;
use stream_runtime::prelude::*;
use stream_runtime::sink::file::committed_files;
use stream_runtime::source::MemoryInput;
use stream_runtime::testing::TestQuery;

use super::{Event, Recorder, events, late_rows, second};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Visit {
    key: u64,
    n: u64,
}

stream_query! {
    query Visits(events: Event) -> Visit {
        from e in events watermark(e.ts, seconds(0)) late into dropped;
        group by session(e.ts, seconds(3)), e.key;
        select Visit { key: e.key, n: count() };
        output append;
    }
}

/// The recorder checks that a batch that runs again has the same late rows; the memory sink takes each batch once.
#[tokio::test]
async fn a_crash_at_any_step_neither_loses_nor_doubles_a_late_row() {
    let batches = events(8, 12);
    // A batch without data follows each one that moves the watermark.
    let with_idle: Vec<_> = batches.iter().flat_map(|rows| [rows.clone(), Vec::new()]).collect();
    let expected = late_rows(&with_idle, |event| second(event).map(|second| second + 3)).concat();
    assert!(expected.len() > 20);
    for (step, workers) in Step::ALL.into_iter().flat_map(|step| [(step, 1), (step, 2)]) {
        let (recorder, (kept, _)) = (Recorder::default(), MemorySink::new());
        let mut recording = TestQuery::open(|source, sink| {
            Visits::query().events(source).dropped(recorder.clone()).to(sink).workers(workers)
        })
        .await
        .expect("it opens");
        let mut keeping = TestQuery::open(|source, sink| {
            Visits::query().events(source).dropped(kept.sink()).to(sink).workers(workers)
        })
        .await
        .expect("it opens");
        for (number, batch) in batches.iter().enumerate() {
            recording.add(batch.clone()).crash_at(step);
            recording.run().await.expect("it runs");
            keeping.add(batch.clone()).crash_at(step);
            keeping.run().await.expect("it runs");
            if number % 3 == 0 {
                recording.restart().await.expect("it opens again");
                keeping.restart().await.expect("it opens again");
            }
        }
        assert_eq!(recorder.batches(usize::MAX).concat(), expected, "{step:?}, {workers} workers");
        assert_eq!(kept.rows(), expected, "{step:?}, {workers} workers");
    }
}

/// As for any other sink that remembers batch ids.
#[tokio::test]
async fn a_sink_of_late_rows_may_need_a_checkpoint() {
    let directory = tempfile::tempdir().expect("there is room");
    let source = MemoryInput::<Event>::default().source();
    let late = FileSink::json(directory.path().join("late"));
    let (_, sink) = MemorySink::new();
    let started = Visits::query().events(source).dropped(late).to(sink).start().await;
    let error = started.map(drop).expect_err("it is refused");
    assert!(
        matches!(&error, Error::InvalidOption { option: "checkpoint", message } if message.contains("late")),
        "{error}"
    );
}

#[tokio::test]
async fn late_rows_in_files_are_committed_with_their_batch() {
    let directory = tempfile::tempdir().expect("a directory");
    let (late, input) = (directory.path().join("late"), MemoryInput::default());
    let event = |number, second| Event {
        key: 1,
        number,
        ts: Some(Timestamp::from_secs(second)),
        note: Some("kept".to_owned()),
    };
    for rows in [vec![event(1, 60)], vec![event(2, 57), event(3, 58)]] {
        input.add(rows);
        let query = Visits::query()
            .events(input.source())
            .dropped(FileSink::json(&late))
            .to(MemorySink::new().1)
            .checkpoint(directory.path().join("checkpoint"))
            .trigger(Trigger::AvailableNow)
            .start()
            .await
            .expect("it starts");
        query.await_termination().await.expect("it ends");
    }
    let files = committed_files(&late).expect("the manifest can be read");
    let text: String = files.iter().map(|file| std::fs::read_to_string(file).expect("a file")).collect();
    let row = r#"{"key":1,"number":2,"ts":"1970-01-01T00:00:57.000Z","note":"kept"}"#;
    assert_eq!(text, format!("{row}\n"));
}
