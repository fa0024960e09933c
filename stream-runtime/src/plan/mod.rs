//! [`Plan`]: a compiled query, as the macro builds it and the engine drives it.
//!
//! A service meets `impl Plan` in the types of functions that pass a [`QueryBuilder`](crate::engine::QueryBuilder) on,
//! [`Explain`] and [`PlanInfo`] where it looks at a query's plan, and the output modes in a sink of its own. The rest is
//! between the macro and the engine, and changes without notice.
//!
//! A plan is a chain of generic structs around the query's closures, built by inference like an iterator
//! chain: `from` an input, then `select`, or `group_by` and `select`.

mod aggregate;
mod bound;
mod branch;
mod candidate;
mod changes;
mod decode;
mod dedup;
mod explain;
mod feed;
mod info;
mod input;
mod item;
mod join;
mod limit;
mod nested;
mod node;
mod operator;
mod order;
mod phase;
mod pipeline;
mod process;
mod read;
mod reading;
mod rejects;
mod segment;
mod session;
mod stateless;
mod wanted;

#[doc(hidden)]
pub use aggregate::AggregateWorker;
#[doc(hidden)]
pub use bound::{Missing, Unbound};
#[doc(hidden)]
pub use branch::{Here, Left, Right};
pub(crate) use changes::{ChangeRef, KEY_GROUPS, key_group, owner};
pub use changes::{OperatorChanges, StateEntry};
pub(crate) use decode::for_each_view;
pub use explain::Explain;
pub use info::{InputInfo, JoinInfo, OperatorInfo, PlanInfo, QueryInfo, RowsInfo, WatermarkInfo};
#[doc(hidden)]
pub use input::{RowFunction, Rows, from, from_query};
#[doc(hidden)]
pub use join::{
    Bounds, FullOuter, Inner, JoinKind, JoinSide, LeftAnti, LeftOuter, LeftSemi, RightOuter, TimeRange,
    within,
};
#[doc(hidden)]
pub use nested::{Claimed, Yields};
#[doc(hidden)]
pub use operator::{Emitted, Report, WorkerContext};
#[doc(hidden)]
pub use order::compare;
#[doc(hidden)]
pub use phase::{Packet, Phase};
#[doc(hidden)]
pub use reading::Reading;
#[doc(hidden)]
pub use rejects::Rejects;
#[doc(hidden)]
pub use session::SessionWorker;
#[doc(hidden)]
pub use stateless::Emitter;
#[doc(hidden)]
pub use wanted::{AnyConstant, Constant, Prune, PruneOp, PruneValue, Pruning, Wanted};

pub use crate::mode::{Append, Complete, Mode, OutputMode, Update};

use crate::error::Result;
use crate::schema::Schema;
use crate::source::Chunk;
use crate::static_input::Refresh;
use crate::time::Timestamp;

/// Types that something is generic over and holds no values of.
type Types<T> = std::marker::PhantomData<fn() -> T>;

#[doc(hidden)]
/// The two watermarks of a batch (SPARK-40925), in microseconds, its id and its time.
#[derive(Clone, Copy, Debug)]
pub struct BatchContext {
    /// The batch's id.
    pub batch: u64,
    /// Rows and groups that end at or before this are late: the watermark of the batch before.
    pub late_micros: i64,
    /// Groups that end at or before this are emitted and removed: the watermark of this batch.
    pub evict_micros: i64,
    /// Whether any source had rows for the batch.
    pub has_data: bool,
    /// The batch's time, the same when it runs again.
    pub time: Timestamp,
    /// Whether a sink wants to know in update mode which rows of the result have left the state.
    pub tells_removed: bool,
}

#[doc(hidden)]
/// What a batch did to a stateful operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperatorMetrics {
    /// Groups in state after the batch.
    pub rows_total: u64,
    /// Groups that the batch touched.
    pub rows_updated: u64,
    /// Groups that the batch evicted.
    pub rows_removed: u64,
    /// Groups whose rows came too late, as Spark counts them.
    pub rows_dropped_by_watermark: u64,
    /// Input rows that came too late for at least one of their groups.
    pub late_rows: u64,
    /// How far the latest of them was behind the watermark, in µs.
    pub max_lateness_micros: i64,
    /// Bytes that the state's tables hold.
    pub memory_used_bytes: u64,
    /// Rows whose key had been seen before; `None` for an operator that doesn't look for duplicates.
    pub duplicate_rows: Option<u64>,
    /// What the watermark has yet to reach, for an operator that doesn't keep all of its groups for that: timers, or groups without those
    /// whose event time is null.
    pub waiting: Option<u64>,
}

/// A compiled query. The macro builds it; a service sees it only as `impl Plan`.
///
/// ```
/// use stream_runtime::engine::QueryBuilder;
/// use stream_runtime::plan::Plan;
/// use stream_runtime::prelude::*;
///
/// /// What all queries of a service have in common.
/// fn configure<P: Plan>(query: QueryBuilder<P>) -> QueryBuilder<P> {
///     query.trigger(Trigger::every(seconds(10))).workers(2)
/// }
/// ```
pub trait Plan: Send + Sync + 'static {
    /// The result's rows.
    type Output: Schema;
    /// The output mode, as a type: what sinks it may go to.
    type Mode: OutputMode;
    /// What one worker owns: its share of the state, and the batch in progress.
    #[doc(hidden)]
    type Worker: Send + 'static;

    /// The plan as data: for `explain()`, the fingerprint and messages.
    #[doc(hidden)]
    fn info(&self) -> &PlanInfo;

    /// The types of keys and state of each stateful operator, for the fingerprint.
    #[doc(hidden)]
    fn state_types(&self) -> Vec<String>;

    /// The static inputs that the plan looks into: loaded when a batch is about to run.
    #[doc(hidden)]
    fn lookups(&self) -> Vec<&dyn Refresh>;

    /// The phases of a batch, in order.
    #[doc(hidden)]
    fn phases(&self) -> Vec<Phase>;

    /// The watermark of the result's rows, in µs, while that of the inputs is `inputs_micros`.
    #[doc(hidden)]
    fn watermark(&self, inputs_micros: i64) -> i64;

    /// A worker with empty state.
    #[doc(hidden)]
    fn worker(&self, context: WorkerContext) -> Self::Worker;

    /// Starts a batch.
    #[doc(hidden)]
    fn begin(&self, worker: &mut Self::Worker, batch: &BatchContext);

    /// Runs a phase without inputs over the worker's share of the rows that an earlier phase has made.
    #[doc(hidden)]
    fn pull(&self, worker: &mut Self::Worker, phase: usize) -> Result<()>;

    /// A round of exchange between several workers: takes in what each of them had for this one, and gives what this one has for
    /// each of them. Round 0, which follows the reading, only gives; what the last round gives is nothing.
    #[doc(hidden)]
    fn exchange(
        &self,
        worker: &mut Self::Worker,
        phase: usize,
        round: usize,
        packets: Vec<Packet>,
    ) -> Result<Vec<Packet>>;

    /// Ends a phase on all workers. The last phase emits by output mode; then what is behind the watermark is evicted.
    #[doc(hidden)]
    fn finish(
        &self,
        workers: &mut [&mut Self::Worker],
        phase: usize,
        batch: &BatchContext,
        emitted: &mut Emitted<Self::Output>,
    ) -> Result<()>;

    /// Writes down how the batch has changed each operator's state, if the checkpoint wants to know, and ends the
    /// batch.
    #[doc(hidden)]
    fn settle(
        &self,
        workers: &mut [&mut Self::Worker],
        changes: Option<&mut Vec<OperatorChanges>>,
    ) -> Result<()>;

    /// When a batch has to run though there may be no rows for it. Asked between two batches.
    #[doc(hidden)]
    fn wake_at(&self, workers: &[&Self::Worker]) -> Option<Timestamp>;

    /// The rows of the whole result, if the state holds them: those that a sink which keeps the result is given after a restart.
    #[doc(hidden)]
    fn standing(&self, workers: &[&Self::Worker]) -> Result<Option<Vec<Self::Output>>>;

    /// Puts back what the checkpoint holds of an operator, the first being 0.
    #[doc(hidden)]
    fn restore(
        &self,
        workers: &mut [&mut Self::Worker],
        operator: usize,
        entry: StateEntry<'_>,
    ) -> Result<()>;
}

/// A plan that reads an input of row type `Row`, which is found in its tree by `Path`.
pub trait Reads<Path>: Plan {
    /// The input's rows.
    type Row: Schema;

    /// Decodes a chunk of the input and runs its row function over it: the hot loop. `input` counts the inputs that one phase reads,
    /// which is 0 unless there is a union.
    #[doc(hidden)]
    fn feed(
        &self,
        worker: &mut Self::Worker,
        input: usize,
        chunk: Chunk<'_, Self::Row>,
        rejects: &mut Rejects,
    ) -> Result<()>;

    /// What the query wants of the input's rows.
    #[doc(hidden)]
    fn wanted(&self) -> Wanted<'_>;

    /// Takes the worker's late rows of the batch, each with its place in the input. There are none but of an input whose late rows
    /// the query keeps.
    #[doc(hidden)]
    fn take_late(worker: &mut Self::Worker) -> Vec<(u64, Self::Row)>;
}

/// A plan in which another query's plan is found by `Path`.
pub trait Contains<Path>: Plan {
    /// The other query's plan.
    type Inner: Plan;

    /// The plan, and its part of a worker.
    #[doc(hidden)]
    fn inner<'a>(
        &'a self,
        worker: &'a mut Self::Worker,
    ) -> (&'a Self::Inner, &'a mut <Self::Inner as Plan>::Worker);
}
