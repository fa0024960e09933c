//! [`Progress`]: what a batch did, with the field names of Spark's `StreamingQueryProgress`.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::operator::event_time::EventTimeStats;
use crate::plan::OperatorMetrics;
use crate::source::Offset;
use crate::time::{Duration, Timestamp};

use super::computed::Took;

/// What one batch did. Serializes to the JSON that Spark's `lastProgress` gives.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// The query's id, the same over all restarts.
    pub id: Uuid,
    /// This run's id.
    pub run_id: Uuid,
    /// The query's name.
    pub name: String,
    /// When the trigger fired.
    #[serde(serialize_with = "text")]
    pub timestamp: Timestamp,
    /// The batch's id.
    pub batch_id: u64,
    /// How long the batch took, in ms.
    pub batch_duration: i64,
    /// Rows read from all sources, malformed ones left out.
    pub num_input_rows: u64,
    /// Input rows by the time since the trigger before; absent for the first batch of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_rows_per_second: Option<f64>,
    /// Input rows by the time that the batch took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processed_rows_per_second: Option<f64>,
    /// Milliseconds by phase: `latestOffset`; `walCommit` (making the plan durable), which runs beside `addBatch`
    /// (rows through the operators and into the sinks); `commitOffsets` (state and commit); and
    /// `triggerExecution`, the whole.
    pub duration_ms: BTreeMap<&'static str, i64>,
    /// Event time and watermark; empty, and absent from the JSON, for a query without a watermark.
    #[serde(skip_serializing_if = "EventTimeProgress::is_empty")]
    pub event_time: EventTimeProgress,
    /// The stateful operators.
    pub state_operators: Vec<StateOperatorProgress>,
    /// The sources in the order of the query's inputs.
    pub sources: Vec<SourceProgress>,
    /// The sink; several are named together.
    pub sink: SinkProgress,
    /// The checkpoint's mirror, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror: Option<MirrorProgress>,
}

impl Progress {
    /// The progress as Spark's JSON.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
    }
}

/// What the watermark saw of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EventTimeProgress {
    /// The mean event time of the batch's rows.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_text")]
    pub avg: Option<Timestamp>,
    /// The latest.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_text")]
    pub max: Option<Timestamp>,
    /// The earliest.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_text")]
    pub min: Option<Timestamp>,
    /// The watermark that the batch ran with, not the one that it led to.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_text")]
    pub watermark: Option<Timestamp>,
}

impl EventTimeProgress {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn new(stats: &EventTimeStats, watermark: Option<Timestamp>) -> Self {
        if watermark.is_none() {
            return Self::default();
        }
        let to_millis = |time: Option<Timestamp>| time.map(Timestamp::floor_to_millis);
        Self {
            avg: to_millis(stats.avg()),
            max: to_millis(stats.max()),
            min: to_millis(stats.min()),
            watermark,
        }
    }
}

/// What a batch did to a stateful operator.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StateOperatorProgress {
    /// Spark's name of the operator.
    pub operator_name: &'static str,
    /// Rows (groups) in state after the batch.
    pub num_rows_total: u64,
    /// Groups that the batch touched.
    pub num_rows_updated: u64,
    /// Milliseconds that reading the batch's rows and taking them into the state took.
    pub all_updates_time_ms: i64,
    /// Groups that the batch evicted.
    pub num_rows_removed: u64,
    /// Milliseconds that putting out results and evicting groups took.
    pub all_removals_time_ms: i64,
    /// Milliseconds spent on the commit of the state.
    pub commit_time_ms: i64,
    /// Bytes of the state's tables in memory, without what keys and aggregates own on the heap.
    pub memory_used_bytes: u64,
    /// Groups whose rows came too late: as Spark counts, after aggregating the batch.
    pub num_rows_dropped_by_watermark: u64,
    /// Key groups: the number of parts that state is divided into.
    pub num_shuffle_partitions: u16,
    /// Workers that own a share of the key groups.
    pub num_state_store_instances: usize,
    /// `lateInputRows`, and `maxLatenessMs`: how far the latest of them was behind the watermark;
    /// `numDroppedDuplicateRows` of a deduplication.
    pub custom_metrics: BTreeMap<&'static str, i64>,
}

impl StateOperatorProgress {
    pub(crate) fn new(
        name: &'static str,
        metrics: &OperatorMetrics,
        took: Took,
        commit: Duration,
        workers: usize,
    ) -> Self {
        Self {
            operator_name: name,
            num_rows_total: metrics.rows_total,
            num_rows_updated: metrics.rows_updated,
            all_updates_time_ms: took.updates.as_millis(),
            num_rows_removed: metrics.rows_removed,
            all_removals_time_ms: took.removals.as_millis(),
            commit_time_ms: commit.as_millis(),
            memory_used_bytes: metrics.memory_used_bytes,
            num_rows_dropped_by_watermark: metrics.rows_dropped_by_watermark,
            num_shuffle_partitions: crate::plan::KEY_GROUPS,
            num_state_store_instances: workers,
            custom_metrics: [
                ("lateInputRows", i64::try_from(metrics.late_rows).unwrap_or(i64::MAX)),
                ("maxLatenessMs", Duration::from_micros(metrics.max_lateness_micros).as_millis()),
            ]
            .into_iter()
            .chain(
                metrics
                    .duplicate_rows
                    .map(|rows| ("numDroppedDuplicateRows", i64::try_from(rows).unwrap_or(i64::MAX))),
            )
            .collect(),
        }
    }
}

/// What a batch read from a source.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceProgress {
    /// The source.
    pub description: String,
    /// Where the batch began.
    pub start_offset: Option<Offset>,
    /// Where it ended.
    pub end_offset: Option<Offset>,
    /// The newest offset that the source knew of.
    pub latest_offset: Option<Offset>,
    /// Rows read.
    pub num_input_rows: u64,
    /// Rows by the time since the trigger before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_rows_per_second: Option<f64>,
    /// Rows by the time that the batch took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processed_rows_per_second: Option<f64>,
    /// `malformedRows`: rows that could not be decoded; and what the source itself reports.
    pub metrics: BTreeMap<&'static str, String>,
}

/// What a batch wrote.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SinkProgress {
    /// The sinks.
    pub description: String,
    /// Rows written, to each sink.
    pub num_output_rows: i64,
}

/// How far a checkpoint's mirror has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MirrorProgress {
    /// The last batch that could be restored from it; `None` before the first.
    pub batch_id: Option<u64>,
    /// Uploads that are waiting or under way.
    pub pending_uploads: u64,
    /// Bytes of changes that wait in memory.
    pub pending_bytes: u64,
    /// Why the last upload has failed, if it has, for a mirror that may fall behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// Rows by seconds with one decimal, half up; `None` if no time passed.
pub(crate) fn rate(rows: u64, elapsed: Duration) -> Option<f64> {
    let seconds = elapsed.as_secs_f64();
    (seconds > 0.0).then(|| (rows as f64 / seconds * 10.0).round() / 10.0)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn text<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

#[allow(clippy::ref_option, reason = "serde passes a reference")]
fn some_text<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}

/// What a query is doing right now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryStatus {
    /// In words, as Spark says it.
    pub message: String,
    /// Whether there is data that no batch has taken yet, as far as the source knew at its last batch.
    pub is_data_available: bool,
    /// Whether a batch is running.
    pub is_trigger_active: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::milliseconds;

    #[test]
    fn rates_have_one_decimal_and_never_divide_by_zero() {
        assert_eq!(rate(1_000, milliseconds(1_200)), Some(833.3));
        assert_eq!(rate(5, Duration::ZERO), None);
    }
}
