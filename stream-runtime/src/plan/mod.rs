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
mod changes;
mod decode;
mod dedup;
mod explain;
mod info;
mod input;
mod operator;
mod process;
mod rejects;
mod rows;
mod session;
mod stateless;

#[doc(hidden)]
pub use aggregate::AggregateWorker;
#[doc(hidden)]
pub use bound::{Forgotten, Missing, Unbound};
pub(crate) use changes::{ChangeRef, KEY_GROUPS, owner};
pub use changes::{OperatorChanges, StateEntry};
pub use explain::Explain;
pub use info::{InputInfo, OperatorInfo, PlanInfo, WatermarkInfo};
#[doc(hidden)]
pub use input::{Input, RowFunction, from};
#[doc(hidden)]
pub use operator::{Emitted, WorkerContext};
#[doc(hidden)]
pub use rejects::Rejects;
#[doc(hidden)]
pub use session::SessionWorker;
#[doc(hidden)]
pub use stateless::Emitter;

pub use crate::mode::{Append, Complete, Mode, OutputMode, Update};

use crate::error::Result;
use crate::schema::Schema;
use crate::source::Chunk;
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
    /// When the batch was planned: the same when it runs again.
    pub time: Timestamp,
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
    /// The input's rows.
    type Row: Schema;
    /// The result's rows.
    type Output: Schema;
    /// The output mode, as a type: what sinks it may go to.
    type Mode: OutputMode;
    /// What one worker owns: its share of the state, and the batch in progress.
    #[doc(hidden)]
    type Worker: Send + 'static;
    /// A worker's partial result for the owner of some key groups.
    #[doc(hidden)]
    type Part: Send + 'static;

    /// The plan as data: for `explain()`, the fingerprint and messages.
    #[doc(hidden)]
    fn info(&self) -> &PlanInfo;

    /// The types of keys and state of each stateful operator, for the fingerprint.
    #[doc(hidden)]
    fn state_types(&self) -> Vec<String>;

    /// A worker with empty state.
    #[doc(hidden)]
    fn worker(&self, context: WorkerContext) -> Self::Worker;

    /// Starts a batch.
    #[doc(hidden)]
    fn begin(&self, worker: &mut Self::Worker, batch: &BatchContext);

    /// Decodes a chunk and runs the row function over it: the hot loop.
    #[doc(hidden)]
    fn feed(
        &self,
        worker: &mut Self::Worker,
        chunk: Chunk<'_, Self::Row>,
        rejects: &mut Rejects,
    ) -> Result<()>;

    /// How many passes follow the reading pass: one for each operator that wants rows brought to the owner of
    /// their key. A lone worker needs none.
    #[doc(hidden)]
    fn passes(&self) -> usize;

    /// The packed rows that the worker has for each owner, after a pass.
    #[doc(hidden)]
    fn routed(&self, worker: &mut Self::Worker) -> Vec<Vec<u8>>;

    /// Runs a pass (the first after reading is 1) over the rows that were routed to this worker, in input order.
    #[doc(hidden)]
    fn apply(&self, worker: &mut Self::Worker, pass: usize, parts: Vec<Vec<u8>>) -> Result<()>;

    /// Splits what the worker has gathered into a part for each owner. Called only with several workers.
    #[doc(hidden)]
    fn split(&self, worker: &mut Self::Worker, workers: usize) -> Vec<Self::Part>;

    /// Takes in the parts for the key groups that this worker owns, in input order.
    #[doc(hidden)]
    fn merge(&self, worker: &mut Self::Worker, parts: Vec<Self::Part>);

    /// After the last row: emits by output mode, then evicts what is behind the watermark.
    #[doc(hidden)]
    fn emit(&self, workers: &mut [Self::Worker], batch: &BatchContext) -> Result<Emitted<Self::Output>>;

    /// Writes down how the batch has changed each operator's state, if the checkpoint wants to know, and ends the
    /// batch.
    #[doc(hidden)]
    fn settle(&self, workers: &mut [Self::Worker], changes: Option<&mut Vec<OperatorChanges>>) -> Result<()>;

    /// When a batch has to run though there may be no rows for it. Asked between two batches.
    #[doc(hidden)]
    fn wake_at(&self, workers: &[Self::Worker]) -> Option<Timestamp>;

    /// Puts back what the checkpoint holds of an operator, the first being 0.
    #[doc(hidden)]
    fn restore(&self, workers: &mut [Self::Worker], operator: usize, entry: StateEntry<'_>) -> Result<()>;
}
