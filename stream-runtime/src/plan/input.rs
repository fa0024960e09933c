//! The head of a plan: an input, its row type and the columns that the query names; then the row function; then
//! what makes a plan of it.
//!
//! Which operator a row function pushes into is in the type of its second parameter, and everything else about
//! the operator is inferred: keys and accumulators from what is pushed, labels and results from the finish function.

use std::marker::PhantomData;

use crate::error::Result;
use crate::expr::{Accumulator, Unfinished};
use crate::operator::dedup::Deduplicated;
use crate::operator::groups::Groups;
use crate::operator::process::Processing;
use crate::operator::sessions::Sessions;
use crate::operator::windowing::Windowing;
use crate::process::KeyedProcessor;
use crate::schema::Schema;
use crate::state::key::OwnedKey;
use crate::time::Window;

use super::aggregate::{Aggregate, AggregateWorker};
use super::dedup::Dedup;
use super::operator::Operator;
use super::process::Process;
use super::rows::RowPlan;
use super::session::{SessionAggregate, SessionWorker};
use super::stateless::{Emit, Emitter};
use super::{OutputMode, Plan, PlanInfo, Types};

/// An input of row type `R`, of which the query reads `COLUMNS`.
#[derive(Debug)]
pub struct Input<R, const COLUMNS: u128>(Types<R>);

/// Begins a plan.
pub const fn from<R: Schema, const COLUMNS: u128>() -> Input<R, COLUMNS> {
    Input(PhantomData)
}

/// A row function: an input's rows are pushed into a `T`.
#[derive(Debug)]
pub struct RowFunction<R, const COLUMNS: u128, T, F> {
    row: F,
    types: Types<(R, T)>,
}

impl<R: Schema, const COLUMNS: u128> Input<R, COLUMNS> {
    /// The row function of an aggregation.
    pub fn group_by<W, K, A, F>(self, row: F) -> RowFunction<R, COLUMNS, Groups<W, K, A>, F>
    where
        W: Windowing,
        F: for<'a> Fn(R::View<'a>, &mut Groups<W, K, A>) + Send + Sync + 'static,
    {
        self.push(row)
    }

    /// The row function of a query without state.
    pub fn select<O, F>(self, row: F) -> RowFunction<R, COLUMNS, Emitter<O>, F>
    where
        F: for<'a> Fn(R::View<'a>, &mut Emitter<O>) + Send + Sync + 'static,
    {
        self.push(row)
    }

    /// Any row function, as its second parameter says.
    pub fn push<T, F>(self, row: F) -> RowFunction<R, COLUMNS, T, F>
    where
        F: for<'a> Fn(R::View<'a>, &mut T) + Send + Sync + 'static,
    {
        RowFunction { row, types: PhantomData }
    }
}

impl<R: Schema, const COLUMNS: u128, T, F> RowFunction<R, COLUMNS, T, F> {
    fn into<M: OutputMode, Op>(
        self,
        info: PlanInfo,
        operator: Op,
    ) -> impl Plan<Row = R, Output = Op::Output, Mode = M>
    where
        Op: Operator<Target = T>,
        F: for<'a> Fn(R::View<'a>, &mut T) + Send + Sync + 'static,
    {
        RowPlan::<R, COLUMNS, F, Op, M> { row: self.row, operator, info, types: PhantomData }
    }
}

impl<R: Schema, const COLUMNS: u128, O, F> RowFunction<R, COLUMNS, Emitter<O>, F> {
    /// Completes the plan.
    pub fn output<M: OutputMode>(self, info: PlanInfo) -> impl Plan<Row = R, Output = O, Mode = M>
    where
        O: Schema,
        F: for<'a> Fn(R::View<'a>, &mut Emitter<O>) + Send + Sync + 'static,
    {
        self.into(info, Emit::new())
    }
}

impl<R: Schema, const COLUMNS: u128, D, O, F> RowFunction<R, COLUMNS, Deduplicated<D, Emitter<O>>, F> {
    /// Completes the plan.
    pub fn output<M: OutputMode>(self, info: PlanInfo) -> impl Plan<Row = R, Output = O, Mode = M>
    where
        D: OwnedKey,
        O: Schema,
        F: for<'a> Fn(R::View<'a>, &mut Deduplicated<D, Emitter<O>>) + Send + Sync + 'static,
    {
        let operator = Dedup::new(&info, Emit::new());
        self.into(info, operator)
    }
}

impl<R: Schema, const COLUMNS: u128, W, K, A, F> RowFunction<R, COLUMNS, Groups<W, K, A>, F> {
    /// Completes the plan with the finish function, which gives a group's result row, or `None` if `having`
    /// leaves it out.
    pub fn select<O, M, G>(self, info: PlanInfo, finish: G) -> impl Plan<Row = R, Output = O, Mode = M>
    where
        W: Windowing,
        K: OwnedKey,
        A: Accumulator,
        O: Schema,
        M: OutputMode,
        F: for<'a> Fn(R::View<'a>, &mut Groups<W, K, A>) + Send + Sync + 'static,
        G: for<'a> Fn(W::Label, K::Ref<'a>, &'a A) -> Result<Option<O>, Unfinished> + Send + Sync + 'static,
    {
        let operator = Aggregate::<W, K, A, O, M, G>::new(&info, finish);
        self.into(info, operator)
    }
}

impl<R: Schema, const COLUMNS: u128, D, W, K, A, F>
    RowFunction<R, COLUMNS, Deduplicated<D, AggregateWorker<W, K, A>>, F>
{
    /// Completes the plan with the finish function.
    pub fn select<O, M, G>(self, info: PlanInfo, finish: G) -> impl Plan<Row = R, Output = O, Mode = M>
    where
        D: OwnedKey,
        W: Windowing,
        K: OwnedKey,
        A: Accumulator,
        O: Schema,
        M: OutputMode,
        F: for<'a> Fn(R::View<'a>, &mut Deduplicated<D, AggregateWorker<W, K, A>>) + Send + Sync + 'static,
        G: for<'a> Fn(W::Label, K::Ref<'a>, &'a A) -> Result<Option<O>, Unfinished> + Send + Sync + 'static,
    {
        let operator = Dedup::new(&info, Aggregate::<W, K, A, O, M, G>::new(&info, finish));
        self.into(info, operator)
    }
}

impl<R: Schema, const COLUMNS: u128, K, A: Accumulator, F> RowFunction<R, COLUMNS, Sessions<K, A>, F> {
    /// Completes the plan with the finish function, which gives a session's result row.
    pub fn select<O, M, G>(self, info: PlanInfo, finish: G) -> impl Plan<Row = R, Output = O, Mode = M>
    where
        K: OwnedKey,
        O: Schema,
        M: OutputMode,
        F: for<'a> Fn(R::View<'a>, &mut Sessions<K, A>) + Send + Sync + 'static,
        G: for<'a> Fn(Window, K::Ref<'a>, &'a A) -> Result<Option<O>, Unfinished> + Send + Sync + 'static,
    {
        let operator = SessionAggregate::<K, A, O, M, G>::new(&info, finish);
        self.into(info, operator)
    }
}

impl<R: Schema, const COLUMNS: u128, D, K, A: Accumulator, F>
    RowFunction<R, COLUMNS, Deduplicated<D, SessionWorker<K, A>>, F>
{
    /// Completes the plan with the finish function, which gives a session's result row.
    pub fn select<O, M, G>(self, info: PlanInfo, finish: G) -> impl Plan<Row = R, Output = O, Mode = M>
    where
        D: OwnedKey,
        K: OwnedKey,
        O: Schema,
        M: OutputMode,
        F: for<'a> Fn(R::View<'a>, &mut Deduplicated<D, SessionWorker<K, A>>) + Send + Sync + 'static,
        G: for<'a> Fn(Window, K::Ref<'a>, &'a A) -> Result<Option<O>, Unfinished> + Send + Sync + 'static,
    {
        let operator = Dedup::new(&info, SessionAggregate::<K, A, O, M, G>::new(&info, finish));
        self.into(info, operator)
    }
}

impl<R: Schema, const COLUMNS: u128, P: KeyedProcessor, F> RowFunction<R, COLUMNS, Processing<P>, F> {
    /// Completes the plan with the processor.
    pub fn process<M>(self, info: PlanInfo, processor: P) -> impl Plan<Row = R, Output = P::Output, Mode = M>
    where
        M: OutputMode,
        F: for<'a> Fn(R::View<'a>, &mut Processing<P>) + Send + Sync + 'static,
    {
        let operator = Process::new(&info, processor);
        self.into(info, operator)
    }
}

impl<R: Schema, const COLUMNS: u128, D, P: KeyedProcessor, F>
    RowFunction<R, COLUMNS, Deduplicated<D, Processing<P>>, F>
{
    /// Completes the plan with the processor.
    pub fn process<M>(self, info: PlanInfo, processor: P) -> impl Plan<Row = R, Output = P::Output, Mode = M>
    where
        D: OwnedKey,
        M: OutputMode,
        F: for<'a> Fn(R::View<'a>, &mut Deduplicated<D, Processing<P>>) + Send + Sync + 'static,
    {
        let operator = Dedup::new(&info, Process::new(&info, processor));
        self.into(info, operator)
    }
}
