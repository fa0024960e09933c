//! [`Join`]: two branches whose rows are brought together by key.
//!
//! First all rows of the left branch arrive, then all of the right one; then what the watermark has passed is evicted. So the rows that come
//! out have an order that doesn't depend on the number of workers: as the rows that brought them about, and at the end what never matched.

mod bounds;
mod feed;
mod kind;
mod made;
mod side;
mod sides;

use std::any::type_name;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::error::Result;
use crate::operator::join::Keyed;
use crate::state::join_rows::{StoredRow, hash_packed};
use crate::static_input::Refresh;
use crate::time::Timestamp;

pub use bounds::{Bounds, TimeRange, within};
pub use kind::{FullOuter, Inner, JoinKind, LeftAnti, LeftOuter, LeftSemi, RightOuter};
use made::Made;
pub use side::JoinSide;
use sides::Sides;

use super::branch::Branch;
use super::changes::owner;
use super::item::Item;
use super::node::Node;
use super::operator::{Emitted, Report, WorkerContext};
use super::phase::{Packet, Phase};
use super::{BatchContext, OperatorChanges, OperatorMetrics, StateEntry, Types};

/// The join of two branches, of kind `J`. `condition` is what has to hold of two rows of one key.
#[derive(Debug)]
pub struct Join<L, R, C, J> {
    left: L,
    right: R,
    condition: C,
    bounds: Bounds,
    /// How many phases and stateful operators the branches have.
    left_phases: usize,
    right_phases: usize,
    left_operators: usize,
    right_operators: usize,
    kind: Types<J>,
}

/// A worker of a [`Join`].
#[derive(Debug)]
pub struct JoinWorker<L, R> {
    left: L,
    right: R,
    sides: Sides,
    seed: u64,
    places: Places,
    made: Arc<Made>,
}

/// The rows of a branch.
type View<'a, B> = <<B as Branch>::Item as Item>::View<'a>;

/// The place of a row among those of all workers, which isn't needed by a lone one.
#[derive(Clone, Copy, Debug)]
struct Places {
    are_needed: bool,
}

impl Places {
    fn left(self, place: u64) -> Option<u64> {
        self.are_needed.then_some(place)
    }

    /// Right rows come after all left ones.
    fn right(self, place: u64) -> Option<u64> {
        self.are_needed.then_some(place | 1 << 63)
    }
}

/// What tells the sides' rows apart in a checkpoint.
const LEFT_SIDE: u8 = 0;
const RIGHT_SIDE: u8 = 1;

impl<L, R, C, J> Join<L, R, C, J>
where
    L: Branch,
    R: Branch,
{
    pub(super) fn new(left: L, right: R, bounds: Bounds, condition: C) -> Self {
        let (left_phases, right_phases) = (left.phases().len(), right.phases().len());
        let (left_operators, right_operators) = (left.state_types().len(), right.state_types().len());
        Self {
            left,
            right,
            condition,
            bounds,
            left_phases,
            right_phases,
            left_operators,
            right_operators,
            kind: PhantomData,
        }
    }

    /// The watermark of the rows that go in.
    fn input_watermark(&self, inputs_micros: i64) -> i64 {
        self.left.watermark(inputs_micros).min(self.right.watermark(inputs_micros))
    }

    /// The batch as the join sees it.
    fn batch(&self, batch: &BatchContext) -> BatchContext {
        BatchContext {
            late_micros: self.input_watermark(batch.late_micros),
            evict_micros: self.input_watermark(batch.evict_micros),
            ..*batch
        }
    }
}

impl<L, R, C, J> Node for Join<L, R, C, J>
where
    L: Branch<Output = ()>,
    R: Branch<Output = ()>,
    L::Target: Keyed,
    R::Target: Keyed,
    C: for<'l, 'r> Fn(View<'l, L>, View<'r, R>) -> bool + Send + Sync + 'static,
    J: JoinKind,
{
    type Item = J::Item<L::Item, R::Item>;
    type Worker = JoinWorker<L::Worker, R::Worker>;

    fn phases(&self) -> Vec<Phase> {
        let mut phases = self.left.phases();
        phases.extend(self.right.phases());
        phases
    }

    fn lookups(&self) -> Vec<&dyn Refresh> {
        let mut lookups = self.left.lookups();
        lookups.extend(self.right.lookups());
        lookups
    }

    fn state_types(&self) -> Vec<String> {
        let mut types = self.left.state_types();
        types.extend(self.right.state_types());
        types.push(format!(
            "{} -> {}; {}",
            type_name::<<L::Target as Keyed>::Key>(),
            L::Item::describe(),
            R::Item::describe()
        ));
        types
    }

    fn watermark(&self, inputs_micros: i64) -> i64 {
        self.bounds.watermark(self.input_watermark(inputs_micros))
    }

    fn worker(&self, context: WorkerContext) -> Self::Worker {
        JoinWorker {
            left: self.left.worker(context),
            right: self.right.worker(context),
            sides: Sides::new(context.seed, J::RULES, self.bounds),
            seed: context.seed,
            places: Places { are_needed: context.workers > 1 },
            made: Arc::default(),
        }
    }

    fn begin(&self, worker: &mut Self::Worker, batch: &BatchContext) {
        self.left.begin(&mut worker.left, batch);
        self.right.begin(&mut worker.right, batch);
        worker.sides.begin(&self.batch(batch));
        worker.made = Arc::default();
    }

    fn pull(&self, worker: &mut Self::Worker, phase: usize) -> Result<()> {
        let mut arrived = Ok(());
        let JoinWorker { left, right, sides, places, .. } = worker;
        match phase.checked_sub(self.left_phases) {
            None => self.left.pull(left, phase, |target, row, place| {
                if arrived.is_ok() {
                    arrived = sides.arrive_left::<L::Item, R::Item>(
                        target,
                        row,
                        places.left(place),
                        &self.condition,
                    );
                }
            })?,
            Some(phase) => self.right.pull(right, phase, |target, row, place| {
                if arrived.is_ok() {
                    arrived = sides.arrive_right::<L::Item, R::Item>(
                        target,
                        row,
                        places.right(place),
                        &self.condition,
                    );
                }
            })?,
        }
        arrived
    }

    fn exchange(
        &self,
        worker: &mut Self::Worker,
        phase: usize,
        round: usize,
        packets: Vec<Packet>,
    ) -> Result<Vec<Packet>> {
        let mut arrived = Ok(());
        let JoinWorker { left, right, sides, places, .. } = worker;
        let given = match phase.checked_sub(self.left_phases) {
            None => self.left.exchange(left, phase, round, packets, |target, row, place| {
                if arrived.is_ok() {
                    arrived = sides.arrive_left::<L::Item, R::Item>(
                        target,
                        row,
                        places.left(place),
                        &self.condition,
                    );
                }
            })?,
            Some(phase) => self.right.exchange(right, phase, round, packets, |target, row, place| {
                if arrived.is_ok() {
                    arrived = sides.arrive_right::<L::Item, R::Item>(
                        target,
                        row,
                        places.right(place),
                        &self.condition,
                    );
                }
            })?,
        };
        arrived.map(|()| given)
    }

    fn finish(
        &self,
        workers: &mut [&mut Self::Worker],
        phase: usize,
        batch: &BatchContext,
        report: &mut Report,
    ) -> Result<()> {
        let mut emitted = Emitted::default();
        std::mem::swap(report, &mut emitted.report);
        let finished = match phase.checked_sub(self.left_phases) {
            None => {
                let mut left: Vec<_> = workers.iter_mut().map(|worker| &mut worker.left).collect();
                self.left.finish(&mut left, phase, batch, &mut emitted)
            }
            Some(phase) => {
                let mut right: Vec<_> = workers.iter_mut().map(|worker| &mut worker.right).collect();
                self.right.finish(&mut right, phase, batch, &mut emitted)
            }
        };
        std::mem::swap(report, &mut emitted.report);
        finished?;
        if phase + 1 == self.left_phases + self.right_phases {
            report.operators.push(evict(workers));
        }
        Ok(())
    }

    fn for_each(
        &self,
        worker: &Self::Worker,
        context: WorkerContext,
        row: impl FnMut(<Self::Item as Item>::View<'_>),
    ) -> Result<()> {
        worker.made.for_each::<Self::Item>(context, row)
    }

    fn settle(
        &self,
        workers: &mut [&mut Self::Worker],
        mut changes: Option<&mut Vec<OperatorChanges>>,
    ) -> Result<()> {
        let mut left: Vec<_> = workers.iter_mut().map(|worker| &mut worker.left).collect();
        self.left.settle(&mut left, changes.as_deref_mut())?;
        let mut right: Vec<_> = workers.iter_mut().map(|worker| &mut worker.right).collect();
        self.right.settle(&mut right, changes.as_deref_mut())?;
        if let Some(all) = changes {
            let mut changes = OperatorChanges::default();
            for worker in workers.iter() {
                worker.sides.left.changes(&mut changes, LEFT_SIDE)?;
                worker.sides.right.changes(&mut changes, RIGHT_SIDE)?;
            }
            all.push(changes);
        }
        for worker in workers.iter_mut() {
            worker.sides.left.settle();
            worker.sides.right.settle();
            worker.made = Arc::default();
        }
        Ok(())
    }

    fn wake_at(&self, workers: &[&Self::Worker]) -> Option<Timestamp> {
        let left: Vec<_> = workers.iter().map(|worker| &worker.left).collect();
        let right: Vec<_> = workers.iter().map(|worker| &worker.right).collect();
        [self.left.wake_at(&left), self.right.wake_at(&right)].into_iter().flatten().min()
    }

    fn restore(
        &self,
        workers: &mut [&mut Self::Worker],
        operator: usize,
        entry: StateEntry<'_>,
    ) -> Result<()> {
        if operator < self.left_operators {
            let mut left: Vec<_> = workers.iter_mut().map(|worker| &mut worker.left).collect();
            return self.left.restore(&mut left, operator, entry);
        }
        if operator < self.left_operators + self.right_operators {
            let mut right: Vec<_> = workers.iter_mut().map(|worker| &mut worker.right).collect();
            return self.right.restore(&mut right, operator - self.left_operators, entry);
        }
        let stored = StoredRow::decode(&entry)?;
        let count = workers.len();
        let Some(seed) = workers.first().map(|worker| worker.seed) else { return Ok(()) };
        let hash = hash_packed(seed, stored.key);
        let sides = &mut workers[owner(hash, count)].sides;
        match stored.side {
            LEFT_SIDE => sides.left.restore(hash, &stored),
            _ => sides.right.restore(hash, &stored),
        }
        Ok(())
    }
}

/// Lets go of what the watermark has passed, and puts the rows that have come out in order.
fn evict<L, R>(workers: &mut [&mut JoinWorker<L, R>]) -> OperatorMetrics {
    let mut metrics = OperatorMetrics::default();
    let mut made = Vec::with_capacity(workers.len());
    let mut waiting = 0;
    for worker in workers.iter_mut() {
        let sides = &mut worker.sides;
        sides.evict();
        metrics.rows_total += (sides.left.len() + sides.right.len()) as u64;
        waiting += (sides.left.expiring_len() + sides.right.expiring_len()) as u64;
        metrics.rows_updated += sides.counts.stored;
        metrics.rows_removed += sides.counts.removed;
        metrics.late_rows += sides.counts.late;
        metrics.max_lateness_micros = metrics.max_lateness_micros.max(sides.counts.max_lateness_micros);
        metrics.memory_used_bytes += (sides.left.allocated_bytes() + sides.right.allocated_bytes()) as u64;
        made.push(std::mem::take(&mut sides.made));
    }
    metrics.waiting = Some(waiting);
    metrics.rows_dropped_by_watermark = metrics.late_rows;
    let made = Made::new(made);
    for worker in workers.iter_mut() {
        worker.made = Arc::clone(&made);
    }
    metrics
}
