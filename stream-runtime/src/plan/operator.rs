//! [`Operator`]: what a query's rows go into, apart from what its rows are.

use std::any::Any;

use crate::error::Result;
use crate::operator::event_time::EventTimeStats;
use crate::operator::route::Router;
use crate::time::Timestamp;

use super::{BatchContext, OperatorChanges, OperatorMetrics, StateEntry};

/// A worker's place among the others.
#[derive(Clone, Copy, Debug)]
pub struct WorkerContext {
    /// The seed of the keys' hash.
    pub seed: u64,
    /// Which of the workers this is.
    pub worker: usize,
    /// How many there are.
    pub workers: usize,
}

/// A batch's result.
#[derive(Debug)]
pub struct Emitted<O> {
    /// The rows for the sinks.
    pub rows: Vec<O>,
    /// The last rows of groups that the watermark has removed, in update mode and if [`BatchContext::tells_removed`].
    pub removed: Vec<O>,
    /// What else there is to say.
    pub report: Report,
}

impl<O> Default for Emitted<O> {
    fn default() -> Self {
        Self { rows: Vec::new(), removed: Vec::new(), report: Report::default() }
    }
}

/// What happened in a batch, apart from its rows.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What happened to the query's stateful operators, in the order of the rows through them.
    pub operators: Vec<OperatorMetrics>,
    /// What the watermark learns from each input.
    pub event_times: Vec<EventTimeStats>,
}

impl Report {
    /// Takes in what a worker has seen of an input.
    pub(crate) fn observe(&mut self, input: usize, seen: &EventTimeStats) {
        if self.event_times.len() <= input {
            self.event_times.resize(input + 1, EventTimeStats::default());
        }
        self.event_times[input].merge(seen);
    }

    /// Takes in the report of an inner query, whose inputs begin at `first_input`.
    pub(super) fn take_in(&mut self, inner: Self, first_input: usize) {
        self.operators.extend(inner.operators);
        for (input, seen) in inner.event_times.iter().enumerate() {
            self.observe(first_input + input, seen);
        }
    }
}

/// The end of a segment: the operators behind its row function, and what comes out of them.
pub trait Operator: Send + Sync + 'static {
    /// What comes out at the end of a batch.
    type Output;
    /// What the row function pushes into.
    type Target;
    /// What one worker owns: its share of the state, and the batch in progress.
    type Worker: Send + 'static;

    /// The types of keys and state of each stateful operator, for the fingerprint.
    fn state_types(&self) -> Vec<String>;

    /// A worker with empty state.
    fn worker(&self, context: WorkerContext) -> Self::Worker;

    /// Starts a batch.
    fn begin(&self, worker: &mut Self::Worker, batch: &BatchContext);

    /// What the row function pushes into.
    fn target<'w>(&self, worker: &'w mut Self::Worker) -> &'w mut Self::Target;

    /// How many routers there are: operators that want rows brought to the owner of their key.
    fn routers(&self) -> usize {
        0
    }

    /// A router, the first being 0.
    fn router<'w>(&self, _target: &'w mut Self::Target, _index: usize) -> Option<&'w mut Router> {
        None
    }

    /// As [`routers`](Self::routers), for an operator that rows reach through another one that routes: rows of one group
    /// come from several workers then, and only their owner can take them in input order.
    fn routers_behind(&self) -> usize {
        self.routers()
    }

    /// As [`router`](Self::router), behind another operator.
    fn router_behind<'w>(&self, worker: &'w mut Self::Worker, index: usize) -> Option<&'w mut Router> {
        self.router(self.target(worker), index)
    }

    /// Whether the row that the row function has just been given came too late, for one of its groups at least. Forgets it again:
    /// asked once a row, where late rows are kept.
    fn take_late(&self, target: &mut Self::Target) -> bool;

    /// The place of the next row in the batch's input, for an operator whose output is in input order.
    fn at_row(&self, _worker: &mut Self::Worker, _sequence: u64) {}

    /// Whether several workers exchange partial results; only without routers.
    fn exchanges(&self) -> bool {
        false
    }

    /// Splits what the worker has gathered into a part for each owner.
    fn split(&self, _worker: &mut Self::Worker, _workers: usize) -> Vec<Box<dyn Any + Send>> {
        Vec::new()
    }

    /// Takes in the parts for the key groups that this worker owns, in input order.
    fn merge(&self, _worker: &mut Self::Worker, _parts: Vec<Box<dyn Any + Send>>) {}

    /// After the last row: emits by output mode, then evicts what is behind the watermark.
    fn emit(
        &self,
        workers: &mut [&mut Self::Worker],
        batch: &BatchContext,
        emitted: &mut Emitted<Self::Output>,
    ) -> Result<()>;

    /// Writes down how the batch has changed each operator's state, if the checkpoint wants to know, and ends the
    /// batch.
    fn settle(
        &self,
        workers: &mut [&mut Self::Worker],
        changes: Option<&mut Vec<OperatorChanges>>,
    ) -> Result<()>;

    /// When a batch has to run though there may be no rows for it: the time of the next processing timer. Asked
    /// between two batches.
    fn wake_at(&self, _workers: &[&Self::Worker]) -> Option<Timestamp> {
        None
    }

    /// The rows of the whole result, if the state holds them: between two batches, in update and complete mode.
    ///
    /// # Errors
    /// A row can't be made: an aggregate has overflowed, for instance.
    fn standing(&self, _workers: &[&Self::Worker]) -> Result<Option<Vec<Self::Output>>> {
        Ok(None)
    }

    /// Puts back what the checkpoint holds of an operator, the first being 0.
    fn restore(
        &self,
        workers: &mut [&mut Self::Worker],
        operator: usize,
        entry: StateEntry<'_>,
    ) -> Result<()>;
}
