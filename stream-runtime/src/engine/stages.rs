//! [`Stages`]: a query's source, operators and sinks behind one dynamic call a phase.
//!
//! The engine's control loop is the same machine code for every query. What depends on the query's types is
//! here, in [`TypedStages`], and calls into it happen a few times a batch.

use std::sync::Arc;

use async_trait::async_trait;

use crate::checkpoint::StateStore;
use crate::error::{Error, Result};
use crate::plan::{
    BatchContext, Emitted, OperatorChanges, OutputMode, Plan, PlanInfo, Rejects, WorkerContext,
};
use crate::sink::erased::AnySink;
use crate::sink::{SinkBatch, SinkContext};
use crate::source::{
    Admission, Advance, Chunk, MalformedRow, Offset, OnMalformed, Rows, Source, SourceContext, Split,
};
use crate::time::Timestamp;

use super::clock::Clock;
use super::computed::{Computed, Took};
use super::shares::{share_out, transpose};
use super::workers::WorkerPool;

/// The phases of a batch, as the control loop calls them.
#[async_trait]
pub(crate) trait Stages: Send {
    fn info(&self) -> &PlanInfo;
    fn state_types(&self) -> Vec<String>;
    fn workers(&self) -> usize;
    fn source_description(&self) -> String;
    fn sink_description(&self) -> String;
    fn sink_that_needs_checkpoint(&self) -> Option<String>;
    fn writes_to_terminal(&self) -> bool;

    async fn open_source(&mut self, context: SourceContext) -> Result<()>;
    async fn prepare_available_now(&mut self) -> Result<()>;
    async fn latest_offset(
        &mut self,
        start: Option<&Offset>,
        admission: Admission,
    ) -> Result<Option<Advance>>;
    fn is_caught_up(&self) -> bool;
    async fn arrival(&mut self);
    async fn commit_source(&mut self, end: &Offset) -> Result<()>;

    async fn open_sinks(&mut self, context: SinkContext) -> Result<()>;
    async fn restore(&mut self, seed: u64, store: Arc<dyn StateStore>) -> Result<()>;

    /// Runs the rows after `range.0` up to `range.1` through the operators; `None` for a batch without rows.
    async fn compute(
        &mut self,
        batch: BatchContext,
        range: Option<(Option<Offset>, Offset)>,
        time: Timestamp,
        clock: Arc<dyn Clock>,
    ) -> Result<Computed>;
    async fn write(&mut self, batch: u64, watermark: Option<Timestamp>) -> Result<()>;
    async fn settle(&mut self, keep: bool) -> Result<Vec<OperatorChanges>>;
    /// When a batch has to run though there may be no rows for it.
    fn wake_at(&self) -> Option<Timestamp>;
    async fn close(&mut self) -> Result<()>;
}

/// The stages of a plan.
pub(crate) struct TypedStages<P: Plan> {
    plan: Arc<P>,
    source: Box<dyn Source<P::Row>>,
    on_malformed: OnMalformed,
    sinks: Vec<Box<dyn AnySink<P::Output>>>,
    pool: WorkerPool,
    /// Empty while a task on the pool has them.
    workers: Vec<P::Worker>,
    output: Vec<P::Output>,
    malformed: Vec<MalformedRow>,
    wake_at: Option<Timestamp>,
}

impl<P: Plan> TypedStages<P> {
    pub(crate) fn new(
        plan: P,
        mut source: Box<dyn Source<P::Row>>,
        sinks: Vec<Box<dyn AnySink<P::Output>>>,
        pool: WorkerPool,
    ) -> Self {
        Self {
            plan: Arc::new(plan),
            on_malformed: source.take_policy(),
            source,
            sinks,
            pool,
            workers: Vec::new(),
            output: Vec::new(),
            malformed: Vec::new(),
            wake_at: None,
        }
    }

    /// Gives all workers to `work` on the pool's first thread, and takes them back.
    async fn with_workers<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&P, &mut Vec<P::Worker>) -> T + Send + 'static,
    ) -> Result<T> {
        let plan = Arc::clone(&self.plan);
        let mut workers = std::mem::take(&mut self.workers);
        let (workers, result) = self
            .pool
            .run_one(move || {
                let result = work(&plan, &mut workers);
                (workers, result)
            })
            .await?;
        self.workers = workers;
        Ok(result)
    }

    /// Reads the splits on all workers at once and runs the row function over them.
    async fn feed(
        &mut self,
        batch: BatchContext,
        splits: Vec<Box<dyn Split<P::Row>>>,
        time: Timestamp,
    ) -> Result<Computed> {
        let shares = share_out(splits, self.workers.len());
        let policy = &self.on_malformed;
        let tasks = std::mem::take(&mut self.workers).into_iter().zip(shares).map(|(mut worker, splits)| {
            let plan = Arc::clone(&self.plan);
            let mut rejects = Rejects::new(policy, time);
            move || {
                plan.begin(&mut worker, &batch);
                let mut feed = Feed { plan: &*plan, worker: &mut worker, rejects: &mut rejects };
                let result = splits.into_iter().try_for_each(|mut split| split.read(&mut feed));
                (worker, rejects, result)
            }
        });
        let mut computed = Computed::default();
        for (worker, rejects, result) in self.pool.run(tasks.collect::<Vec<_>>()).await? {
            result?;
            self.workers.push(worker);
            computed.input_rows += rejects.rows;
            computed.malformed_rows += rejects.malformed;
            self.malformed.extend(rejects.kept);
        }
        Ok(computed)
    }

    /// Brings rows to the owners of their keys, who apply them in input order, as often as the plan's operators want
    /// that.
    async fn route(&mut self) -> Result<()> {
        let count = self.workers.len();
        let passes = if count > 1 { self.plan.passes() } else { 0 };
        for pass in 1..=passes {
            let routed = self.workers.iter_mut().map(|worker| self.plan.routed(worker)).collect();
            let parts = transpose(routed, count);
            let tasks =
                std::mem::take(&mut self.workers).into_iter().zip(parts).map(|(mut worker, parts)| {
                    let plan = Arc::clone(&self.plan);
                    move || {
                        let applied = plan.apply(&mut worker, pass, parts);
                        (worker, applied)
                    }
                });
            for (worker, applied) in self.pool.run(tasks.collect::<Vec<_>>()).await? {
                applied?;
                self.workers.push(worker);
            }
        }
        Ok(())
    }

    /// Exchanges the workers' partial results by key: each owner merges its parts in input order.
    async fn exchange(&mut self) -> Result<()> {
        let count = self.workers.len();
        if count < 2 || self.plan.info().operators.is_empty() {
            return Ok(());
        }
        let tasks = std::mem::take(&mut self.workers).into_iter().map(|mut worker| {
            let plan = Arc::clone(&self.plan);
            move || {
                let parts = plan.split(&mut worker, count);
                (worker, parts)
            }
        });
        let split = self.pool.run(tasks.collect::<Vec<_>>()).await?;
        let (workers, parts): (Vec<_>, Vec<_>) = split.into_iter().unzip();
        let tasks = workers.into_iter().zip(transpose(parts, count)).map(|(mut worker, parts)| {
            let plan = Arc::clone(&self.plan);
            move || {
                plan.merge(&mut worker, parts);
                worker
            }
        });
        self.workers = self.pool.run(tasks.collect::<Vec<_>>()).await?;
        Ok(())
    }
}

/// A worker's plan and state as the taker of a split's chunks.
struct Feed<'a, P: Plan> {
    plan: &'a P,
    worker: &'a mut P::Worker,
    rejects: &'a mut Rejects,
}

impl<P: Plan> Rows<P::Row> for Feed<'_, P> {
    fn push(&mut self, chunk: Chunk<'_, P::Row>) -> Result<()> {
        self.plan.feed(self.worker, chunk, self.rejects)
    }
}

#[async_trait]
impl<P: Plan> Stages for TypedStages<P> {
    fn info(&self) -> &PlanInfo {
        self.plan.info()
    }

    fn state_types(&self) -> Vec<String> {
        self.plan.state_types()
    }

    fn workers(&self) -> usize {
        self.pool.len()
    }

    fn source_description(&self) -> String {
        self.source.description()
    }

    fn sink_description(&self) -> String {
        self.sinks.iter().map(|sink| sink.describe()).collect::<Vec<_>>().join(", ")
    }

    fn sink_that_needs_checkpoint(&self) -> Option<String> {
        if let OnMalformed::DeadLetter(sink) = &self.on_malformed
            && sink.0.needs_checkpoint()
        {
            return Some(sink.0.describe());
        }
        self.sinks.iter().find(|sink| sink.needs_checkpoint()).map(|sink| sink.describe())
    }

    fn writes_to_terminal(&self) -> bool {
        self.sinks.iter().any(|sink| sink.is_on_terminal())
    }

    async fn open_source(&mut self, context: SourceContext) -> Result<()> {
        self.source.open(context).await
    }

    async fn prepare_available_now(&mut self) -> Result<()> {
        self.source.prepare_available_now().await
    }

    async fn latest_offset(
        &mut self,
        start: Option<&Offset>,
        admission: Admission,
    ) -> Result<Option<Advance>> {
        self.source.latest_offset(start, admission).await
    }

    fn is_caught_up(&self) -> bool {
        self.source.is_caught_up()
    }

    async fn arrival(&mut self) {
        self.source.arrival().await;
    }

    async fn commit_source(&mut self, end: &Offset) -> Result<()> {
        self.source.commit(end).await
    }

    async fn open_sinks(&mut self, context: SinkContext) -> Result<()> {
        if let OnMalformed::DeadLetter(sink) = &mut self.on_malformed {
            sink.0.open_any(SinkContext { mode: crate::mode::Mode::Append, ..context.clone() }).await?;
        }
        for sink in &mut self.sinks {
            sink.open_any(context.clone()).await?;
        }
        Ok(())
    }

    async fn restore(&mut self, seed: u64, store: Arc<dyn StateStore>) -> Result<()> {
        let count = self.pool.len();
        let context = |worker| WorkerContext { seed, worker, workers: count };
        self.workers = (0..count).map(|worker| self.plan.worker(context(worker))).collect();
        let operators = self.plan.info().operators.len();
        let restoring = self.with_workers(move |plan, workers| {
            for operator in 0..operators {
                store.load(operator, &mut |entry| plan.restore(workers, operator, entry))?;
            }
            plan.settle(workers, None)?;
            Ok::<_, Error>(plan.wake_at(workers))
        });
        self.wake_at = restoring.await??;
        Ok(())
    }

    async fn compute(
        &mut self,
        batch: BatchContext,
        range: Option<(Option<Offset>, Offset)>,
        time: Timestamp,
        clock: Arc<dyn Clock>,
    ) -> Result<Computed> {
        let started = clock.elapsed();
        self.malformed.clear();
        let splits = match &range {
            Some((start, end)) => self.source.plan(start.as_ref(), end, self.pool.len()).await?,
            None => Vec::new(),
        };
        let mut computed = self.feed(batch, splits, time).await?;
        self.route().await?;
        self.exchange().await?;
        let updated = clock.elapsed();
        let emitted: Emitted<P::Output> =
            self.with_workers(move |plan, workers| plan.emit(workers, &batch)).await??;
        computed.output_rows = emitted.rows.len() as u64;
        computed.operators = emitted.operators;
        computed.event_time = emitted.event_time;
        computed.took = Took { updates: updated - started, removals: clock.elapsed() - updated };
        self.output = emitted.rows;
        Ok(computed)
    }

    async fn write(&mut self, batch: u64, watermark: Option<Timestamp>) -> Result<()> {
        if let OnMalformed::DeadLetter(sink) = &mut self.on_malformed {
            let mode = crate::mode::Mode::Append;
            sink.0.commit_any(SinkBatch { id: batch, mode, rows: &self.malformed, watermark }).await?;
        }
        for sink in &mut self.sinks {
            let mode = P::Mode::MODE;
            sink.commit_any(SinkBatch { id: batch, mode, rows: &self.output, watermark }).await?;
        }
        Ok(())
    }

    async fn settle(&mut self, keep: bool) -> Result<Vec<OperatorChanges>> {
        let written = (std::mem::take(&mut self.output), std::mem::take(&mut self.malformed));
        let settling = self.with_workers(move |plan, workers| {
            // Freed by the thread that allocated them, and not by one of tokio's.
            drop(written);
            let mut changes = Vec::new();
            plan.settle(workers, keep.then_some(&mut changes))?;
            Ok::<_, Error>((changes, plan.wake_at(workers)))
        });
        let (changes, wake_at) = settling.await??;
        self.wake_at = wake_at;
        Ok(changes)
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.wake_at
    }

    async fn close(&mut self) -> Result<()> {
        let mut closed = Ok(());
        if let OnMalformed::DeadLetter(sink) = &mut self.on_malformed {
            closed = sink.0.close_any().await;
        }
        // Each sink is closed, whatever the ones before it answer.
        for sink in &mut self.sinks {
            closed = closed.and(sink.close_any().await);
        }
        closed
    }
}
