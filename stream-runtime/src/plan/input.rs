//! The head of a plan: an input, its row type and the columns that the query names; then the row function; then
//! what makes a plan of it.
//!
//! Which operator a row function pushes into is in the type of its second parameter, and everything else about
//! the operator is inferred: keys and accumulators from what is pushed, labels and results from the finish function.

#![allow(clippy::type_complexity, reason = "the types of plans are inferred, and nobody writes them")]

use std::marker::PhantomData;

use crate::error::Result;
use crate::expr::{Accumulator, Unfinished};
use crate::operator::dedup::Deduplicated;
use crate::operator::groups::Groups;
use crate::operator::join::{Keyed, SameKey};
use crate::operator::process::Processing;
use crate::operator::sessions::Sessions;
use crate::operator::windowing::Windowing;
use crate::process::KeyedProcessor;
use crate::schema::Schema;
use crate::state::key::OwnedKey;
use crate::static_input::Lookups;
use crate::time::Window;

use super::aggregate::{Aggregate, AggregateWorker};
use super::dedup::Dedup;
use super::item::Item;
use super::join::{Bounds, Join, JoinKind, JoinSide};
use super::nested::{Claimed, Nested};
use super::node::Node;
use super::operator::Operator;
use super::pipeline::Pipeline;
use super::process::Process;
use super::read::Read;
use super::reading::Reading;
use super::segment::Segment;
use super::session::{SessionAggregate, SessionWorker};
use super::stateless::{Emit, Emitter};
use super::{OutputMode, Plan, PlanInfo, Prune, Pruning, Types};

/// Rows that a row function is to be given.
#[derive(Debug)]
pub struct Rows<N, S = ()> {
    node: N,
    lookups: S,
}

/// Begins a plan with the rows of inputs of one schema, of which the query reads `COLUMNS`.
pub fn from<R: Schema, const COLUMNS: u128>(inputs: &[usize]) -> Rows<Read<R, COLUMNS>> {
    Rows::of(Read::new(inputs))
}

/// Begins a plan with the result of another query, of which this one reads `COLUMNS`; `first_input` is where that one's inputs begin among this
/// one's.
pub fn from_query<P: Plan, R: Schema, const COLUMNS: u128>(
    query: Claimed<P, R>,
    first_input: usize,
) -> Rows<Nested<P, R, COLUMNS>> {
    Rows::of(Nested::new(query, first_input))
}

/// A row function: rows are pushed into a `T`.
#[derive(Debug)]
pub struct RowFunction<N, S, T, F> {
    node: N,
    lookups: S,
    row: F,
    target: Types<T>,
}

/// The view of a node's rows.
type View<'a, N> = <<N as Node>::Item as Item>::View<'a>;

impl<N: Node> Rows<N> {
    fn of(node: N) -> Self {
        Self { node, lookups: () }
    }

    /// Gives the row function static inputs to look into.
    pub fn with<S: Lookups>(self, lookups: S) -> Rows<N, S> {
        Rows { node: self.node, lookups }
    }
}

impl<R: Schema, const COLUMNS: u128> Rows<Read<R, COLUMNS>> {
    /// Keeps the rows that come too late, for a sink of their own.
    pub fn keep_late(self) -> Rows<Read<R, COLUMNS, true>> {
        Rows::of(self.node.keep_late())
    }
}

impl<R: Schema, const COLUMNS: u128, const LATE: bool> Rows<Read<R, COLUMNS, LATE>> {
    /// Lets the source leave out rows that `where` lets through none of.
    pub fn prune(mut self, event_time: Option<u128>, conditions: Vec<Prune>) -> Self {
        self.node.pruning = Some(Pruning { event_time, conditions });
        self
    }
}

impl<N: Node, S: Lookups> Rows<N, S> {
    /// The row function of an aggregation.
    pub fn group_by<W, K, A, F>(self, row: F) -> RowFunction<N, S, Groups<W, K, A>, F>
    where
        W: Windowing,
        F: for<'a> Fn(View<'a, N>, &mut Reading<S::Tables>, &mut Groups<W, K, A>) + Send + Sync + 'static,
    {
        self.push(row)
    }

    /// The row function of a query without state.
    pub fn select<O, F>(self, row: F) -> RowFunction<N, S, Emitter<O>, F>
    where
        O: Schema,
        F: for<'a> Fn(View<'a, N>, &mut Reading<S::Tables>, &mut Emitter<O>) + Send + Sync + 'static,
    {
        self.push(row)
    }

    /// Any row function, as its third parameter says.
    pub fn push<T, F>(self, row: F) -> RowFunction<N, S, T, F>
    where
        F: for<'a> Fn(View<'a, N>, &mut Reading<S::Tables>, &mut T) + Send + Sync + 'static,
    {
        RowFunction { node: self.node, lookups: self.lookups, row, target: PhantomData }
    }
}

impl<N: Node, S: Lookups, T, F> RowFunction<N, S, T, F>
where
    F: for<'a> Fn(View<'a, N>, &mut Reading<S::Tables>, &mut T) + Send + Sync + 'static,
{
    /// The row function with the operator that it pushes into.
    fn into<Op: Operator<Target = T>>(self, operator: Op) -> Segment<N, S, F, Op> {
        Segment::new(self.node, self.lookups, self.row, operator)
    }
}

impl<N: Node, S: Lookups, T: JoinSide + Keyed, F> RowFunction<N, S, T, F>
where
    F: for<'a> Fn(View<'a, N>, &mut Reading<S::Tables>, &mut T) + Send + Sync + 'static,
{
    /// Joins the rows to those of `right`: rows of equal keys for which `condition` holds.
    pub fn join<J, NR, TR, FR, C>(
        self,
        _kind: J,
        info: &PlanInfo,
        right: RowFunction<NR, (), TR, FR>,
        bounds: Bounds,
        condition: C,
    ) -> Rows<Join<Segment<N, S, F, T::Operator>, Segment<NR, (), FR, TR::Operator>, C, J>>
    where
        J: JoinKind,
        NR: Node,
        TR: JoinSide + SameKey<T::Key>,
        FR: for<'a> Fn(View<'a, NR>, &mut Reading, &mut TR) + Send + Sync + 'static,
        C: for<'l, 'r> Fn(View<'l, N>, View<'r, NR>) -> bool + Send + Sync + 'static,
    {
        Rows::of(Join::new(self.into(T::operator(info)), right.into(TR::operator(info)), bounds, condition))
    }
}

impl<N: Node, S: Lookups, O: Schema, F> RowFunction<N, S, Emitter<O>, F>
where
    F: for<'a> Fn(View<'a, N>, &mut Reading<S::Tables>, &mut Emitter<O>) + Send + Sync + 'static,
{
    /// Completes the plan.
    pub fn output<M: OutputMode>(self, info: PlanInfo) -> Pipeline<Segment<N, S, F, Emit<O>>, M> {
        Pipeline::new(self.into(Emit::new()), info)
    }
}

impl<N: Node, S: Lookups, D: OwnedKey, O: Schema, F> RowFunction<N, S, Deduplicated<D, Emitter<O>>, F>
where
    F: for<'a> Fn(View<'a, N>, &mut Reading<S::Tables>, &mut Deduplicated<D, Emitter<O>>)
        + Send
        + Sync
        + 'static,
{
    /// Completes the plan.
    pub fn output<M: OutputMode>(self, info: PlanInfo) -> Pipeline<Segment<N, S, F, Dedup<D, Emit<O>>>, M> {
        let operator = Dedup::new(&info, Emit::new());
        Pipeline::new(self.into(operator), info)
    }
}

impl<N: Node, S: Lookups, W: Windowing, K: OwnedKey, A: Accumulator, F> RowFunction<N, S, Groups<W, K, A>, F>
where
    F: for<'a> Fn(View<'a, N>, &mut Reading<S::Tables>, &mut Groups<W, K, A>) + Send + Sync + 'static,
{
    /// Completes the plan with the finish function, which gives a group's result row, or `None` if `having`
    /// leaves it out.
    pub fn select<O, M, G>(
        self,
        info: PlanInfo,
        finish: G,
    ) -> Pipeline<Segment<N, S, F, Aggregate<W, K, A, O, M, G>>, M>
    where
        O: Schema,
        M: OutputMode,
        G: for<'a> Fn(W::Label, K::Ref<'a>, &'a A) -> Result<Option<O>, Unfinished> + Send + Sync + 'static,
    {
        let operator = Aggregate::new(&info, finish);
        Pipeline::new(self.into(operator), info)
    }
}

impl<N: Node, S: Lookups, D: OwnedKey, W: Windowing, K: OwnedKey, A: Accumulator, F>
    RowFunction<N, S, Deduplicated<D, AggregateWorker<W, K, A>>, F>
where
    F: for<'a> Fn(View<'a, N>, &mut Reading<S::Tables>, &mut Deduplicated<D, AggregateWorker<W, K, A>>)
        + Send
        + Sync
        + 'static,
{
    /// Completes the plan with the finish function.
    pub fn select<O, M, G>(
        self,
        info: PlanInfo,
        finish: G,
    ) -> Pipeline<Segment<N, S, F, Dedup<D, Aggregate<W, K, A, O, M, G>>>, M>
    where
        O: Schema,
        M: OutputMode,
        G: for<'a> Fn(W::Label, K::Ref<'a>, &'a A) -> Result<Option<O>, Unfinished> + Send + Sync + 'static,
    {
        let operator = Dedup::new(&info, Aggregate::new(&info, finish));
        Pipeline::new(self.into(operator), info)
    }
}

impl<N: Node, S: Lookups, K: OwnedKey, A: Accumulator, F> RowFunction<N, S, Sessions<K, A>, F>
where
    F: for<'a> Fn(View<'a, N>, &mut Reading<S::Tables>, &mut Sessions<K, A>) + Send + Sync + 'static,
{
    /// Completes the plan with the finish function, which gives a session's result row.
    pub fn select<O, M, G>(
        self,
        info: PlanInfo,
        finish: G,
    ) -> Pipeline<Segment<N, S, F, SessionAggregate<K, A, O, M, G>>, M>
    where
        O: Schema,
        M: OutputMode,
        G: for<'a> Fn(Window, K::Ref<'a>, &'a A) -> Result<Option<O>, Unfinished> + Send + Sync + 'static,
    {
        let operator = SessionAggregate::new(&info, finish);
        Pipeline::new(self.into(operator), info)
    }
}

impl<N: Node, S: Lookups, D: OwnedKey, K: OwnedKey, A: Accumulator, F>
    RowFunction<N, S, Deduplicated<D, SessionWorker<K, A>>, F>
where
    F: for<'a> Fn(View<'a, N>, &mut Reading<S::Tables>, &mut Deduplicated<D, SessionWorker<K, A>>)
        + Send
        + Sync
        + 'static,
{
    /// Completes the plan with the finish function, which gives a session's result row.
    pub fn select<O, M, G>(
        self,
        info: PlanInfo,
        finish: G,
    ) -> Pipeline<Segment<N, S, F, Dedup<D, SessionAggregate<K, A, O, M, G>>>, M>
    where
        O: Schema,
        M: OutputMode,
        G: for<'a> Fn(Window, K::Ref<'a>, &'a A) -> Result<Option<O>, Unfinished> + Send + Sync + 'static,
    {
        let operator = Dedup::new(&info, SessionAggregate::new(&info, finish));
        Pipeline::new(self.into(operator), info)
    }
}

impl<N: Node, S: Lookups, P: KeyedProcessor, F> RowFunction<N, S, Processing<P>, F>
where
    F: for<'a> Fn(View<'a, N>, &mut Reading<S::Tables>, &mut Processing<P>) + Send + Sync + 'static,
{
    /// Completes the plan with the processor.
    pub fn process<M: OutputMode>(
        self,
        info: PlanInfo,
        processor: P,
    ) -> Pipeline<Segment<N, S, F, Process<P>>, M> {
        let operator = Process::new(&info, processor);
        Pipeline::new(self.into(operator), info)
    }
}

impl<N: Node, S: Lookups, D: OwnedKey, P: KeyedProcessor, F>
    RowFunction<N, S, Deduplicated<D, Processing<P>>, F>
where
    F: for<'a> Fn(View<'a, N>, &mut Reading<S::Tables>, &mut Deduplicated<D, Processing<P>>)
        + Send
        + Sync
        + 'static,
{
    /// Completes the plan with the processor.
    pub fn process<M: OutputMode>(
        self,
        info: PlanInfo,
        processor: P,
    ) -> Pipeline<Segment<N, S, F, Dedup<D, Process<P>>>, M> {
        let operator = Dedup::new(&info, Process::new(&info, processor));
        Pipeline::new(self.into(operator), info)
    }
}
