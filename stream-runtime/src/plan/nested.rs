//! [`Nested`]: a query as the input of another.
//!
//! Both are one plan, with one checkpoint and one watermark: what the inner query emits in a batch, the outer one takes in within the same
//! batch (SPARK-40925).

use std::sync::Arc;

use crate::error::Result;
use crate::schema::Schema;
use crate::static_input::{Lookups, Refresh};

use super::branch::Branch;
use super::branch::{Here, Holds};
use super::item::{Columns, Item};
use super::node::Node;
use super::operator::{Emitted, Operator, Report, WorkerContext};
use super::phase::{Packet, Phase};
use super::reading::Reading;
use super::segment::{Segment, SegmentWorker};
use super::{BatchContext, OperatorChanges, Plan, StateEntry};

/// The result of the query `P`, of which the outer one reads `COLUMNS`.
#[derive(Debug)]
pub struct Nested<P, const COLUMNS: u128> {
    plan: P,
    /// The inner query's first input among those of the outer one.
    first_input: usize,
    phases: usize,
}

/// A worker of a [`Nested`] query.
#[derive(Debug)]
pub struct NestedWorker<P: Plan> {
    plan: P::Worker,
    rows: Arc<Vec<P::Output>>,
}

impl<P: Plan, const COLUMNS: u128> Nested<P, COLUMNS> {
    pub(super) fn new(plan: P, first_input: usize) -> Self {
        let phases = plan.phases().len();
        Self { plan, first_input, phases }
    }
}

impl<P: Plan, const COLUMNS: u128> Node for Nested<P, COLUMNS> {
    type Item = Columns<P::Output, COLUMNS>;
    type Worker = NestedWorker<P>;

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

    fn worker(&self, context: WorkerContext) -> NestedWorker<P> {
        NestedWorker { plan: self.plan.worker(context), rows: Arc::default() }
    }

    fn begin(&self, worker: &mut NestedWorker<P>, batch: &BatchContext) {
        self.plan.begin(&mut worker.plan, batch);
    }

    fn pull(&self, worker: &mut NestedWorker<P>, phase: usize) -> Result<()> {
        self.plan.pull(&mut worker.plan, phase)
    }

    fn exchange(
        &self,
        worker: &mut NestedWorker<P>,
        phase: usize,
        round: usize,
        packets: Vec<Packet>,
    ) -> Result<Vec<Packet>> {
        self.plan.exchange(&mut worker.plan, phase, round, packets)
    }

    fn finish(
        &self,
        workers: &mut [&mut NestedWorker<P>],
        phase: usize,
        batch: &BatchContext,
        report: &mut Report,
    ) -> Result<()> {
        let mut emitted = Emitted::default();
        let mut plans: Vec<_> = workers.iter_mut().map(|worker| &mut worker.plan).collect();
        self.plan.finish(&mut plans, phase, batch, &mut emitted)?;
        report.take_in(emitted.report, self.first_input);
        if phase + 1 == self.phases {
            let rows = Arc::new(emitted.rows);
            for worker in workers {
                worker.rows = Arc::clone(&rows);
            }
        }
        Ok(())
    }

    fn for_each(
        &self,
        worker: &NestedWorker<P>,
        context: WorkerContext,
        mut row: impl FnMut(<P::Output as Schema>::View<'_>),
    ) -> Result<()> {
        let share = |worker_index: usize| worker.rows.len() * worker_index / context.workers;
        for each in &worker.rows[share(context.worker)..share(context.worker + 1)] {
            row(each.view());
        }
        Ok(())
    }

    fn settle(
        &self,
        workers: &mut [&mut NestedWorker<P>],
        changes: Option<&mut Vec<OperatorChanges>>,
    ) -> Result<()> {
        for worker in workers.iter_mut() {
            worker.rows = Arc::default();
        }
        let mut plans: Vec<_> = workers.iter_mut().map(|worker| &mut worker.plan).collect();
        self.plan.settle(&mut plans, changes)
    }

    fn restore(
        &self,
        workers: &mut [&mut NestedWorker<P>],
        operator: usize,
        entry: StateEntry<'_>,
    ) -> Result<()> {
        let mut plans: Vec<_> = workers.iter_mut().map(|worker| &mut worker.plan).collect();
        self.plan.restore(&mut plans, operator, entry)
    }
}

impl<P, const COLUMNS: u128, S, F, Op> Holds<Here> for Segment<Nested<P, COLUMNS>, S, F, Op>
where
    P: Plan,
    S: Lookups,
    Op: Operator,
    F: for<'a> Fn(<Columns<P::Output, COLUMNS> as Item>::View<'a>, &mut Reading<S::Tables>, &mut Op::Target)
        + Send
        + Sync
        + 'static,
    Self: Branch<Worker = SegmentWorker<NestedWorker<P>, S::Tables, Op::Worker>>,
{
    type Inner = P;

    fn inner<'a>(&'a self, worker: &'a mut Self::Worker) -> (&'a P, &'a mut P::Worker) {
        (&self.node.plan, &mut worker.node.plan)
    }
}
