//! [`Execution`]: the life of a query, a micro-batch at a time.
//!
//! A batch is planned (its end offsets made durable), computed, written to the sinks, and committed (its state
//! changes and the next watermark in one atomic write). Whatever ends the process between two of these, the
//! next run finds a plan without a commit and runs the same batch again, on the state of the batch before.

use std::sync::Arc;

use crate::checkpoint::{BatchPlan, Commit, StateStore};
use crate::error::{Error, Result};
use crate::plan::BatchContext;
use crate::source::{Admission, LogEntry};
use crate::time::{Duration, Timestamp, milliseconds};

use super::clock::Clock;
use super::handle::Shared;
use super::listener::{QueryListener, tell};
use super::panics::guarded;
use super::planning::Planned;
use super::progress::Progress;
use super::reporting::{Finished, Phases};
use super::silence::Silence;
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
    pub(super) silence: Silence,
    /// The batch before the next one, if there is one.
    pub(super) last: Option<BatchPlan>,
    /// A batch that an earlier run planned and did not commit.
    pub(super) pending: Option<BatchPlan>,
    /// When a run that ends by itself began, in ms since the epoch: timers that are due later don't keep it from ending.
    pub(super) wakes_until_ms: Option<i64>,
    /// When the trigger before fired, whether it found data or not, by [`Clock::elapsed`].
    pub(super) last_trigger: Option<Duration>,
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
        // Before the plan is durable: a table that can't be loaded leaves nothing behind.
        self.stages.refresh(&*clock).await?;
        phases.end("latestOffset");
        let has_data = planned.has_data();
        let Planned { plan, fresh, ranges, latest } = planned;
        self.reach(plan.batch, Step::Starting)?;

        self.shared.set_status("Processing new data", has_data, true);
        let context = BatchContext {
            batch: plan.batch,
            late_micros: self.last.as_ref().map_or(0, |last| last.watermark_ms).saturating_mul(1_000),
            evict_micros: plan.watermark_ms.saturating_mul(1_000),
            has_data,
            time: Timestamp::from_millis(plan.time_ms),
            tells_removed: self.stages.keeps_result(),
        };
        // The plan has to be durable before a sink sees a row, not before the rows are computed.
        let durable = self.write_plan(&plan, fresh);
        // A panic is caught here already: the plan's write, which holds the checkpoint, has to end before the query does.
        let computing = guarded(self.stages.compute(context, &ranges, Arc::clone(&clock)));
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

        self.tracker.advance(&computed.report.event_times);
        let commit = Commit {
            batch: plan.batch,
            next_watermark_ms: self.tracker.current_ms(),
            furthest_ms: self.tracker.furthest_ms(),
        };
        let changes = self.stages.settle(self.store.keeps_state()).await?;
        let store = Arc::clone(&self.store);
        blocking(move || store.write_commit(&commit, changes)).await?;
        let committing = phases.end("commitOffsets");
        self.stages.committed(plan.batch);
        self.pending = None;
        self.last = Some(plan.clone());
        self.learn(&computed);
        self.reach(plan.batch, Step::Committed)?;

        self.stages.commit_sources(&ranges).await?;
        self.reach(plan.batch, Step::Finished)?;
        let millis = phases.millis;
        let finished = Finished {
            plan: &plan,
            ranges,
            latest,
            computed: &computed,
            started,
            trigger,
            millis,
            committing,
        };
        let progress = self.progress(finished);
        self.last_trigger = Some(trigger);
        self.shared.push_progress(Arc::clone(&progress));
        self.shared.set_status("Waiting for next trigger", self.stages.caught_up().contains(&false), false);
        tell(&self.listeners, |listener| listener.on_progress(&progress));
        tracing::debug!(query = %self.shared.name, batch = progress.batch_id, rows = progress.num_input_rows, "batch committed");
        Ok(Some(progress))
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
