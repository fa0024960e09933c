//! The progress of a batch as Spark's JSON: docs/semantics.md §17, on a clock that only the sink moves.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use stream_runtime::engine::Clock;
use stream_runtime::prelude::*;

use super::doubles::{GatedSink, WatchedClock, open_gate};
use super::{Numbers, Stats, at, event};

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn set<const N: usize>(keys: [&'static str; N]) -> BTreeSet<&'static str> {
    BTreeSet::from(keys)
}

/// The progress of three batches of an aggregation, each of which takes its sink two seconds from 1970-01-01T00:20:00Z on.
async fn progress() -> Vec<Value> {
    let clock = WatchedClock::new(at(1_200));
    let (input, source) = MemorySource::new();
    input.add([event(1, 100), event(2, 101), event(3, 103)]);
    input.add([event(4, 150), event(5, 30)]);
    let (_, sink) = MemorySink::new();
    let slow = Arc::clone(&clock);
    let reached = move |batch| slow.set(at(1_202 + 2 * i64::try_from(batch).expect("few batches")));
    let query = Stats::query()
        .events(source.max_chunks_per_trigger(1))
        .to(GatedSink { sink, gate: open_gate(), reached })
        .trigger(Trigger::AvailableNow)
        .clock(Arc::clone(&clock) as Arc<dyn Clock>)
        .workers(2)
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect("it ends");
    let progress = query.recent_progress();
    let parsed = progress.iter().map(|batch| serde_json::from_str(&batch.json()).expect("it is JSON"));
    parsed.collect()
}

#[tokio::test]
async fn the_json_has_the_fields_of_spark() {
    let progress = progress().await;
    let batch = &progress[1];
    let top = set([
        "id",
        "runId",
        "name",
        "timestamp",
        "batchId",
        "batchDuration",
        "numInputRows",
        "inputRowsPerSecond",
        "processedRowsPerSecond",
        "durationMs",
        "eventTime",
        "stateOperators",
        "sources",
        "sink",
    ]);
    assert_eq!(keys(batch), top);
    let durations = set(["triggerExecution", "latestOffset", "walCommit", "addBatch", "commitOffsets"]);
    assert_eq!(keys(&batch["durationMs"]), durations);
    assert_eq!(keys(&batch["eventTime"]), set(["max", "min", "avg", "watermark"]));
    let operator = set([
        "operatorName",
        "numRowsTotal",
        "numRowsUpdated",
        "allUpdatesTimeMs",
        "numRowsRemoved",
        "allRemovalsTimeMs",
        "commitTimeMs",
        "memoryUsedBytes",
        "numRowsDroppedByWatermark",
        "numShufflePartitions",
        "numStateStoreInstances",
        "customMetrics",
    ]);
    assert_eq!(keys(&batch["stateOperators"][0]), operator);
    let source = set([
        "description",
        "startOffset",
        "endOffset",
        "latestOffset",
        "numInputRows",
        "inputRowsPerSecond",
        "processedRowsPerSecond",
        "metrics",
    ]);
    assert_eq!(keys(&batch["sources"][0]), source);
    assert_eq!(keys(&batch["sink"]), set(["description", "numOutputRows"]));
}

#[tokio::test]
async fn the_numbers_are_those_of_the_batch() {
    let progress = progress().await;
    let [first, second, third] = &progress[..] else { panic!("{} batches", progress.len()) };
    assert_eq!(first["timestamp"], "1970-01-01T00:20:00.000Z");
    assert_eq!(second["timestamp"], "1970-01-01T00:20:02.000Z");
    assert_eq!(first["id"], second["id"]);
    assert_eq!([&first["batchId"], &second["batchId"], &third["batchId"]], [0, 1, 2]);
    assert_eq!(first["batchDuration"], 2_000);
    assert_eq!(first["durationMs"]["addBatch"], 2_000);
    assert_eq!(first["durationMs"]["triggerExecution"], 2_000);
    assert_eq!(first["durationMs"]["commitOffsets"], 0);
    // 3 rows in 2 s; the first trigger has none before it.
    assert_eq!(first["processedRowsPerSecond"], 1.5);
    assert_eq!(first.get("inputRowsPerSecond"), None);
    assert_eq!(second["inputRowsPerSecond"], 1.0);
    assert_eq!(second["sources"][0]["inputRowsPerSecond"], 1.0);

    let times = json!({
        "min": "1970-01-01T00:01:40.000Z", "avg": "1970-01-01T00:01:41.333Z", "max": "1970-01-01T00:01:43.000Z",
        "watermark": "1970-01-01T00:00:00.000Z",
    });
    assert_eq!(first["eventTime"], times);
    assert_eq!(second["eventTime"]["watermark"], "1970-01-01T00:01:33.000Z");
    assert_eq!(keys(&third["eventTime"]), set(["watermark"]), "no data");
    assert_eq!(third["eventTime"]["watermark"], "1970-01-01T00:02:20.000Z");

    // Late is what an earlier batch closed, and batch 0 closed nothing: the row of 30 s comes, and its window goes.
    let operator = |batch: &Value| {
        let operator = &batch["stateOperators"][0];
        ["numRowsTotal", "numRowsUpdated", "numRowsRemoved", "numRowsDroppedByWatermark"]
            .map(|field| operator[field].as_u64().expect("a count"))
    };
    assert_eq!(operator(first), [1, 1, 0, 0]);
    assert_eq!(operator(second), [2, 2, 1, 0]);
    assert_eq!(operator(third), [1, 0, 1, 0]);
    let operator = &first["stateOperators"][0];
    assert_eq!(
        (&operator["operatorName"], &operator["numStateStoreInstances"]),
        (&json!("stateStoreSave"), &json!(2))
    );
    assert_eq!(operator["customMetrics"], json!({"lateInputRows": 0, "maxLatenessMs": 0}));

    assert_eq!(
        [&first["sources"][0]["startOffset"], &first["sources"][0]["endOffset"]],
        [&Value::Null, &json!(1)]
    );
    assert_eq!([&second["sources"][0]["startOffset"], &second["sources"][0]["endOffset"]], [1, 2]);
    assert_eq!([&third["sources"][0]["startOffset"], &third["sources"][0]["endOffset"]], [2, 2]);
    assert_eq!(first["sources"][0]["description"], "MemorySource");
    assert_eq!(first["sink"], json!({"description": "GatedSink", "numOutputRows": 0}));
    assert_eq!(second["sink"]["numOutputRows"], 1);
}

/// docs/semantics.md 17.6: empty maps and rates without time are left out.
#[tokio::test]
async fn a_query_without_watermark_and_groups_has_neither_event_time_nor_operators() {
    let (input, source) = MemorySource::new();
    input.add([event(1, 1)]);
    let (_, sink) = MemorySink::new();
    let query = Numbers::query()
        .events(source)
        .to(sink)
        .trigger(Trigger::AvailableNow)
        .clock(WatchedClock::new(at(0)) as Arc<dyn Clock>)
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect("it ends");
    let batch: Value =
        serde_json::from_str(&query.last_progress().expect("a batch ran").json()).expect("JSON");
    assert_eq!(batch.get("eventTime"), None);
    assert_eq!(batch["stateOperators"], json!([]));
    assert_eq!((batch.get("processedRowsPerSecond"), batch.get("inputRowsPerSecond")), (None, None));
}
