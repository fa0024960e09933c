//! [`Stages`]: a query's sources, operators and sinks behind one dynamic call a phase.
//!
//! The engine's control loop is the same machine code for every query. What depends on the query's types is
//! here, in [`TypedStages`], and calls into it happen a few times a batch.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::checkpoint::StateStore;
use crate::error::{Error, Result};
use crate::plan::{BatchContext, OperatorChanges, Plan, PlanInfo, Rejects, WorkerContext};
use crate::sink::SinkContext;
use crate::sink::erased::AnySink;
use crate::source::{Admission, Advance, MalformedRow, Offset, OnMalformed, SourceContext};
use crate::time::{Duration, Timestamp};

use super::clock::Clock;
use super::computed::{Computed, Took};
use super::inputs::AnySource;
use super::late::AnyLate;
use super::panics::catch;
use super::phases::{Splits, Work};
use super::together;
use super::workers::WorkerPool;

/// The rows of a source after the first up to and including the second offset.
pub(crate) type Range = (Option<Offset>, Offset);

/// The phases of a batch, as the control loop calls them. What there is one of for each source is in the order of the query's
/// inputs.
#[async_trait]
pub(crate) trait Stages: Send {
    fn info(&self) -> &PlanInfo;
    /// The inputs with a watermark, in the order in which the plan reads them.
    fn watermarked_inputs(&self) -> Vec<usize>;
    fn state_types(&self) -> Vec<String>;
    fn workers(&self) -> usize;
    fn source_description(&self, source: usize) -> String;
    fn source_metrics(&self, source: usize, end: Option<&Offset>) -> BTreeMap<&'static str, String>;
    fn sink_description(&self) -> String;
    fn sink_that_needs_checkpoint(&self) -> Option<String>;
    fn writes_to_terminal(&self) -> bool;

    async fn open_sources(&mut self, contexts: Vec<SourceContext>) -> Result<()>;
    async fn prepare_available_now(&mut self) -> Result<()>;
    async fn latest_offsets(
        &mut self,
        starts: &[Option<Offset>],
        admission: Admission,
    ) -> Result<Vec<Option<Advance>>>;
    fn idle_times(&self) -> Vec<Option<Duration>>;
    /// Which sources have handed out everything that they know of.
    fn caught_up(&self) -> Vec<bool>;
    /// The newest offsets that the sources know of.
    fn reported_offsets(&self) -> Vec<Option<Offset>>;
    /// Ends when rows of any source may have arrived.
    async fn arrival(&mut self);
    async fn commit_sources(&mut self, ranges: &[Option<Range>]) -> Result<()>;

    /// Loads the static inputs that it is time to load.
    async fn refresh(&mut self, clock: &dyn Clock) -> Result<()>;
    async fn open_sinks(&mut self, context: SinkContext) -> Result<()>;
    async fn restore(&mut self, seed: u64, store: Arc<dyn StateStore>) -> Result<()>;
    /// Whether a sink keeps the result.
    fn keeps_result(&self) -> bool;
    /// Gives the whole result to the sinks that keep it, if a batch is committed.
    async fn restore_sinks(&mut self, committed: Option<u64>, watermark: Option<Timestamp>) -> Result<()>;

    /// Runs each source's rows of the batch through the operators; `None` for a source that has none.
    async fn compute(
        &mut self,
        batch: BatchContext,
        ranges: &[Option<Range>],
        clock: Arc<dyn Clock>,
    ) -> Result<Computed>;
    async fn write(&mut self, batch: u64, watermark: Option<Timestamp>) -> Result<()>;
    async fn settle(&mut self, keep: bool) -> Result<Vec<OperatorChanges>>;
    /// Tells the sinks that a batch is committed.
    fn committed(&mut self, batch: u64);
    /// When a batch has to run though there may be no rows for it.
    fn wake_at(&self) -> Option<Timestamp>;
    async fn close(&mut self) -> Result<()>;
}

/// The stages of a plan.
pub(crate) struct TypedStages<P: Plan> {
    pub(super) plan: Arc<P>,
    sources: Vec<Box<dyn AnySource<P>>>,
    /// By source.
    pub(super) on_malformed: Vec<OnMalformed>,
    pub(super) late: Vec<Box<dyn AnyLate<P>>>,
    pub(super) sinks: Vec<Box<dyn AnySink<P::Output>>>,
    pool: WorkerPool,
    /// Empty while a task on the pool has them.
    workers: Vec<P::Worker>,
    pub(super) output: Vec<P::Output>,
    /// Rows of the result that have left the state.
    pub(super) removed: Vec<P::Output>,
    /// By source.
    pub(super) malformed: Vec<Vec<MalformedRow>>,
    wake_at: Option<Timestamp>,
}

impl<P: Plan> TypedStages<P> {
    pub(crate) fn new(
        plan: P,
        mut sources: Vec<Box<dyn AnySource<P>>>,
        late: Vec<Box<dyn AnyLate<P>>>,
        sinks: Vec<Box<dyn AnySink<P::Output>>>,
        pool: WorkerPool,
    ) -> Self {
        Self {
            plan: Arc::new(plan),
            on_malformed: sources.iter_mut().map(|source| source.take_policy()).collect(),
            malformed: sources.iter().map(|_| Vec::new()).collect(),
            sources,
            late,
            sinks,
            pool,
            workers: Vec::new(),
            output: Vec::new(),
            removed: Vec::new(),
            wake_at: None,
        }
    }

    /// Gives all workers to `work` on the pool's first thread, and takes them back.
    pub(super) async fn with_workers<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&P, &mut [&mut P::Worker]) -> T + Send + 'static,
    ) -> Result<T> {
        let plan = Arc::clone(&self.plan);
        let mut workers = std::mem::take(&mut self.workers);
        let (workers, result) = self
            .pool
            .run_one(move || {
                let result = work(&plan, &mut workers.iter_mut().collect::<Vec<_>>());
                (workers, result)
            })
            .await?;
        self.workers = workers;
        Ok(result)
    }

    /// Takes the batch's late rows from the workers.
    async fn gather_late(&mut self) -> Result<()> {
        if self.late.is_empty() {
            return Ok(());
        }
        let mut late = std::mem::take(&mut self.late);
        // A row's own `drop` may panic. The sinks come back all the same, to be closed.
        let gathering = self.with_workers(move |plan, workers| {
            let gather = || late.iter_mut().for_each(|late| late.gather(plan, workers));
            let gathered = catch(gather);
            (late, gathered)
        });
        let (late, gathered) = gathering.await?;
        self.late = late;
        gathered
    }

    /// What there is to read, by source.
    async fn splits(&mut self, ranges: &[Option<Range>]) -> Result<Vec<Splits<P>>> {
        let parallelism = self.pool.len();
        let splits = self.sources.iter_mut().zip(ranges).map(|(source, range)| match range {
            Some((start, end)) => source.plan(start.as_ref(), end, parallelism),
            None => Box::pin(std::future::ready(Ok(Vec::new()))),
        });
        together::all(splits).await
    }
}

#[async_trait]
impl<P: Plan> Stages for TypedStages<P> {
    fn info(&self) -> &PlanInfo {
        self.plan.info()
    }

    fn watermarked_inputs(&self) -> Vec<usize> {
        let inputs = self.plan.info().all_inputs();
        let read = self.plan.phases().into_iter().flat_map(|phase| phase.inputs);
        read.filter(|&input| inputs.get(input).is_some_and(|input| input.watermark.is_some())).collect()
    }

    fn state_types(&self) -> Vec<String> {
        self.plan.state_types()
    }

    fn workers(&self) -> usize {
        self.pool.len()
    }

    fn source_description(&self, source: usize) -> String {
        self.sources.get(source).map_or_else(String::new, |source| source.description())
    }

    fn source_metrics(&self, source: usize, end: Option<&Offset>) -> BTreeMap<&'static str, String> {
        self.sources.get(source).map(|source| source.report_metrics(end)).unwrap_or_default()
    }

    fn sink_description(&self) -> String {
        self.sinks.iter().map(|sink| sink.describe()).collect::<Vec<_>>().join(", ")
    }

    fn sink_that_needs_checkpoint(&self) -> Option<String> {
        self.output_that_needs_checkpoint()
    }

    fn writes_to_terminal(&self) -> bool {
        self.sinks.iter().any(|sink| sink.is_on_terminal())
            || self.late.iter().any(|late| late.output().is_on_terminal())
    }

    async fn open_sources(&mut self, contexts: Vec<SourceContext>) -> Result<()> {
        // One after the other, so that nothing is opened after the first that fails.
        for (source, context) in self.sources.iter_mut().zip(contexts) {
            source.open(context).await?;
        }
        Ok(())
    }

    async fn prepare_available_now(&mut self) -> Result<()> {
        together::all(self.sources.iter_mut().map(|source| source.prepare_available_now())).await?;
        Ok(())
    }

    async fn latest_offsets(
        &mut self,
        starts: &[Option<Offset>],
        admission: Admission,
    ) -> Result<Vec<Option<Advance>>> {
        let sources = self.sources.iter_mut().zip(starts);
        together::all(sources.map(|(source, start)| source.latest_offset(start.as_ref(), admission))).await
    }

    fn idle_times(&self) -> Vec<Option<Duration>> {
        self.sources.iter().map(|source| source.idle_time()).collect()
    }

    fn caught_up(&self) -> Vec<bool> {
        self.sources.iter().map(|source| source.is_caught_up()).collect()
    }

    fn reported_offsets(&self) -> Vec<Option<Offset>> {
        self.sources.iter().map(|source| source.report_latest_offset()).collect()
    }

    async fn arrival(&mut self) {
        together::any(self.sources.iter_mut().map(|source| source.arrival())).await;
    }

    async fn commit_sources(&mut self, ranges: &[Option<Range>]) -> Result<()> {
        let committed = self.sources.iter_mut().zip(ranges).filter_map(|(source, range)| {
            let (_, end) = range.as_ref()?;
            Some(source.commit(end))
        });
        together::all(committed).await?;
        Ok(())
    }

    async fn refresh(&mut self, clock: &dyn Clock) -> Result<()> {
        for lookups in self.plan.lookups() {
            lookups.refresh(clock).await?;
        }
        Ok(())
    }

    async fn open_sinks(&mut self, context: SinkContext) -> Result<()> {
        self.open_outputs(context).await
    }

    async fn restore(&mut self, seed: u64, store: Arc<dyn StateStore>) -> Result<()> {
        let count = self.pool.len();
        let context = |worker| WorkerContext { seed, worker, workers: count };
        self.workers = (0..count).map(|worker| self.plan.worker(context(worker))).collect();
        let operators = self.plan.state_types().len();
        let restoring = self.with_workers(move |plan, workers| {
            for operator in 0..operators {
                store.load(operator, &mut |entry| plan.restore(workers, operator, entry))?;
            }
            plan.settle(workers, None)?;
            Ok::<_, Error>(wake_at(plan, workers))
        });
        self.wake_at = restoring.await??;
        Ok(())
    }

    fn keeps_result(&self) -> bool {
        self.sinks.iter().any(|sink| sink.keeps_result_any())
    }

    async fn restore_sinks(&mut self, committed: Option<u64>, watermark: Option<Timestamp>) -> Result<()> {
        self.restore_outputs(committed, watermark).await
    }

    async fn compute(
        &mut self,
        batch: BatchContext,
        ranges: &[Option<Range>],
        clock: Arc<dyn Clock>,
    ) -> Result<Computed> {
        let started = clock.elapsed();
        let splits = self.splits(ranges).await?;
        let rejects = self.on_malformed.iter().map(|policy| Rejects::new(policy, batch.time)).collect();
        let work = Work { plan: &self.plan, pool: &self.pool, clock: &clock, batch, splits, rejects };
        let done = work.run(std::mem::take(&mut self.workers)).await?;
        self.workers = done.workers;
        self.gather_late().await?;
        let mut computed = Computed::new(self.sources.len());
        for (source, rejects) in done.rejects {
            computed.inputs[source].rows += rejects.rows;
            computed.inputs[source].left_out += rejects.left_out;
            computed.inputs[source].malformed += rejects.malformed;
            self.malformed[source].extend(rejects.kept);
        }
        computed.output_rows = done.emitted.rows.len() as u64;
        computed.report = done.emitted.report;
        let took = clock.elapsed() - started;
        computed.took = Took { updates: took - done.finishing, removals: done.finishing };
        self.output = done.emitted.rows;
        self.removed = done.emitted.removed;
        Ok(computed)
    }

    async fn write(&mut self, batch: u64, watermark: Option<Timestamp>) -> Result<()> {
        self.write_outputs(batch, watermark).await
    }

    async fn settle(&mut self, keep: bool) -> Result<Vec<OperatorChanges>> {
        let malformed: Vec<_> = self.malformed.iter_mut().map(std::mem::take).collect();
        let late: Vec<_> = self.late.iter_mut().map(|late| late.output_mut().take_rows()).collect();
        let output = (std::mem::take(&mut self.output), std::mem::take(&mut self.removed));
        let written = (output, malformed, late);
        let settling = self.with_workers(move |plan, workers| {
            // Freed by the thread that allocated them, and not by one of tokio's.
            drop(written);
            let mut changes = Vec::new();
            plan.settle(workers, keep.then_some(&mut changes))?;
            Ok::<_, Error>((changes, wake_at(plan, workers)))
        });
        let (changes, wake_at) = settling.await??;
        self.wake_at = wake_at;
        Ok(changes)
    }

    fn committed(&mut self, batch: u64) {
        for sink in &mut self.sinks {
            sink.committed_any(batch);
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.wake_at
    }

    async fn close(&mut self) -> Result<()> {
        self.close_outputs().await
    }
}

fn wake_at<P: Plan>(plan: &P, workers: &[&mut P::Worker]) -> Option<Timestamp> {
    plan.wake_at(&workers.iter().map(|worker| &**worker).collect::<Vec<_>>())
}
