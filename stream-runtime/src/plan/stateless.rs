//! Queries without state: every row goes through `where`, `let`, `explode` and `select` and out.

use std::marker::PhantomData;

use crate::error::Result;
use crate::schema::Schema;

use super::operator::{Emitted, Operator, WorkerContext};
use super::{BatchContext, OperatorChanges, StateEntry, Types};

/// Takes the result rows of a row function.
#[derive(Debug)]
pub struct Emitter<O> {
    rows: Vec<O>,
    /// For each row its place in the input, where rows were brought here from several workers.
    places: Vec<u64>,
    place: Option<u64>,
}

impl<O> Default for Emitter<O> {
    fn default() -> Self {
        Self { rows: Vec::new(), places: Vec::new(), place: None }
    }
}

impl<O> Emitter<O> {
    /// Emits a result row.
    #[inline]
    pub fn emit(&mut self, row: O) {
        self.rows.push(row);
        self.places.extend(self.place);
    }
}

/// The operator that keeps no state: rows come out as they went in, in input order.
#[derive(Debug)]
pub struct Emit<O>(Types<O>);

impl<O> Emit<O> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<O: Schema> Operator for Emit<O> {
    type Output = O;
    type Target = Emitter<O>;
    type Worker = Emitter<O>;

    fn state_types(&self) -> Vec<String> {
        Vec::new()
    }

    fn worker(&self, _context: WorkerContext) -> Emitter<O> {
        Emitter::default()
    }

    fn begin(&self, worker: &mut Emitter<O>, _batch: &BatchContext) {
        *worker = Emitter::default();
    }

    fn target<'w>(&self, worker: &'w mut Emitter<O>) -> &'w mut Emitter<O> {
        worker
    }

    fn take_late(&self, _target: &mut Emitter<O>) -> bool {
        false
    }

    fn at_row(&self, worker: &mut Emitter<O>, sequence: u64) {
        worker.place = Some(sequence);
    }

    fn emit(
        &self,
        workers: &mut [&mut Emitter<O>],
        _batch: &BatchContext,
        emitted: &mut Emitted<O>,
    ) -> Result<()> {
        let mut places = Vec::new();
        for worker in workers {
            places.append(&mut worker.places);
            if emitted.rows.is_empty() {
                std::mem::swap(&mut emitted.rows, &mut worker.rows);
            } else {
                emitted.rows.append(&mut worker.rows);
            }
        }
        if !places.is_empty() {
            let mut by_place: Vec<_> = places.into_iter().zip(emitted.rows.drain(..)).collect();
            // Stable, for the rows that an `explode` made of one.
            by_place.sort_by_key(|(place, _)| *place);
            emitted.rows.extend(by_place.into_iter().map(|(_, row)| row));
        }
        Ok(())
    }

    fn settle(
        &self,
        _workers: &mut [&mut Emitter<O>],
        _changes: Option<&mut Vec<OperatorChanges>>,
    ) -> Result<()> {
        Ok(())
    }

    fn restore(
        &self,
        _workers: &mut [&mut Emitter<O>],
        _operator: usize,
        _entry: StateEntry<'_>,
    ) -> Result<()> {
        Ok(())
    }
}
