//! [`RowPlan`]: rows of one input through a row function into an [`Operator`].

use crate::error::{Error, Result};
use crate::format::Arena;
use crate::schema::Schema;
use crate::source::Chunk;
use crate::time::Timestamp;

use super::decode::for_each_view;
use super::operator::{Emitted, Operator, WorkerContext};
use super::rejects::Rejects;
use super::{BatchContext, OperatorChanges, OutputMode, Plan, PlanInfo, StateEntry, Types};

/// A plan: the input's rows, the query's row function, and what it pushes into.
#[derive(Debug)]
pub(crate) struct RowPlan<R, const COLUMNS: u128, F, Op, M> {
    pub(super) row: F,
    pub(super) operator: Op,
    pub(super) info: PlanInfo,
    pub(super) types: Types<(R, M)>,
}

/// A worker of a [`RowPlan`].
#[derive(Debug)]
pub(crate) struct RowWorker<W> {
    operator: W,
    arena: Arena,
    context: WorkerContext,
    /// Packed rows for each owner, in input order, where rows have to be brought to the owner of their key.
    outgoing: Vec<Vec<u8>>,
    /// The place in the batch's input of the next row that is read: those of the workers before come first.
    place: u64,
}

/// Far more rows than a worker reads in a batch.
const ROWS_OF_A_WORKER: u64 = 1 << 48;

/// An arena that holds more than this is emptied between two rows.
const ARENA_BYTES: usize = 1 << 20;

impl<R, const COLUMNS: u128, F, Op, M> RowPlan<R, COLUMNS, F, Op, M>
where
    Op: Operator,
{
    fn each<T>(
        &self,
        workers: &mut [RowWorker<Op::Worker>],
        work: impl FnOnce(&Op, &mut [&mut Op::Worker]) -> Result<T>,
    ) -> Result<T> {
        let mut operators: Vec<_> = workers.iter_mut().map(|worker| &mut worker.operator).collect();
        work(&self.operator, &mut operators)
    }

    fn start_pass(&self, worker: &mut RowWorker<Op::Worker>, pass: usize) {
        let RowWorker { operator, context, .. } = worker;
        let target = self.operator.target(operator);
        for index in 0..self.operator.routers() {
            if let Some(router) = self.operator.router(target, index) {
                router.start(pass, index, context.worker, context.workers);
            }
        }
    }

    /// Packs a row, behind its place in the input, for whoever the routing router of this pass has found to own it.
    fn send<S: Schema, const NAMED: u128>(
        &self,
        pass: usize,
        target: &mut Op::Target,
        (place, view): (u64, S::View<'_>),
        outgoing: &mut [Vec<u8>],
    ) {
        let Some(router) = self.operator.router(target, pass) else { return };
        for owner in router.take_owners() {
            let out = &mut outgoing[owner];
            out.extend_from_slice(&place.to_le_bytes());
            S::pack::<NAMED>(view, out);
        }
    }
}

/// The part whose next row comes first in the input, that row's place, and its bytes and all that follow.
fn first_of<'a>(parts: &mut [&'a [u8]]) -> Option<(usize, u64, &'a [u8])> {
    let next = |(index, part): (usize, &&'a [u8])| {
        part.split_first_chunk().map(|(place, rest)| (index, u64::from_le_bytes(*place), rest))
    };
    parts.iter().enumerate().filter_map(next).min_by_key(|(_, place, _)| *place)
}

impl<R, const COLUMNS: u128, F, Op, M> Plan for RowPlan<R, COLUMNS, F, Op, M>
where
    R: Schema,
    M: OutputMode,
    Op: Operator,
    F: for<'a> Fn(R::View<'a>, &mut Op::Target) + Send + Sync + 'static,
{
    type Row = R;
    type Output = Op::Output;
    type Mode = M;
    type Worker = RowWorker<Op::Worker>;
    type Part = Op::Part;

    fn info(&self) -> &PlanInfo {
        &self.info
    }

    fn state_types(&self) -> Vec<String> {
        self.operator.state_types()
    }

    fn worker(&self, context: WorkerContext) -> Self::Worker {
        let outgoing = (0..context.workers).map(|_| Vec::new()).collect();
        RowWorker {
            operator: self.operator.worker(context),
            arena: Arena::default(),
            context,
            outgoing,
            place: 0,
        }
    }

    fn begin(&self, worker: &mut Self::Worker, batch: &BatchContext) {
        self.operator.begin(&mut worker.operator, batch);
        worker.place = worker.context.worker as u64 * ROWS_OF_A_WORKER;
        self.start_pass(worker, 0);
    }

    fn feed(&self, worker: &mut Self::Worker, chunk: Chunk<'_, R>, rejects: &mut Rejects) -> Result<()> {
        let RowWorker { operator, arena, context, outgoing, place } = worker;
        let target = self.operator.target(operator);
        if context.workers == 1 || self.operator.routers() == 0 {
            return for_each_view::<R, COLUMNS>(chunk, arena, rejects, |view| (self.row)(view, target));
        }
        for_each_view::<R, COLUMNS>(chunk, arena, rejects, |view| {
            (self.row)(view, target);
            self.send::<R, COLUMNS>(0, target, (*place, view), outgoing);
            *place += 1;
        })
    }

    fn passes(&self) -> usize {
        self.operator.routers()
    }

    fn routed(&self, worker: &mut Self::Worker) -> Vec<Vec<u8>> {
        worker.outgoing.iter_mut().map(std::mem::take).collect()
    }

    fn apply(&self, worker: &mut Self::Worker, pass: usize, parts: Vec<Vec<u8>>) -> Result<()> {
        self.start_pass(worker, pass);
        let RowWorker { operator, arena, outgoing, .. } = worker;
        let mut parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        while let Some((index, place, bytes)) = first_of(&mut parts) {
            if arena.allocated_bytes() > ARENA_BYTES {
                arena.reset();
            }
            let mut rest = bytes;
            let Some(view) = R::unpack::<COLUMNS>(&mut rest, arena) else {
                return Err(Error::Other("a row was damaged on its way between two workers".into()));
            };
            parts[index] = &bytes[bytes.len() - rest.len()..];
            self.operator.at_row(operator, place);
            let target = self.operator.target(operator);
            (self.row)(view, target);
            self.send::<R, COLUMNS>(pass, target, (place, view), outgoing);
        }
        Ok(())
    }

    fn split(&self, worker: &mut Self::Worker, workers: usize) -> Vec<Self::Part> {
        self.operator.split(&mut worker.operator, workers)
    }

    fn merge(&self, worker: &mut Self::Worker, parts: Vec<Self::Part>) {
        self.operator.merge(&mut worker.operator, parts);
    }

    fn emit(&self, workers: &mut [Self::Worker], batch: &BatchContext) -> Result<Emitted<Self::Output>> {
        let mut emitted = Emitted::default();
        self.each(workers, |operator, workers| operator.emit(workers, batch, &mut emitted))?;
        Ok(emitted)
    }

    fn settle(&self, workers: &mut [Self::Worker], changes: Option<&mut Vec<OperatorChanges>>) -> Result<()> {
        self.each(workers, |operator, workers| operator.settle(workers, changes))
    }

    fn wake_at(&self, workers: &[Self::Worker]) -> Option<Timestamp> {
        let operators: Vec<_> = workers.iter().map(|worker| &worker.operator).collect();
        self.operator.wake_at(&operators)
    }

    fn restore(&self, workers: &mut [Self::Worker], operator: usize, entry: StateEntry<'_>) -> Result<()> {
        self.each(workers, |op, workers| op.restore(workers, operator, entry))
    }
}
