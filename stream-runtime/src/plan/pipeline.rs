//! [`Pipeline`]: a whole plan: a branch whose operators emit the result's rows.

use std::marker::PhantomData;

use crate::error::Result;
use crate::schema::Schema;
use crate::source::Chunk;
use crate::static_input::Refresh;
use crate::time::Timestamp;

use super::branch::{Branch, Feeds, Holds};
use super::operator::{Emitted, WorkerContext};
use super::phase::{Packet, Phase};
use super::rejects::Rejects;
use super::{BatchContext, Contains, OperatorChanges, OutputMode, Plan, PlanInfo, Reads, StateEntry, Types};

/// A plan: what its last branch emits is its result, in output mode `M`.
#[derive(Debug)]
pub struct Pipeline<B, M> {
    branch: B,
    info: PlanInfo,
    mode: Types<M>,
}

impl<B, M> Pipeline<B, M> {
    pub(super) fn new(branch: B, info: PlanInfo) -> Self {
        Self { branch, info, mode: PhantomData }
    }
}

impl<B, M> Plan for Pipeline<B, M>
where
    B: Branch,
    B::Output: Schema,
    M: OutputMode,
{
    type Output = B::Output;
    type Mode = M;
    type Worker = B::Worker;

    fn info(&self) -> &PlanInfo {
        &self.info
    }

    fn lookups(&self) -> Vec<&dyn Refresh> {
        self.branch.lookups()
    }

    fn state_types(&self) -> Vec<String> {
        self.branch.state_types()
    }

    fn phases(&self) -> Vec<Phase> {
        self.branch.phases()
    }

    fn watermark(&self, inputs_micros: i64) -> i64 {
        self.branch.watermark(inputs_micros)
    }

    fn worker(&self, context: WorkerContext) -> B::Worker {
        self.branch.worker(context)
    }

    fn begin(&self, worker: &mut B::Worker, batch: &BatchContext) {
        self.branch.begin(worker, batch);
    }

    fn pull(&self, worker: &mut B::Worker, phase: usize) -> Result<()> {
        self.branch.pull(worker, phase, |_, _, _| {})
    }

    fn exchange(
        &self,
        worker: &mut B::Worker,
        phase: usize,
        round: usize,
        packets: Vec<Packet>,
    ) -> Result<Vec<Packet>> {
        self.branch.exchange(worker, phase, round, packets, |_, _, _| {})
    }

    fn finish(
        &self,
        workers: &mut [&mut B::Worker],
        phase: usize,
        batch: &BatchContext,
        emitted: &mut Emitted<B::Output>,
    ) -> Result<()> {
        self.branch.finish(workers, phase, batch, emitted)
    }

    fn settle(
        &self,
        workers: &mut [&mut B::Worker],
        changes: Option<&mut Vec<OperatorChanges>>,
    ) -> Result<()> {
        self.branch.settle(workers, changes)
    }

    fn wake_at(&self, workers: &[&B::Worker]) -> Option<Timestamp> {
        self.branch.wake_at(workers)
    }

    fn restore(&self, workers: &mut [&mut B::Worker], operator: usize, entry: StateEntry<'_>) -> Result<()> {
        self.branch.restore(workers, operator, entry)
    }
}

impl<Path, B, M> Reads<Path> for Pipeline<B, M>
where
    B: Branch + Feeds<Path>,
    B::Output: Schema,
    M: OutputMode,
{
    type Row = B::Row;

    fn feed(
        &self,
        worker: &mut B::Worker,
        input: usize,
        chunk: Chunk<'_, B::Row>,
        rejects: &mut Rejects,
    ) -> Result<()> {
        self.branch.feed(worker, input, chunk, rejects, |_, _, _| {})
    }
}

impl<Path, B, M> Contains<Path> for Pipeline<B, M>
where
    B: Branch + Holds<Path>,
    B::Output: Schema,
    M: OutputMode,
{
    type Inner = B::Inner;

    fn inner<'a>(&'a self, worker: &'a mut B::Worker) -> (&'a B::Inner, &'a mut <B::Inner as Plan>::Worker) {
        self.branch.inner(worker)
    }
}
