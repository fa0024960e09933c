//! [`Nested`]: a query as the input of another.
//!
//! Both are one plan, with one checkpoint and one watermark: what the inner query emits in a batch, the outer one takes in within the same
//! batch (SPARK-40925).

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::schema::Schema;
use crate::static_input::{Lookups, Refresh};
use crate::time::Timestamp;

use super::branch::Branch;
use super::branch::{Here, Holds};
use super::item::{Columns, Item};
use super::node::Node;
use super::operator::{Emitted, Operator, Report, WorkerContext};
use super::phase::{Packet, Phase};
use super::reading::Reading;
use super::segment::{Segment, SegmentWorker};
use super::{BatchContext, OperatorChanges, Plan, StateEntry, Types};

/// The result of the query `P`, rows of type `R`, of which the outer one reads `COLUMNS`.
#[derive(Debug)]
pub struct Nested<P, R, const COLUMNS: u128> {
    plan: P,
    /// The inner query's first input among those of the outer one.
    first_input: usize,
    phases: usize,
    rows: Types<R>,
}

/// A worker of a [`Nested`] query.
#[derive(Debug)]
pub struct NestedWorker<W, R> {
    plan: W,
    rows: Arc<Vec<R>>,
}

/// A query whose result rows are of type `R`. The query's own `impl` has this implemented; whoever reads the query doesn't know the type's name.
#[diagnostic::on_unimplemented(
    message = "this is not the query `{Self}`",
    label = "its rows are `{R}`",
    note = "give the query that stands behind `query` in the clause, with a source for each of its inputs: `{Self}::query().….(source)`"
)]
pub trait Yields<R> {}

/// The plan of a query that [`Yields`] rows of type `R`.
#[derive(Debug)]
pub struct Claimed<P, R> {
    plan: P,
    rows: Types<R>,
}

impl<P: Plan, R> Claimed<P, R> {
    /// Says that the plan's rows are `R`.
    pub fn new(plan: P) -> Self {
        Self { plan, rows: PhantomData }
    }
}

impl<P: Plan, R: Schema, const COLUMNS: u128> Nested<P, R, COLUMNS> {
    pub(super) fn new(query: Claimed<P, R>, first_input: usize) -> Self {
        let Claimed { plan, .. } = query;
        let phases = plan.phases().len();
        Self { plan, first_input, phases, rows: PhantomData }
    }
}

impl<P: Plan, R: Schema, const COLUMNS: u128> Node for Nested<P, R, COLUMNS> {
    type Item = Columns<R, COLUMNS>;
    type Worker = NestedWorker<P::Worker, R>;

    fn phases(&self) -> Vec<Phase> {
        let mut phases = self.plan.phases();
        for input in phases.iter_mut().flat_map(|phase| &mut phase.inputs) {
            *input += self.first_input;
        }
        phases
    }

    fn lookups(&self) -> Vec<&dyn Refresh> {
        self.plan.lookups()
    }

    fn state_types(&self) -> Vec<String> {
        self.plan.state_types()
    }

    fn watermark(&self, inputs_micros: i64) -> i64 {
        self.plan.watermark(inputs_micros)
    }

    fn worker(&self, context: WorkerContext) -> NestedWorker<P::Worker, R> {
        NestedWorker { plan: self.plan.worker(context), rows: Arc::default() }
    }

    fn begin(&self, worker: &mut NestedWorker<P::Worker, R>, batch: &BatchContext) {
        self.plan.begin(&mut worker.plan, batch);
    }

    fn pull(&self, worker: &mut NestedWorker<P::Worker, R>, phase: usize) -> Result<()> {
        self.plan.pull(&mut worker.plan, phase)
    }

    fn exchange(
        &self,
        worker: &mut NestedWorker<P::Worker, R>,
        phase: usize,
        round: usize,
        packets: Vec<Packet>,
    ) -> Result<Vec<Packet>> {
        self.plan.exchange(&mut worker.plan, phase, round, packets)
    }

    fn finish(
        &self,
        workers: &mut [&mut NestedWorker<P::Worker, R>],
        phase: usize,
        batch: &BatchContext,
        report: &mut Report,
    ) -> Result<()> {
        let mut emitted = Emitted::default();
        let mut plans: Vec<_> = workers.iter_mut().map(|worker| &mut worker.plan).collect();
        self.plan.finish(&mut plans, phase, batch, &mut emitted)?;
        report.take_in(emitted.report, self.first_input);
        if phase + 1 == self.phases {
            // Two names of one type: the one that the plan has, and the one that the query's `impl` gave.
            let rows: Box<dyn Any> = Box::new(emitted.rows);
            let Ok(rows) = rows.downcast::<Vec<R>>() else {
                return Err(Error::Other(
                    format!("query `{}` has rows of another type", self.plan.info().query).into(),
                ));
            };
            let rows = Arc::new(*rows);
            for worker in workers {
                worker.rows = Arc::clone(&rows);
            }
        }
        Ok(())
    }

    fn for_each(
        &self,
        worker: &NestedWorker<P::Worker, R>,
        context: WorkerContext,
        mut row: impl FnMut(R::View<'_>),
    ) -> Result<()> {
        let share = |worker_index: usize| worker.rows.len() * worker_index / context.workers;
        for each in &worker.rows[share(context.worker)..share(context.worker + 1)] {
            row(each.view());
        }
        Ok(())
    }

    fn settle(
        &self,
        workers: &mut [&mut NestedWorker<P::Worker, R>],
        changes: Option<&mut Vec<OperatorChanges>>,
    ) -> Result<()> {
        for worker in workers.iter_mut() {
            worker.rows = Arc::default();
        }
        let mut plans: Vec<_> = workers.iter_mut().map(|worker| &mut worker.plan).collect();
        self.plan.settle(&mut plans, changes)
    }

    fn wake_at(&self, workers: &[&NestedWorker<P::Worker, R>]) -> Option<Timestamp> {
        let plans: Vec<_> = workers.iter().map(|worker| &worker.plan).collect();
        self.plan.wake_at(&plans)
    }

    fn restore(
        &self,
        workers: &mut [&mut NestedWorker<P::Worker, R>],
        operator: usize,
        entry: StateEntry<'_>,
    ) -> Result<()> {
        let mut plans: Vec<_> = workers.iter_mut().map(|worker| &mut worker.plan).collect();
        self.plan.restore(&mut plans, operator, entry)
    }
}

impl<P, R, const COLUMNS: u128, S, F, Op> Holds<Here> for Segment<Nested<P, R, COLUMNS>, S, F, Op>
where
    P: Plan,
    R: Schema,
    S: Lookups,
    Op: Operator,
    F: for<'a> Fn(<Columns<R, COLUMNS> as Item>::View<'a>, &mut Reading<S::Tables>, &mut Op::Target)
        + Send
        + Sync
        + 'static,
    Self: Branch<Worker = SegmentWorker<NestedWorker<P::Worker, R>, S::Tables, Op::Worker>>,
{
    type Inner = P;

    fn inner<'a>(&'a self, worker: &'a mut Self::Worker) -> (&'a P, &'a mut P::Worker) {
        (&self.node.plan, &mut worker.node.plan)
    }
}
