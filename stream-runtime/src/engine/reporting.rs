//! The progress of a batch, put together from what its phases have learnt.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::checkpoint::BatchPlan;
use crate::operator::event_time::EventTimeStats;
use crate::source::Offset;
use crate::time::{Duration, Timestamp};

use super::clock::Clock;
use super::computed::Computed;
use super::execution::Execution;
use super::planning::ends;
use super::progress::{
    EventTimeProgress, Progress, SinkProgress, SourceProgress, StateOperatorProgress, rate,
};
use super::stages::Range;

/// Measures the phases of a batch.
pub(super) struct Phases<'a> {
    clock: &'a dyn Clock,
    pub(super) since: Duration,
    pub(super) millis: BTreeMap<&'static str, i64>,
}

impl<'a> Phases<'a> {
    pub(super) fn new(clock: &'a dyn Clock) -> Self {
        Self { clock, since: clock.elapsed(), millis: BTreeMap::new() }
    }

    /// The phase that ends now takes the time since the last one ended.
    pub(super) fn end(&mut self, phase: &'static str) -> Duration {
        let now = self.clock.elapsed();
        let took = now - self.since;
        *self.millis.entry(phase).or_default() += took.as_millis();
        self.since = now;
        took
    }
}

/// A batch that has been committed.
pub(super) struct Finished<'a> {
    pub(super) plan: &'a BatchPlan,
    pub(super) ranges: Vec<Option<Range>>,
    /// The newest offset that each source knew of.
    pub(super) latest: Vec<Option<Offset>>,
    pub(super) computed: &'a Computed,
    /// When its trigger fired, by the time of day and by [`Clock::elapsed`].
    pub(super) started: Timestamp,
    pub(super) trigger: Duration,
    pub(super) millis: BTreeMap<&'static str, i64>,
    pub(super) committing: Duration,
}

impl Execution {
    pub(super) fn progress(&self, batch: Finished<'_>) -> Arc<Progress> {
        let Finished { plan, ranges, latest, computed, started, trigger, millis, committing } = batch;
        let took = self.clock.elapsed() - trigger;
        let since_last = self.last_trigger.map(|last| trigger - last);
        let input_rate = |rows| since_last.and_then(|elapsed| rate(rows, elapsed));
        let rows = computed.input_rows();
        let mut duration_ms = millis;
        duration_ms.insert("triggerExecution", took.as_millis());
        let operators = self.stages.info().all_operators().into_iter().zip(&computed.report.operators);
        let offsets = ends(Some(plan), ranges.len()).into_iter().zip(ranges).zip(latest);
        let sources = offsets.zip(&computed.inputs);
        Arc::new(Progress {
            id: self.shared.id,
            run_id: self.shared.run_id,
            name: self.shared.name.clone(),
            timestamp: started.floor_to_millis(),
            batch_id: plan.batch,
            batch_duration: took.as_millis(),
            num_input_rows: rows,
            input_rows_per_second: input_rate(rows),
            processed_rows_per_second: rate(rows, took),
            duration_ms,
            event_time: EventTimeProgress::new(
                &self.event_times(computed),
                self.tracker.instant(plan.watermark_ms),
            ),
            state_operators: operators
                .map(|(info, metrics)| {
                    StateOperatorProgress::new(
                        info.name,
                        metrics,
                        computed.took,
                        committing,
                        self.stages.workers(),
                    )
                })
                .collect(),
            sources: sources
                .enumerate()
                .map(|(source, (((end, range), latest), input))| SourceProgress {
                    metrics: self
                        .stages
                        .source_metrics(source, end.as_ref())
                        .into_iter()
                        .chain([("malformedRows", input.malformed.to_string())])
                        .collect(),
                    description: self.stages.source_description(source),
                    // A source without anything new stays where it is.
                    start_offset: range.map_or_else(|| end.clone(), |(start, _)| start),
                    latest_offset: latest.or_else(|| end.clone()),
                    end_offset: end,
                    num_input_rows: input.rows,
                    input_rows_per_second: input_rate(input.rows),
                    processed_rows_per_second: rate(input.rows, took),
                })
                .collect(),
            sink: SinkProgress {
                description: self.stages.sink_description(),
                num_output_rows: i64::try_from(computed.output_rows).unwrap_or(i64::MAX),
            },
            mirror: self.store.mirror(),
        })
    }

    /// What the batch says of event time: of several inputs with a watermark Spark reports the first one in the plan that had rows.
    fn event_times(&self, computed: &Computed) -> EventTimeStats {
        let seen = &computed.report.event_times;
        let mut inputs = self.stages.watermarked_inputs().into_iter().filter_map(|input| seen.get(input));
        inputs.find(|seen| seen.max().is_some()).copied().unwrap_or_default()
    }
}
