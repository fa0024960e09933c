//! Several sinks in one commit, dead letters beside them, and the bytes of a file sink.

use std::path::Path;
use std::sync::Arc;

use stream_runtime::engine::Step;
use stream_runtime::prelude::*;
use stream_runtime::sink::file::committed_files;
use stream_runtime::source::MemoryInput;

use super::doubles::{Call, Disturbance, Trouble, TroubledSink};
use super::{Event, Numbers, Stats, event, numbers};

/// The committed files' text, in order.
fn output(directory: &Path) -> String {
    let files = committed_files(directory).expect("the manifest can be read");
    files.iter().map(|file| std::fs::read_to_string(file).expect("a committed file")).collect()
}

#[tokio::test]
async fn a_sink_that_has_the_batch_already_ignores_the_replay_that_another_sink_needs() {
    for call in [Call::BeforeWriting, Call::AfterWriting] {
        let directory = tempfile::tempdir().expect("a directory");
        let input = MemoryInput::default();
        for number in 1..=3 {
            input.add([event(number, 0)]);
        }
        let trouble = Trouble::at(call, 1, Disturbance::Error);
        let (first, _) = MemorySink::new();
        let (troubled, _) = MemorySink::new();
        let start = || {
            Numbers::query()
                .events(input.source().max_chunks_per_trigger(1))
                .to(first.sink())
                .to(FileSink::json(directory.path().join("out")))
                .to(TroubledSink { sink: troubled.sink(), trouble: trouble.clone() })
                .checkpoint(directory.path().join("checkpoint"))
                .trigger(Trigger::AvailableNow)
                .start()
        };
        let query = start().await.expect("the query starts");
        query.await_termination().await.expect_err("the third sink fails in batch 1");
        assert_eq!(numbers(&first.rows()), [1, 2], "the sinks before it have the batch");

        let query = start().await.expect("the query starts again");
        query.await_termination().await.expect("it ends");
        assert_eq!(query.recent_progress()[0].batch_id, 1, "the batch runs again");
        assert_eq!(numbers(&first.rows()), [1, 2, 3]);
        assert_eq!(numbers(&troubled.rows()), [1, 2, 3]);
        assert_eq!(output(&directory.path().join("out")), "{\"number\":1}\n{\"number\":2}\n{\"number\":3}\n");
        let sinks = query.recent_progress()[0].sink.description.clone();
        assert!(sinks.starts_with("MemorySink, FileSink[") && sinks.ends_with("], TroubledSink"), "{sinks}");
    }
}

/// A file of rows whose keys and numbers are in no order, cut small enough for seven workers to have one part each.
fn write_rows(directory: &Path) {
    std::fs::create_dir_all(directory).expect("a directory for the input");
    for file in 0..3_u64 {
        let lines: Vec<String> = (0..4_000_u64)
            .map(|row| {
                let mixed = (file * 4_000 + row).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
                let second = file * 60 + mixed % 97;
                let (minute, second) = (second / 60, second % 60);
                let key = mixed % 53;
                format!(
                    "{{\"key\":\"k{key}\",\"number\":{},\"ts\":\"2026-01-01T00:{minute:02}:{second:02}Z\"}}",
                    mixed % 1_000
                )
            })
            .collect();
        std::fs::write(directory.join(format!("part-{file}.jsonl")), lines.join("\n"))
            .expect("the input can be written");
    }
}

#[tokio::test]
async fn any_number_of_workers_writes_the_same_bytes() {
    let directory = tempfile::tempdir().expect("a directory");
    let input = directory.path().join("in");
    write_rows(&input);
    let mut outputs = Vec::new();
    for workers in [1, 2, 7] {
        let out = directory.path().join(format!("out-{workers}"));
        let query = Stats::query()
            .events(FileSource::json(&input).max_files_per_trigger(1))
            .to(FileSink::json(&out))
            .checkpoint(directory.path().join(format!("checkpoint-{workers}")))
            .trigger(Trigger::AvailableNow)
            .workers(workers)
            .start()
            .await
            .expect("the query starts");
        query.await_termination().await.expect("it ends");
        outputs.push(output(&out));
    }
    assert!(outputs[0].lines().count() > 200, "{} rows", outputs[0].lines().count());
    assert!(outputs[0] == outputs[1], "2 workers");
    assert!(outputs[0] == outputs[2], "7 workers");
}

#[tokio::test]
async fn dead_letters_are_in_the_batch_that_met_them_once_also_after_a_crash() {
    let lines =
        ["{\"key\":\"a\",\"number\":1,\"ts\":\"2026-01-01T00:00:00Z\"}", "{\"key\":\"a\"", "", "nonsense"];
    for step in Step::ALL {
        let directory = tempfile::tempdir().expect("a directory");
        let input = directory.path().join("in");
        std::fs::create_dir_all(&input).expect("a directory for the input");
        for file in ["1.jsonl", "2.jsonl"] {
            std::fs::write(input.join(file), lines.join("\n")).expect("the input can be written");
        }
        let start = |crash: Option<Step>| {
            let dead = FileSink::json(directory.path().join("dead"));
            Numbers::query()
                .events(
                    FileSource::json(&input)
                        .max_files_per_trigger(1)
                        .on_malformed(OnMalformed::dead_letter(dead)),
                )
                .to(FileSink::json(directory.path().join("out")))
                .checkpoint(directory.path().join("checkpoint"))
                .trigger(Trigger::AvailableNow)
                .at_step(Arc::new(move |batch, step| batch != 1 || Some(step) != crash))
                .start()
        };
        let query = start(Some(step)).await.expect("the query starts");
        query.await_termination().await.expect_err("it crashes in batch 1");
        let query = start(None).await.expect("the query starts again");
        query.await_termination().await.expect("it ends");

        assert_eq!(output(&directory.path().join("out")), "{\"number\":1}\n{\"number\":1}\n", "{step:?}");
        let dead = output(&directory.path().join("dead"));
        let dead: Vec<serde_json::Value> =
            dead.lines().map(|line| serde_json::from_str(line).expect("a dead letter is JSON")).collect();
        let met: Vec<_> = dead
            .iter()
            .map(|row| {
                let source = row["source"].as_str().expect("a file");
                (source.ends_with("1.jsonl"), row["line"].as_u64().expect("a line"))
            })
            .collect();
        assert_eq!(met, [(true, 2), (true, 4), (false, 2), (false, 4)], "{step:?}");
    }
}

#[tokio::test]
async fn dead_letters_to_files_need_a_checkpoint_like_results_to_files() {
    let directory = tempfile::tempdir().expect("a directory");
    let source = MemoryInput::<Event>::default().source();
    let dead = OnMalformed::dead_letter(FileSink::json(directory.path()));
    let (_, sink) = MemorySink::new();
    let error = Numbers::query().events(source.on_malformed(dead)).to(sink).start().await;
    let error = error.expect_err("no checkpoint").to_string();
    assert!(error.contains(".checkpoint("), "{error}");
}

#[tokio::test]
async fn a_query_without_a_sink_or_without_workers_is_refused() {
    let source = || MemoryInput::<Event>::default().source();
    let error = Numbers::query().events(source()).start().await.expect_err("no sink").to_string();
    assert!(error.contains("query `Numbers` has no sink") && error.contains(".to("), "{error}");
    let (_, sink) = MemorySink::new();
    let error = Numbers::query().events(source()).to(sink).workers(0).start().await.expect_err("no workers");
    assert!(error.to_string().contains("`workers`"), "{error}");
}
