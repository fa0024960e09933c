//! [`Segment`]: a node's rows through a row function into an [`Operator`].
//!
//! With several workers, rows that operators want at the owner of their key are sent there packed, and the same row function runs over them again:
//! see `operator/route.rs`.

use crate::error::{Error, Result};
use crate::format::Arena;
use crate::operator::event_time::EventTimeStats;
use crate::static_input::{Lookups, Refresh};
use crate::time::Timestamp;

use super::branch::Branch;
use super::item::Item;
use super::node::Node;
use super::operator::{Emitted, Operator, WorkerContext};
use super::phase::{Packet, Phase};
use super::reading::Reading;
use super::{BatchContext, OperatorChanges, StateEntry};

/// A stretch of a query from one exchange of rows to the next: the last of its phases is its row function's.
#[derive(Debug)]
pub struct Segment<N, S, F, Op> {
    pub(super) node: N,
    lookups: S,
    pub(super) row: F,
    pub(super) operator: Op,
    /// The inputs that the segment reads, how many phases its node has, and how many stateful operators.
    inputs: Vec<usize>,
    node_phases: usize,
    node_operators: usize,
}

/// A worker of a [`Segment`].
#[derive(Debug)]
pub struct SegmentWorker<N, T, W> {
    pub(super) node: N,
    pub(super) operator: W,
    pub(super) reading: Reading<T>,
    pub(super) arena: Arena,
    pub(super) context: WorkerContext,
    /// Packed rows for each owner, in input order, where rows have to be brought to the owner of their key.
    pub(super) outgoing: Vec<Vec<u8>>,
    /// The place in the batch's rows of the next one that is read: those of the workers before come first.
    pub(super) place: u64,
    /// What the watermark learns of each input that the segment reads.
    pub(super) event_times: Vec<EventTimeStats>,
}

/// Far more rows than a worker reads in a batch.
const ROWS_OF_A_WORKER: u64 = 1 << 48;

impl<N, S, F, Op> Segment<N, S, F, Op>
where
    N: Node,
    S: Lookups,
    Op: Operator,
    F: for<'a> Fn(<N::Item as Item>::View<'a>, &mut Reading<S::Tables>, &mut Op::Target)
        + Send
        + Sync
        + 'static,
{
    pub(super) fn new(node: N, lookups: S, row: F, operator: Op) -> Self {
        let (inputs, node_phases) = (node.inputs(), node.phases().len());
        let node_operators = node.state_types().len();
        Self { node, lookups, row, operator, inputs, node_phases, node_operators }
    }

    /// The batch as the segment's operators see it: with the watermarks of its node.
    fn batch(&self, batch: &BatchContext) -> BatchContext {
        BatchContext {
            late_micros: self.node.watermark(batch.late_micros),
            evict_micros: self.node.watermark(batch.evict_micros),
            ..*batch
        }
    }

    fn start_pass(&self, worker: &mut SegmentWorker<N::Worker, S::Tables, Op::Worker>, pass: usize) {
        let SegmentWorker { operator, context, reading, .. } = worker;
        reading.is_first_pass = pass == 0;
        let target = self.operator.target(operator);
        for index in 0..self.operator.routers() {
            if let Some(router) = self.operator.router(target, index) {
                router.start(pass, index, context.worker, context.workers);
            }
        }
    }

    /// Whether rows go from worker to worker.
    pub(super) fn routes(&self, context: WorkerContext) -> bool {
        context.workers > 1 && self.operator.routers() > 0
    }

    /// Packs a row, behind its place, for whoever the routing router of this pass has found to own it.
    pub(super) fn send(
        &self,
        pass: usize,
        target: &mut Op::Target,
        (place, view): (u64, <N::Item as Item>::View<'_>),
        outgoing: &mut [Vec<u8>],
    ) {
        let Some(router) = self.operator.router(target, pass) else { return };
        for owner in router.take_owners() {
            let out = &mut outgoing[owner];
            out.extend_from_slice(&place.to_le_bytes());
            N::Item::pack(view, out);
        }
    }

    /// Runs the row function over the rows that were sent to this worker, in input order.
    fn apply(
        &self,
        worker: &mut SegmentWorker<N::Worker, S::Tables, Op::Worker>,
        pass: usize,
        packets: &[Packet],
        mut then: impl for<'a> FnMut(&mut Op::Target, <N::Item as Item>::View<'a>, u64),
    ) -> Result<()> {
        self.start_pass(worker, pass);
        let SegmentWorker { node, operator, arena, reading, outgoing, .. } = worker;
        let mut parts: Vec<&[u8]> = packets.iter().filter_map(Packet::rows).collect();
        while let Some((index, place, bytes)) = first_of(&mut parts) {
            arena.make_room();
            let mut rest = bytes;
            let Some(view) = N::Item::unpack(&mut rest, arena) else {
                return Err(Error::Other("a row was damaged on its way between two workers".into()));
            };
            parts[index] = &bytes[bytes.len() - rest.len()..];
            self.operator.at_row(operator, place);
            let target = self.operator.target(operator);
            (self.row)(view, reading, target);
            then(target, view, place);
            self.send(pass, target, (place, view), outgoing);
            if N::KEEPS_LATE && self.operator.take_late(target) {
                N::keep_late(node, place, view);
            }
        }
        Ok(())
    }
}

impl<N, S, F, Op> Branch for Segment<N, S, F, Op>
where
    N: Node,
    S: Lookups,
    Op: Operator,
    F: for<'a> Fn(<N::Item as Item>::View<'a>, &mut Reading<S::Tables>, &mut Op::Target)
        + Send
        + Sync
        + 'static,
{
    type Item = N::Item;
    type Target = Op::Target;
    type Output = Op::Output;
    type Worker = SegmentWorker<N::Worker, S::Tables, Op::Worker>;

    fn phases(&self) -> Vec<Phase> {
        let mut phases = self.node.phases();
        let routers = self.operator.routers();
        let rounds = if routers > 0 { routers } else { usize::from(self.operator.exchanges()) };
        phases.push(Phase { inputs: self.inputs.clone(), rounds });
        phases
    }

    fn watermark(&self, inputs_micros: i64) -> i64 {
        self.node.watermark(inputs_micros)
    }

    fn lookups(&self) -> Vec<&dyn Refresh> {
        let mut lookups = self.node.lookups();
        lookups.push(&self.lookups);
        lookups
    }

    fn state_types(&self) -> Vec<String> {
        let mut types = self.node.state_types();
        types.extend(self.operator.state_types());
        types
    }

    fn worker(&self, context: WorkerContext) -> SegmentWorker<N::Worker, S::Tables, Op::Worker> {
        SegmentWorker {
            node: self.node.worker(context),
            operator: self.operator.worker(context),
            reading: Reading::new(self.lookups.tables()),
            arena: Arena::default(),
            context,
            outgoing: (0..context.workers).map(|_| Vec::new()).collect(),
            place: 0,
            event_times: vec![EventTimeStats::default(); self.inputs.len()],
        }
    }

    fn begin(&self, worker: &mut SegmentWorker<N::Worker, S::Tables, Op::Worker>, batch: &BatchContext) {
        self.node.begin(&mut worker.node, batch);
        worker.reading.tables = self.lookups.tables();
        self.operator.begin(&mut worker.operator, &self.batch(batch));
        worker.place = worker.context.worker as u64 * ROWS_OF_A_WORKER;
        worker.event_times.fill(EventTimeStats::default());
        self.start_pass(worker, 0);
    }

    /// Runs the segment's own phase over rows that another phase has made, or one of its node's phases.
    fn pull(
        &self,
        worker: &mut SegmentWorker<N::Worker, S::Tables, Op::Worker>,
        phase: usize,
        mut then: impl for<'a> FnMut(&mut Op::Target, <N::Item as Item>::View<'a>, u64),
    ) -> Result<()> {
        if phase < self.node_phases {
            return self.node.pull(&mut worker.node, phase);
        }
        let SegmentWorker { node, operator, reading, context, outgoing, place, .. } = worker;
        let target = self.operator.target(operator);
        let routes = self.routes(*context);
        self.node.for_each(node, *context, |view| {
            (self.row)(view, reading, target);
            then(target, view, *place);
            if routes {
                self.send(0, target, (*place, view), outgoing);
            }
            *place += 1;
        })
    }

    fn exchange(
        &self,
        worker: &mut SegmentWorker<N::Worker, S::Tables, Op::Worker>,
        phase: usize,
        round: usize,
        packets: Vec<Packet>,
        then: impl for<'a> FnMut(&mut Op::Target, <N::Item as Item>::View<'a>, u64),
    ) -> Result<Vec<Packet>> {
        if phase < self.node_phases {
            return self.node.exchange(&mut worker.node, phase, round, packets);
        }
        if self.operator.routers() > 0 {
            if round > 0 {
                self.apply(worker, round, &packets, then)?;
            }
            return Ok(worker.outgoing.iter_mut().map(|rows| Packet::Rows(std::mem::take(rows))).collect());
        }
        if round == 0 {
            let parts = self.operator.split(&mut worker.operator, worker.context.workers);
            return Ok(parts.into_iter().map(Packet::Part).collect());
        }
        let part = |packet| match packet {
            Packet::Part(part) => Some(part),
            Packet::Rows(_) => None,
        };
        self.operator.merge(&mut worker.operator, packets.into_iter().filter_map(part).collect());
        Ok(Vec::new())
    }

    /// Ends a phase of the segment's node, or the segment's own, which emits.
    fn finish(
        &self,
        workers: &mut [&mut SegmentWorker<N::Worker, S::Tables, Op::Worker>],
        phase: usize,
        batch: &BatchContext,
        emitted: &mut Emitted<Op::Output>,
    ) -> Result<()> {
        if phase < self.node_phases {
            let mut nodes: Vec<_> = workers.iter_mut().map(|worker| &mut worker.node).collect();
            return self.node.finish(&mut nodes, phase, batch, &mut emitted.report);
        }
        for worker in workers.iter() {
            for (&input, seen) in self.inputs.iter().zip(&worker.event_times) {
                emitted.report.observe(input, seen);
            }
        }
        let mut operators: Vec<_> = workers.iter_mut().map(|worker| &mut worker.operator).collect();
        self.operator.emit(&mut operators, &self.batch(batch), emitted)
    }

    fn settle(
        &self,
        workers: &mut [&mut SegmentWorker<N::Worker, S::Tables, Op::Worker>],
        mut changes: Option<&mut Vec<OperatorChanges>>,
    ) -> Result<()> {
        let mut nodes: Vec<_> = workers.iter_mut().map(|worker| &mut worker.node).collect();
        self.node.settle(&mut nodes, changes.as_deref_mut())?;
        let mut operators: Vec<_> = workers.iter_mut().map(|worker| &mut worker.operator).collect();
        self.operator.settle(&mut operators, changes)
    }

    fn wake_at(&self, workers: &[&SegmentWorker<N::Worker, S::Tables, Op::Worker>]) -> Option<Timestamp> {
        let nodes: Vec<_> = workers.iter().map(|worker| &worker.node).collect();
        let operators: Vec<_> = workers.iter().map(|worker| &worker.operator).collect();
        [self.node.wake_at(&nodes), self.operator.wake_at(&operators)].into_iter().flatten().min()
    }

    fn standing(
        &self,
        workers: &[&SegmentWorker<N::Worker, S::Tables, Op::Worker>],
    ) -> Result<Option<Vec<Op::Output>>> {
        let operators: Vec<_> = workers.iter().map(|worker| &worker.operator).collect();
        self.operator.standing(&operators)
    }

    fn restore(
        &self,
        workers: &mut [&mut SegmentWorker<N::Worker, S::Tables, Op::Worker>],
        operator: usize,
        entry: StateEntry<'_>,
    ) -> Result<()> {
        match operator.checked_sub(self.node_operators) {
            None => {
                let mut nodes: Vec<_> = workers.iter_mut().map(|worker| &mut worker.node).collect();
                self.node.restore(&mut nodes, operator, entry)
            }
            Some(operator) => {
                let mut operators: Vec<_> = workers.iter_mut().map(|worker| &mut worker.operator).collect();
                self.operator.restore(&mut operators, operator, entry)
            }
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
