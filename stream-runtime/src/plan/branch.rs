//! [`Branch`]: rows from the inputs up to an operator, as whatever comes next sees it: a join, or the end of the plan.

use crate::error::Result;
use crate::schema::Schema;
use crate::source::Chunk;
use crate::static_input::Refresh;
use crate::time::Timestamp;

use super::item::Item;
use super::node::Node;
use super::operator::{Emitted, WorkerContext};
use super::phase::{Packet, Phase};
use super::rejects::Rejects;
use super::{BatchContext, OperatorChanges, Plan, StateEntry, Wanted};

/// A branch of a plan's tree. [`Segment`](super::segment::Segment) is the only one; the trait spares joins and plans its many parameters.
///
/// Where rows go by, `then` is called with what the row function has pushed the row into, the row, and its place in the batch.
pub trait Branch: Send + Sync + 'static {
    /// The rows that the row function is given.
    type Item: Item;
    /// What it pushes into.
    type Target;
    /// What comes out at the end of a batch.
    type Output;
    /// What one worker owns.
    type Worker: Send + 'static;

    /// The phases, the last of which is the row function's.
    fn phases(&self) -> Vec<Phase>;
    /// The types of keys and state of each stateful operator, for the fingerprint.
    fn state_types(&self) -> Vec<String>;
    /// The static inputs that its row functions look into.
    fn lookups(&self) -> Vec<&dyn Refresh>;
    /// The watermark of the branch's rows, while that of the inputs is `inputs_micros`.
    fn watermark(&self, inputs_micros: i64) -> i64;
    /// A worker with empty state.
    fn worker(&self, context: WorkerContext) -> Self::Worker;
    /// Starts a batch.
    fn begin(&self, worker: &mut Self::Worker, batch: &BatchContext);

    /// Runs a phase over the worker's share of rows that an earlier phase has made.
    fn pull(
        &self,
        worker: &mut Self::Worker,
        phase: usize,
        then: impl for<'a> FnMut(&mut Self::Target, <Self::Item as Item>::View<'a>, u64),
    ) -> Result<()>;

    /// Takes in what the other workers had for this one, and gives what it has for them; round 0 only gives.
    fn exchange(
        &self,
        worker: &mut Self::Worker,
        phase: usize,
        round: usize,
        packets: Vec<Packet>,
        then: impl for<'a> FnMut(&mut Self::Target, <Self::Item as Item>::View<'a>, u64),
    ) -> Result<Vec<Packet>>;

    /// Ends a phase on all workers; the last one emits.
    fn finish(
        &self,
        workers: &mut [&mut Self::Worker],
        phase: usize,
        batch: &BatchContext,
        emitted: &mut Emitted<Self::Output>,
    ) -> Result<()>;

    /// Writes down how the batch has changed each operator's state, if the checkpoint wants to know, and ends the batch.
    fn settle(
        &self,
        workers: &mut [&mut Self::Worker],
        changes: Option<&mut Vec<OperatorChanges>>,
    ) -> Result<()>;

    /// When a batch has to run though there may be no rows for it. Asked between two batches.
    fn wake_at(&self, workers: &[&Self::Worker]) -> Option<Timestamp>;

    /// The rows of the whole result, if the state holds them. Asked between two batches.
    fn standing(&self, workers: &[&Self::Worker]) -> Result<Option<Vec<Self::Output>>>;

    /// Puts back what the checkpoint holds of an operator.
    fn restore(
        &self,
        workers: &mut [&mut Self::Worker],
        operator: usize,
        entry: StateEntry<'_>,
    ) -> Result<()>;
}

/// The way from a branch to an input: it is read here.
#[derive(Debug)]
pub struct Here;

/// The way to an input on the left of the join whose rows the branch is given.
#[derive(Debug)]
pub struct Left<Path>(Path);

/// The way to an input on the right of it.
#[derive(Debug)]
pub struct Right<Path>(Path);

/// A branch with an input at the end of `Path`.
pub trait Feeds<Path>: Branch {
    /// The input's rows.
    type Row: Schema;

    /// Decodes a chunk of the input and runs its row function over it. `input` counts the inputs that one row function reads.
    fn feed(
        &self,
        worker: &mut Self::Worker,
        input: usize,
        chunk: Chunk<'_, Self::Row>,
        rejects: &mut Rejects,
        then: impl for<'a> FnMut(&mut Self::Target, <Self::Item as Item>::View<'a>, u64),
    ) -> Result<()>;

    /// What the query wants of the input's rows.
    fn wanted(&self) -> Wanted<'_>;

    /// Takes the worker's late rows, each with its place in the input.
    fn take_late(worker: &mut Self::Worker) -> Vec<(u64, Self::Row)>;
}

/// A join with an input at the end of `Path`, which begins with the side that it is on.
pub trait FeedsJoin<Path>: Node {
    /// The input's rows.
    type Row: Schema;

    /// As [`Feeds::feed`]: the rows go into the join.
    fn feed(
        &self,
        worker: &mut Self::Worker,
        input: usize,
        chunk: Chunk<'_, Self::Row>,
        rejects: &mut Rejects,
    ) -> Result<()>;

    /// As [`Feeds::wanted`].
    fn wanted(&self) -> Wanted<'_>;

    /// As [`Feeds::take_late`].
    fn take_late(worker: &mut Self::Worker) -> Vec<(u64, Self::Row)>;
}

/// A branch in which another query stands at the end of `Path`.
pub trait Holds<Path>: Branch {
    /// The other query.
    type Inner: Plan;

    /// Its plan, and its part of a worker.
    fn inner<'a>(
        &'a self,
        worker: &'a mut Self::Worker,
    ) -> (&'a Self::Inner, &'a mut <Self::Inner as Plan>::Worker);
}

/// A join in which another query stands at the end of `Path`, which begins with the side that it is on.
pub trait HoldsJoined<Path>: Node {
    /// The other query.
    type Inner: Plan;

    /// As [`Holds::inner`].
    fn inner<'a>(
        &'a self,
        worker: &'a mut Self::Worker,
    ) -> (&'a Self::Inner, &'a mut <Self::Inner as Plan>::Worker);
}
