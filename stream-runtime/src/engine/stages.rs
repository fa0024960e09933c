//! [`Stages`]: a query's source, operators and sinks behind one dynamic call a phase.
//!
//! The engine's control loop is the same machine code for every query. What depends on the query's types is
//! here, in [`TypedStages`], and calls into it happen a few times a batch.

use std::sync::Arc;

use async_trait::async_trait;

use crate::checkpoint::StateStore;
use crate::error::{Error, Result};
use crate::operator::event_time::EventTimeStats;
use crate::plan::{
    BatchContext, Emitted, OperatorChanges, OperatorMetrics, OutputMode, Plan, PlanInfo, Rejects,
};
use crate::sink::erased::AnySink;
use crate::sink::{SinkBatch, SinkContext};
use crate::source::{
    Admission, Advance, Chunk, MalformedRow, Offset, OnMalformed, Rows, Source, SourceContext, Split,
};
use crate::time::Timestamp;

use super::shares::share_out;
use super::workers::WorkerPool;

/// What a batch's rows came to.
#[derive(Debug, Default)]
pub(crate) struct Computed {
    pub(crate) input_rows: u64,
    pub(crate) malformed_rows: u64,
    pub(crate) output_rows: u64,
    pub(crate) event_time: EventTimeStats,
    pub(crate) operator: Option<OperatorMetrics>,
}

/// The phases of a batch, as the control loop calls them.
#[async_trait]
pub(crate) trait Stages: Send {
    fn info(&self) -> &PlanInfo;
    fn state_types(&self) -> Option<String>;
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
    ) -> Result<Computed>;
    async fn write(&mut self, batch: u64, watermark: Option<Timestamp>) -> Result<()>;
    async fn settle(&mut self, keep: bool) -> Result<Option<OperatorChanges>>;
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

    /// Exchanges the workers' partial results by key: each owner merges its parts in input order.
    async fn exchange(&mut self) -> Result<()> {
        let count = self.workers.len();
        if count < 2 || self.plan.info().operator.is_none() {
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
        let mut workers = Vec::with_capacity(count);
        let mut by_owner: Vec<Vec<P::Part>> = (0..count).map(|_| Vec::with_capacity(count)).collect();
        for (worker, parts) in split {
            workers.push(worker);
            for (owner, part) in by_owner.iter_mut().zip(parts) {
                owner.push(part);
            }
        }
        let tasks = workers.into_iter().zip(by_owner).map(|(mut worker, parts)| {
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

    fn state_types(&self) -> Option<String> {
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

    async fn arrival(&mut self) {
        self.source.arrival().await;
    }

    async fn commit_source(&mut self, end: &Offset) -> Result<()> {
        self.source.commit(end).await
    }

    async fn open_sinks(&mut self, context: SinkContext) -> Result<()> {
        if let OnMalformed::DeadLetter(sink) = &mut self.on_malformed {
            sink.0.open_any(SinkContext { mode: crate::plan::Mode::Append, ..context.clone() }).await?;
        }
        for sink in &mut self.sinks {
            sink.open_any(context.clone()).await?;
        }
        Ok(())
    }

    async fn restore(&mut self, seed: u64, store: Arc<dyn StateStore>) -> Result<()> {
        let count = self.pool.len();
        self.workers = (0..count).map(|_| self.plan.worker(seed, count)).collect();
        if self.plan.info().operator.is_none() {
            return Ok(());
        }
        self.with_workers(move |plan, workers| {
            store.load(0, &mut |entry| plan.restore(workers, entry))?;
            plan.settle(workers, None)
        })
        .await?
    }

    async fn compute(
        &mut self,
        batch: BatchContext,
        range: Option<(Option<Offset>, Offset)>,
        time: Timestamp,
    ) -> Result<Computed> {
        self.malformed.clear();
        let splits = match &range {
            Some((start, end)) => self.source.plan(start.as_ref(), end, self.pool.len()).await?,
            None => Vec::new(),
        };
        let mut computed = self.feed(batch, splits, time).await?;
        self.exchange().await?;
        let emitted: Emitted<P::Output> =
            self.with_workers(move |plan, workers| plan.emit(workers, &batch)).await??;
        computed.output_rows = emitted.rows.len() as u64;
        computed.operator = emitted.operator;
        computed.event_time = emitted.event_time;
        self.output = emitted.rows;
        Ok(computed)
    }

    async fn write(&mut self, batch: u64, watermark: Option<Timestamp>) -> Result<()> {
        if let OnMalformed::DeadLetter(sink) = &mut self.on_malformed {
            let mode = crate::plan::Mode::Append;
            sink.0.commit_any(SinkBatch { id: batch, mode, rows: &self.malformed, watermark }).await?;
        }
        for sink in &mut self.sinks {
            let mode = P::Mode::MODE;
            sink.commit_any(SinkBatch { id: batch, mode, rows: &self.output, watermark }).await?;
        }
        Ok(())
    }

    async fn settle(&mut self, keep: bool) -> Result<Option<OperatorChanges>> {
        let written = (std::mem::take(&mut self.output), std::mem::take(&mut self.malformed));
        let stateful = self.plan.info().operator.is_some();
        self.with_workers(move |plan, workers| {
            // Freed by the thread that allocated them, and not by one of tokio's.
            drop(written);
            if !stateful {
                return Ok(None);
            }
            let mut changes = keep.then(OperatorChanges::default);
            plan.settle(workers, changes.as_mut())?;
            Ok::<_, Error>(changes)
        })
        .await?
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
