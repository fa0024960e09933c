//! [`Node`]: where a row function's rows come from.

use crate::error::Result;
use crate::static_input::Refresh;
use crate::time::Timestamp;

use super::item::Item;
use super::operator::{Report, WorkerContext};
use super::phase::{Packet, Phase};
use super::{BatchContext, OperatorChanges, StateEntry};

/// A part of a plan that gives rows to a row function: an input, a join, or another query.
///
/// Phases and stateful operators are counted from 0 within the node. What isn't said otherwise is what an input does: nothing.
pub trait Node: Send + Sync + 'static {
    /// The rows.
    type Item: Item;
    /// What one worker owns of it.
    type Worker: Send + 'static;

    /// Whether a row that comes too late for the operator behind the row function is to be given to [`keep_late`](Self::keep_late).
    const KEEPS_LATE: bool = false;

    /// Keeps a row that has come too late. `place` is its place in the batch's input.
    fn keep_late(_worker: &mut Self::Worker, _place: u64, _view: <Self::Item as Item>::View<'_>) {}

    /// The phases that have to be done before the rows are there.
    fn phases(&self) -> Vec<Phase> {
        Vec::new()
    }

    /// The inputs that the rows are read from, if nothing makes them.
    fn inputs(&self) -> Vec<usize> {
        Vec::new()
    }

    /// The types of keys and state of each stateful operator, for the fingerprint.
    fn state_types(&self) -> Vec<String> {
        Vec::new()
    }

    /// The static inputs that its row functions look into.
    fn lookups(&self) -> Vec<&dyn Refresh> {
        Vec::new()
    }

    /// The watermark of the node's rows, in µs, while that of the inputs is `inputs_micros`: no later row is at or before it.
    fn watermark(&self, inputs_micros: i64) -> i64 {
        inputs_micros
    }

    /// A worker with empty state.
    fn worker(&self, context: WorkerContext) -> Self::Worker;

    /// Starts a batch.
    fn begin(&self, _worker: &mut Self::Worker, _batch: &BatchContext) {}

    /// Runs a phase over the worker's share of rows that an earlier phase has made.
    fn pull(&self, _worker: &mut Self::Worker, _phase: usize) -> Result<()> {
        Ok(())
    }

    /// Takes in what the other workers had for this one, and gives what it has for them; round 0 only gives.
    fn exchange(
        &self,
        _worker: &mut Self::Worker,
        _phase: usize,
        _round: usize,
        _packets: Vec<Packet>,
    ) -> Result<Vec<Packet>> {
        Ok(Vec::new())
    }

    /// Ends a phase on all workers.
    fn finish(
        &self,
        _workers: &mut [&mut Self::Worker],
        _phase: usize,
        _batch: &BatchContext,
        _report: &mut Report,
    ) -> Result<()> {
        Ok(())
    }

    /// Calls `row` with each row of the worker's share, in order; not for rows that are read from inputs.
    fn for_each(
        &self,
        _worker: &Self::Worker,
        _context: WorkerContext,
        _row: impl FnMut(<Self::Item as Item>::View<'_>),
    ) -> Result<()> {
        Ok(())
    }

    /// Writes down how the batch has changed each operator's state, if the checkpoint wants to know, and ends the batch.
    fn settle(
        &self,
        _workers: &mut [&mut Self::Worker],
        _changes: Option<&mut Vec<OperatorChanges>>,
    ) -> Result<()> {
        Ok(())
    }

    /// When a batch has to run though there may be no rows for it. Asked between two batches.
    fn wake_at(&self, _workers: &[&Self::Worker]) -> Option<Timestamp> {
        None
    }

    /// Puts back what the checkpoint holds of an operator.
    fn restore(
        &self,
        _workers: &mut [&mut Self::Worker],
        _operator: usize,
        _entry: StateEntry<'_>,
    ) -> Result<()> {
        Ok(())
    }
}
