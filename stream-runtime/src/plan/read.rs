//! [`Read`]: rows that are read from one input, or from several of one schema, one after the other.

use std::marker::PhantomData;

use crate::schema::Schema;

use super::Types;
use super::item::Columns;
use super::node::Node;
use super::operator::WorkerContext;

/// Inputs of row type `R`, of which the query reads `COLUMNS`.
#[derive(Debug)]
pub struct Read<R, const COLUMNS: u128> {
    inputs: Vec<usize>,
    types: Types<R>,
}

impl<R, const COLUMNS: u128> Read<R, COLUMNS> {
    pub(super) fn new(inputs: &[usize]) -> Self {
        Self { inputs: inputs.to_vec(), types: PhantomData }
    }
}

impl<R: Schema, const COLUMNS: u128> Node for Read<R, COLUMNS> {
    type Item = Columns<R, COLUMNS>;
    type Worker = ();

    fn inputs(&self) -> Vec<usize> {
        self.inputs.clone()
    }

    fn worker(&self, _context: WorkerContext) {}
}
