//! [`Operator`]: what a query's rows go into, apart from what its rows are.

use crate::error::Result;
use crate::operator::event_time::EventTimeStats;
use crate::operator::route::Router;
use crate::schema::Schema;
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
    /// What happened to the query's stateful operators, in the order of the rows through them.
    pub operators: Vec<OperatorMetrics>,
    /// What the watermark learns from the batch.
    pub event_time: EventTimeStats,
}

impl<O> Default for Emitted<O> {
    fn default() -> Self {
        Self { rows: Vec::new(), operators: Vec::new(), event_time: EventTimeStats::default() }
    }
}

/// The end of a plan: the operators behind the row function, and the result rows that come out of them.
pub(crate) trait Operator: Send + Sync + 'static {
    /// The result's rows.
    type Output: Schema;
    /// What the row function pushes into.
    type Target;
    /// What one worker owns: its share of the state, and the batch in progress.
    type Worker: Send + 'static;
    /// A worker's partial result for the owner of some key groups.
    type Part: Send + 'static;

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

    /// The place of the next row in the batch's input, for an operator whose output is in input order.
    fn at_row(&self, _worker: &mut Self::Worker, _sequence: u64) {}

    /// Splits what the worker has gathered into a part for each owner. Called only with several workers.
    fn split(&self, worker: &mut Self::Worker, workers: usize) -> Vec<Self::Part>;

    /// Takes in the parts for the key groups that this worker owns, in input order.
    fn merge(&self, worker: &mut Self::Worker, parts: Vec<Self::Part>);

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

    /// Puts back what the checkpoint holds of an operator, the first being 0.
    fn restore(
        &self,
        workers: &mut [&mut Self::Worker],
        operator: usize,
        entry: StateEntry<'_>,
    ) -> Result<()>;
}
