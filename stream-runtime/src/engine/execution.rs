//! [`Execution`]: the life of a query, a micro-batch at a time.
//!
//! A batch is planned (its end offsets made durable), computed, written to the sinks, and committed (its state
//! changes and the next watermark in one atomic write). Whatever ends the process between two of these, the
//! next run finds a plan without a commit and runs the same batch again, on the state of the batch before.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::checkpoint::{BatchPlan, Commit, StateStore};
use crate::error::{Error, Result};
use crate::mode::Mode;
use crate::plan::BatchContext;
use crate::source::{Admission, LogEntry, Offset};
use crate::time::{Duration, Timestamp, milliseconds};

use super::clock::Clock;
use super::computed::Computed;
use super::handle::Shared;
use super::listener::{QueryListener, tell};
use super::panics::guarded;
use super::progress::{
    EventTimeProgress, Progress, SinkProgress, SourceProgress, StateOperatorProgress, rate,
};
use super::stages::Stages;
use super::step::{Step, StepHook};
use super::watermark::WatermarkTracker;

/// A started query between two batches.
pub(crate) struct Execution {
    pub(super) stages: Box<dyn Stages>,
    pub(super) store: Arc<dyn StateStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) shared: Arc<Shared>,
    pub(super) listeners: Vec<Arc<dyn QueryListener>>,
    pub(super) step: Option<StepHook>,
    pub(super) tracker: WatermarkTracker,
    /// The batch before the next one, if there is one.
    pub(super) last: Option<BatchPlan>,
    /// A batch that an earlier run planned and did not commit.
    pub(super) pending: Option<BatchPlan>,
    /// When the trigger before fired, whether it found data or not, by [`Clock::elapsed`].
    pub(super) last_trigger: Option<Duration>,
}

/// A batch that is about to run.
struct Planned {
    plan: BatchPlan,
    /// Source-log entries that go with the plan; nothing is written for a batch that runs again.
    fresh: Option<Vec<(usize, LogEntry)>>,
    /// The rows after the first up to the second offset; `None` if no source has anything new.
    range: Option<(Option<Offset>, Offset)>,
}

/// Measures the phases of a batch.
struct Phases<'a> {
    clock: &'a dyn Clock,
    since: Duration,
    millis: BTreeMap<&'static str, i64>,
}

impl<'a> Phases<'a> {
    fn new(clock: &'a dyn Clock) -> Self {
        Self { clock, since: clock.elapsed(), millis: BTreeMap::new() }
    }

    /// The phase that ends now takes the time since the last one ended.
    fn end(&mut self, phase: &'static str) -> Duration {
        let now = self.clock.elapsed();
        let took = now - self.since;
        *self.millis.entry(phase).or_default() += took.as_millis();
        self.since = now;
        took
    }
}

impl Execution {
    /// Runs the next batch, if there is anything to do.
    ///
    /// # Errors
    /// [`Error::Batch`] with the batch's id. The checkpoint stays as the batch before left it.
    pub(crate) async fn run_next(&mut self, admission: Admission) -> Result<Option<Arc<Progress>>> {
        let batch_id = self.next_id();
        guarded(self.try_run_next(admission)).await.map_err(|error| Error::Batch {
            query: self.shared.name.clone(),
            batch_id,
            source: Arc::new(error),
        })
    }

    fn next_id(&self) -> u64 {
        match (&self.pending, &self.last) {
            (Some(pending), _) => pending.batch,
            (None, Some(last)) => last.batch + 1,
            (None, None) => 0,
        }
    }

    async fn try_run_next(&mut self, admission: Admission) -> Result<Option<Arc<Progress>>> {
        let started = self.clock.now();
        let clock = Arc::clone(&self.clock);
        let mut phases = Phases::new(&*clock);
        let trigger = phases.since;

        self.shared.set_status("Getting offsets from sources", false, true);
        let Some(planned) = self.plan(admission, started).await? else {
            self.shared.set_status("Waiting for data to arrive", false, false);
            self.last_trigger = Some(trigger);
            return Ok(None);
        };
        phases.end("latestOffset");
        let Planned { plan, fresh, range } = planned;
        self.reach(plan.batch, Step::Starting)?;

        self.shared.set_status("Processing new data", range.is_some(), true);
        let context = BatchContext {
            batch: plan.batch,
            late_micros: self.last.as_ref().map_or(0, |last| last.watermark_ms).saturating_mul(1_000),
            evict_micros: plan.watermark_ms.saturating_mul(1_000),
            has_data: range.is_some(),
            time: Timestamp::from_millis(plan.time_ms),
        };
        // The plan has to be durable before a sink sees a row, not before the rows are computed.
        let durable = self.write_plan(&plan, fresh);
        // A panic is caught here already: the plan's write, which holds the checkpoint, has to end before the query does.
        let computing =
            guarded(self.stages.compute(context, range.clone(), context.time, Arc::clone(&clock)));
        let (durable, computed) = tokio::join!(durable, computing);
        let durable = durable?;
        self.reach(plan.batch, Step::Planned)?;
        let computed = computed?;
        self.reach(plan.batch, Step::Computed)?;

        let watermark = self.tracker.instant(plan.watermark_ms);
        self.stages.write(plan.batch, watermark).await?;
        self.reach(plan.batch, Step::Written)?;
        phases.end("addBatch");
        phases.millis.insert("walCommit", durable.as_millis());

        self.tracker.advance(&computed.event_time);
        let commit = Commit { batch: plan.batch, next_watermark_ms: self.tracker.current_ms() };
        let changes = self.stages.settle(self.store.keeps_state()).await?;
        let store = Arc::clone(&self.store);
        blocking(move || store.write_commit(&commit, changes)).await?;
        let committing = phases.end("commitOffsets");
        self.pending = None;
        self.last = Some(plan.clone());
        self.reach(plan.batch, Step::Committed)?;

        if let Some((_, end)) = &range {
            self.stages.commit_source(end).await?;
        }
        self.reach(plan.batch, Step::Finished)?;
        let progress = self.progress(&plan, started, trigger, &phases, range, &computed, committing);
        self.last_trigger = Some(trigger);
        self.shared.push_progress(Arc::clone(&progress));
        self.shared.set_status("Waiting for next trigger", !self.stages.is_caught_up(), false);
        tell(&self.listeners, |listener| listener.on_progress(&progress));
        tracing::debug!(query = %self.shared.name, batch = progress.batch_id, rows = progress.num_input_rows, "batch committed");
        Ok(Some(progress))
    }

    /// Decides on the next batch: the one that was left unfinished, one with new rows, or one without rows that
    /// only lets the watermark take effect.
    async fn plan(&mut self, admission: Admission, now: Timestamp) -> Result<Option<Planned>> {
        let start = self.last.as_ref().and_then(|last| last.ends.first().cloned().flatten());
        if let Some(plan) = self.pending.clone() {
            let end = plan.ends.first().cloned().flatten();
            let range = end.filter(|end| Some(end) != start.as_ref()).map(|end| (start, end));
            return Ok(Some(Planned { plan, fresh: None, range }));
        }
        let advance = self.stages.latest_offset(start.as_ref(), admission).await?;
        let advance = advance.filter(|advance| Some(&advance.end) != start.as_ref());
        // The clock may jump back; the time of a batch doesn't.
        let time_ms = self.last.as_ref().map_or(i64::MIN, |last| last.time_ms).max(now.as_millis());
        if advance.is_none() && !self.wants_batch_without_data(time_ms) {
            return Ok(None);
        }
        let (range, logs) = match advance {
            Some(advance) => {
                let log = advance.log.map(|entry| (0, entry));
                (Some((start.clone(), advance.end)), log.into_iter().collect())
            }
            None => (None, Vec::new()),
        };
        let end = range.as_ref().map(|(_, end)| end.clone()).or(start);
        let plan = BatchPlan {
            batch: self.next_id(),
            ends: vec![end],
            watermark_ms: self.tracker.current_ms(),
            time_ms,
        };
        Ok(Some(Planned { plan, fresh: Some(logs), range }))
    }

    /// Whether the watermark has moved since the last batch ran and an operator waits for it (Spark's no-data
    /// micro-batch), or one asks to be woken up. Unlike in Spark this also holds right after a restart.
    fn wants_batch_without_data(&self, time_ms: i64) -> bool {
        if self.stages.wake_at().is_some_and(|at| at <= Timestamp::from_millis(time_ms)) {
            return true;
        }
        let info = self.stages.info();
        // A deduplication forgets keys in every mode; a complete result doesn't change with the watermark.
        let waits =
            info.operators.iter().any(|operator| info.mode != Mode::Complete || operator.is_deduplication());
        waits && self.last.as_ref().is_some_and(|last| self.tracker.current_ms() > last.watermark_ms)
    }

    /// Makes the plan durable; gives the time that this took.
    fn write_plan(
        &self,
        plan: &BatchPlan,
        fresh: Option<Vec<(usize, LogEntry)>>,
    ) -> impl Future<Output = Result<Duration>> + Send + 'static {
        let store = Arc::clone(&self.store);
        let clock = Arc::clone(&self.clock);
        let plan = plan.clone();
        async move {
            let started = clock.elapsed();
            if let Some(logs) = fresh {
                blocking(move || store.write_plan(&plan, &logs)).await?;
            }
            Ok(clock.elapsed() - started)
        }
    }

    fn reach(&self, batch: u64, step: Step) -> Result<()> {
        match &self.step {
            Some(hook) if !hook(batch, step) => Err(Error::Crashed { step }),
            _ => Ok(()),
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn progress(
        &self,
        plan: &BatchPlan,
        started: Timestamp,
        trigger: Duration,
        phases: &Phases<'_>,
        range: Option<(Option<Offset>, Offset)>,
        computed: &Computed,
        committing: Duration,
    ) -> Arc<Progress> {
        let took = self.clock.elapsed() - trigger;
        let rows = computed.input_rows;
        let since_last = self.last_trigger.map(|last| trigger - last);
        let input_rate = since_last.and_then(|elapsed| rate(rows, elapsed));
        let processed_rate = rate(rows, took);
        let mut duration_ms = phases.millis.clone();
        duration_ms.insert("triggerExecution", took.as_millis());
        let operators = self.stages.info().operators.iter().zip(&computed.operators);
        let (start_offset, end_offset) = match range {
            Some((start, end)) => (start, Some(end)),
            None => (plan.ends.first().cloned().flatten(), plan.ends.first().cloned().flatten()),
        };
        Arc::new(Progress {
            id: self.shared.id,
            run_id: self.shared.run_id,
            name: self.shared.name.clone(),
            timestamp: started.floor_to_millis(),
            batch_id: plan.batch,
            batch_duration: took.as_millis(),
            num_input_rows: rows,
            input_rows_per_second: input_rate,
            processed_rows_per_second: processed_rate,
            duration_ms,
            event_time: EventTimeProgress::new(&computed.event_time, self.tracker.instant(plan.watermark_ms)),
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
            sources: vec![SourceProgress {
                description: self.stages.source_description(),
                start_offset,
                latest_offset: end_offset.clone(),
                end_offset,
                num_input_rows: rows,
                input_rows_per_second: input_rate,
                processed_rows_per_second: processed_rate,
                metrics: BTreeMap::from([("malformedRows", computed.malformed_rows.to_string())]),
            }],
            sink: SinkProgress {
                description: self.stages.sink_description(),
                num_output_rows: i64::try_from(computed.output_rows).unwrap_or(i64::MAX),
            },
        })
    }
}

/// How often a query without a processing-time trigger looks for data (Spark's `pollingDelay`).
pub(super) const POLLING_DELAY: Duration = milliseconds(10);

/// Lets go of what may block while it is dropped: a checkpoint finishes its fold and is closed, and state may be large.
pub(super) async fn release(held: impl Send + 'static) {
    // If the runtime shuts down it is dropped at once, by whoever drops the runtime.
    let _ = tokio::task::spawn_blocking(move || drop(held)).await;
}

/// Runs blocking work of the checkpoint off tokio's worker threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::Other(format!("the checkpoint's thread ended early: {error}").into())),
    }
}
