//! [`Read`]: rows that are read from one input, or from several of one schema, one after the other.

use std::marker::PhantomData;

use crate::schema::Schema;

use super::item::Columns;
use super::node::Node;
use super::operator::WorkerContext;
use super::{Pruning, Types};

/// Inputs of row type `R`, of which the query reads `COLUMNS`. If `LATE`, rows that come too late are kept for a sink of their own.
#[derive(Debug)]
pub struct Read<R, const COLUMNS: u128, const LATE: bool = false> {
    inputs: Vec<usize>,
    /// What the query's first `where` says.
    pub(super) pruning: Option<Pruning>,
    types: Types<R>,
}

impl<R, const COLUMNS: u128> Read<R, COLUMNS> {
    pub(super) fn new(inputs: &[usize]) -> Self {
        Self { inputs: inputs.to_vec(), pruning: None, types: PhantomData }
    }

    /// The same, with late rows kept.
    pub(super) fn keep_late(self) -> Read<R, COLUMNS, true> {
        Read { inputs: self.inputs, pruning: self.pruning, types: PhantomData }
    }
}

/// A worker's late rows of a batch, each with its place in the batch's input.
#[derive(Debug)]
pub struct LateRows<R>(pub(super) Vec<(u64, R)>);

impl<R: Schema, const COLUMNS: u128, const LATE: bool> Node for Read<R, COLUMNS, LATE> {
    type Item = Columns<R, COLUMNS>;
    type Worker = LateRows<R>;

    const KEEPS_LATE: bool = LATE;

    fn inputs(&self) -> Vec<usize> {
        self.inputs.clone()
    }

    fn worker(&self, _context: WorkerContext) -> LateRows<R> {
        LateRows(Vec::new())
    }

    #[cold]
    fn keep_late(worker: &mut LateRows<R>, place: u64, view: R::View<'_>) {
        worker.0.push((place, R::from_view(view)));
    }
}
