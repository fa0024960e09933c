//! [`Pipeline`]: a whole plan: a branch whose operators emit the result's rows, their order, and how many there may be.

use std::cmp::Ordering;
use std::marker::PhantomData;

use crate::error::Result;
use crate::schema::Schema;
use crate::source::Chunk;
use crate::static_input::Refresh;
use crate::time::Timestamp;

use super::branch::{Branch, Feeds, Holds};
use super::limit::{Limit, PutOut};
use super::operator::{Emitted, WorkerContext};
use super::order::{AsEmitted, Order, OrderBy};
use super::phase::{Packet, Phase};
use super::rejects::Rejects;
use super::{
    BatchContext, Contains, Mode, OperatorChanges, OutputMode, Plan, PlanInfo, Reads, StateEntry, Types,
    Wanted,
};

/// A plan: what its last branch emits is its result, in output mode `M` and in the order `S`.
#[derive(Debug)]
pub struct Pipeline<B, M, S = AsEmitted> {
    branch: B,
    info: PlanInfo,
    /// How many phases the branch has, and how many stateful operators.
    phases: usize,
    operators: usize,
    order: S,
    limit: Limit,
    mode: Types<M>,
}

/// A worker of a [`Pipeline`].
#[derive(Debug)]
pub struct PipelineWorker<W> {
    branch: W,
    put_out: PutOut,
}

impl<B: Branch, M> Pipeline<B, M> {
    pub(super) fn new(branch: B, info: PlanInfo) -> Self {
        let (phases, operators) = (branch.phases().len(), branch.state_types().len());
        Self { branch, info, phases, operators, order: AsEmitted, limit: Limit::None, mode: PhantomData }
    }

    /// Orders the rows of each result by a comparison.
    pub fn order_by<C>(self, compare: C) -> Pipeline<B, M, OrderBy<C>>
    where
        C: Fn(&B::Output, &B::Output) -> Ordering + Send + Sync + 'static,
    {
        let Self { branch, info, phases, operators, limit, mode, .. } = self;
        Pipeline { branch, info, phases, operators, order: OrderBy(compare), limit, mode }
    }
}

impl<B, M: OutputMode, S> Pipeline<B, M, S> {
    /// Puts out at most so many rows: of each result in complete mode, of all batches together in append mode.
    pub fn limit(self, rows: u64) -> Self {
        Self { limit: Limit::new(rows, M::MODE), ..self }
    }
}

/// The branch's part of each worker.
fn branches<'w, W>(workers: &'w mut [&mut PipelineWorker<W>]) -> Vec<&'w mut W> {
    workers.iter_mut().map(|worker| &mut worker.branch).collect()
}

impl<B, M, S> Plan for Pipeline<B, M, S>
where
    B: Branch,
    B::Output: Schema,
    M: OutputMode,
    S: Order<B::Output>,
{
    type Output = B::Output;
    type Mode = M;
    type Worker = PipelineWorker<B::Worker>;

    fn info(&self) -> &PlanInfo {
        &self.info
    }

    fn lookups(&self) -> Vec<&dyn Refresh> {
        self.branch.lookups()
    }

    fn state_types(&self) -> Vec<String> {
        let mut types = self.branch.state_types();
        types.extend(self.limit.state_type());
        types
    }

    fn phases(&self) -> Vec<Phase> {
        self.branch.phases()
    }

    fn watermark(&self, inputs_micros: i64) -> i64 {
        self.branch.watermark(inputs_micros)
    }

    fn worker(&self, context: WorkerContext) -> Self::Worker {
        PipelineWorker { branch: self.branch.worker(context), put_out: PutOut::default() }
    }

    fn begin(&self, worker: &mut Self::Worker, batch: &BatchContext) {
        self.branch.begin(&mut worker.branch, batch);
    }

    fn pull(&self, worker: &mut Self::Worker, phase: usize) -> Result<()> {
        self.branch.pull(&mut worker.branch, phase, |_, _, _| {})
    }

    fn exchange(
        &self,
        worker: &mut Self::Worker,
        phase: usize,
        round: usize,
        packets: Vec<Packet>,
    ) -> Result<Vec<Packet>> {
        self.branch.exchange(&mut worker.branch, phase, round, packets, |_, _, _| {})
    }

    fn finish(
        &self,
        workers: &mut [&mut Self::Worker],
        phase: usize,
        batch: &BatchContext,
        emitted: &mut Emitted<B::Output>,
    ) -> Result<()> {
        self.branch.finish(&mut branches(workers), phase, batch, emitted)?;
        if let (true, Some(first)) = (phase + 1 == self.phases, workers.first_mut()) {
            self.order.sort(&mut emitted.rows);
            self.limit.cut(&mut first.put_out, emitted);
        }
        Ok(())
    }

    fn settle(
        &self,
        workers: &mut [&mut Self::Worker],
        mut changes: Option<&mut Vec<OperatorChanges>>,
    ) -> Result<()> {
        self.branch.settle(&mut branches(workers), changes.as_deref_mut())?;
        match workers.first_mut() {
            Some(first) => self.limit.settle(&mut first.put_out, changes),
            None => Ok(()),
        }
    }

    fn wake_at(&self, workers: &[&Self::Worker]) -> Option<Timestamp> {
        let branches: Vec<_> = workers.iter().map(|worker| &worker.branch).collect();
        self.branch.wake_at(&branches)
    }

    fn standing(&self, workers: &[&Self::Worker]) -> Result<Option<Vec<B::Output>>> {
        // In update mode a row that `having` no longer lets through isn't put out, so whoever keeps the result can't know.
        if M::MODE == Mode::Append || (M::MODE == Mode::Update && self.info.having.is_some()) {
            return Ok(None);
        }
        let branches: Vec<_> = workers.iter().map(|worker| &worker.branch).collect();
        let mut rows = self.branch.standing(&branches)?;
        if let Some(rows) = &mut rows {
            self.order.sort(rows);
            self.limit.cut_standing(rows);
        }
        Ok(rows)
    }

    fn restore(
        &self,
        workers: &mut [&mut Self::Worker],
        operator: usize,
        entry: StateEntry<'_>,
    ) -> Result<()> {
        match workers.first_mut() {
            Some(first) if operator == self.operators => first.put_out.restore(entry),
            _ => self.branch.restore(&mut branches(workers), operator, entry),
        }
    }
}

impl<Path, B, M, S> Reads<Path> for Pipeline<B, M, S>
where
    B: Branch + Feeds<Path>,
    B::Output: Schema,
    M: OutputMode,
    S: Order<B::Output>,
{
    type Row = B::Row;

    fn feed(
        &self,
        worker: &mut Self::Worker,
        input: usize,
        chunk: Chunk<'_, B::Row>,
        rejects: &mut Rejects,
    ) -> Result<()> {
        self.branch.feed(&mut worker.branch, input, chunk, rejects, |_, _, _| {})
    }

    fn wanted(&self) -> Wanted<'_> {
        self.branch.wanted()
    }

    fn take_late(worker: &mut Self::Worker) -> Vec<(u64, B::Row)> {
        B::take_late(&mut worker.branch)
    }
}

impl<Path, B, M, S> Contains<Path> for Pipeline<B, M, S>
where
    B: Branch + Holds<Path>,
    B::Output: Schema,
    M: OutputMode,
    S: Order<B::Output>,
{
    type Inner = B::Inner;

    fn inner<'a>(
        &'a self,
        worker: &'a mut Self::Worker,
    ) -> (&'a B::Inner, &'a mut <B::Inner as Plan>::Worker) {
        self.branch.inner(&mut worker.branch)
    }
}
