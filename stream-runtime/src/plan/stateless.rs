//! Queries without state: every row goes through `where`, `let`, `explode` and `select` and out.

use std::marker::PhantomData;

use crate::error::Result;
use crate::format::Arena;
use crate::operator::event_time::EventTimeStats;
use crate::operator::windowing::EventTime;
use crate::schema::Schema;
use crate::source::Chunk;

use super::decode::for_each_view;
use super::rejects::Rejects;
use super::{BatchContext, Emitted, OperatorChanges, OutputMode, Plan, PlanInfo, StateEntry};

/// Takes the result rows of a row function.
#[derive(Debug)]
pub struct Emitter<O> {
    rows: Vec<O>,
    event_time: EventTimeStats,
}

impl<O> Emitter<O> {
    /// Shows the watermark a row's event time.
    #[inline]
    pub fn observe(&mut self, time: impl EventTime) {
        self.event_time.observe(time);
    }

    /// Emits a result row.
    #[inline]
    pub fn emit(&mut self, row: O) {
        self.rows.push(row);
    }
}

/// A row function that needs only an output mode to be a plan.
#[derive(Debug)]
pub struct Selected<R, const COLUMNS: u128, O, F> {
    row: F,
    types: PhantomData<fn() -> (R, O)>,
}

impl<R: Schema, const COLUMNS: u128, O, F> Selected<R, COLUMNS, O, F>
where
    F: for<'a> Fn(R::View<'a>, &mut Emitter<O>) + Send + Sync + 'static,
{
    pub(super) fn new(row: F) -> Self {
        Self { row, types: PhantomData }
    }
}

impl<R: Schema, const COLUMNS: u128, O, F> Selected<R, COLUMNS, O, F> {
    /// Completes the plan.
    pub fn output<M: OutputMode>(self, info: PlanInfo) -> impl Plan<Row = R, Output = O, Mode = M>
    where
        O: Schema,
        F: for<'a> Fn(R::View<'a>, &mut Emitter<O>) + Send + Sync + 'static,
    {
        StatelessPlan::<R, COLUMNS, O, F, M> { row: self.row, info, types: PhantomData }
    }
}

/// The plan of a query without state.
#[derive(Debug)]
pub struct StatelessPlan<R, const COLUMNS: u128, O, F, M> {
    row: F,
    info: PlanInfo,
    types: PhantomData<fn() -> (R, O, M)>,
}

/// One worker's rows of the batch in progress.
#[derive(Debug)]
pub struct StatelessWorker<O> {
    emitter: Emitter<O>,
    arena: Arena,
}

impl<R, const COLUMNS: u128, O, F, M> Plan for StatelessPlan<R, COLUMNS, O, F, M>
where
    R: Schema,
    O: Schema,
    M: OutputMode,
    F: for<'a> Fn(R::View<'a>, &mut Emitter<O>) + Send + Sync + 'static,
{
    type Row = R;
    type Output = O;
    type Mode = M;
    type Worker = StatelessWorker<O>;
    type Part = ();

    fn info(&self) -> &PlanInfo {
        &self.info
    }

    fn state_types(&self) -> Option<String> {
        None
    }

    fn worker(&self, _seed: u64, _workers: usize) -> Self::Worker {
        StatelessWorker {
            emitter: Emitter { rows: Vec::new(), event_time: EventTimeStats::default() },
            arena: Arena::default(),
        }
    }

    fn begin(&self, worker: &mut Self::Worker, _batch: &BatchContext) {
        worker.emitter.rows.clear();
        worker.emitter.event_time = EventTimeStats::default();
    }

    fn feed(&self, worker: &mut Self::Worker, chunk: Chunk<'_, R>, rejects: &mut Rejects) -> Result<()> {
        let StatelessWorker { emitter, arena } = worker;
        for_each_view::<R, COLUMNS>(chunk, arena, rejects, |view| (self.row)(view, emitter))
    }

    fn split(&self, _worker: &mut Self::Worker, _workers: usize) -> Vec<()> {
        Vec::new()
    }

    fn merge(&self, _worker: &mut Self::Worker, _parts: Vec<()>) {}

    fn emit(&self, workers: &mut [Self::Worker], _batch: &BatchContext) -> Result<Emitted<O>> {
        let mut rows = Vec::new();
        let mut event_time = EventTimeStats::default();
        for worker in workers {
            event_time.merge(&worker.emitter.event_time);
            if rows.is_empty() {
                std::mem::swap(&mut rows, &mut worker.emitter.rows);
            } else {
                rows.append(&mut worker.emitter.rows);
            }
        }
        Ok(Emitted { rows, operator: None, event_time })
    }

    fn settle(&self, _workers: &mut [Self::Worker], _changes: Option<&mut OperatorChanges>) -> Result<()> {
        Ok(())
    }

    fn restore(&self, _workers: &mut [Self::Worker], _entry: StateEntry<'_>) -> Result<()> {
        Ok(())
    }
}
