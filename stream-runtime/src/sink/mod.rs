//! Sinks: where results go, and the trait for a service's own.
//!
//! A sink is given each batch once its offsets are durable, and before the batch is committed. After a crash
//! between the two it is given the same batch with the same rows again: a sink that keeps what it has
//! written makes `commit` do nothing for a batch id that it already holds.

mod blocking;
mod console;
pub(crate) mod erased;
pub mod file;
mod foreach;
mod memory;
mod table;

use async_trait::async_trait;
use uuid::Uuid;

pub use console::ConsoleSink;
pub use file::FileSink;
pub use foreach::{ForeachSink, ForeachWriter, RowFunction};
pub use memory::{MemoryBatch, MemoryResults, MemorySink};
pub use table::{ResultTable, Snapshot, TableSink};

use crate::error::Result;
use crate::mode::{Append, Complete, Mode, OutputMode, Update};
use crate::schema::Schema;

/// What a sink learns at the start of a run.
#[derive(Clone, Debug)]
pub struct SinkContext {
    /// The query's id, the same over all restarts of its checkpoint.
    pub query_id: Uuid,
    /// The query's name.
    pub query_name: String,
    /// The query's output mode.
    pub mode: Mode,
    /// The id of the run's first batch.
    pub first_batch: u64,
    /// Whether an earlier run had begun that batch, and may have written it: it then comes again, with the same rows.
    pub first_is_replay: bool,
}

/// A batch's result.
#[derive(Clone, Copy, Debug)]
pub struct SinkBatch<'a, R> {
    /// The batch's id: 0, 1, 2, … without gaps over the life of the checkpoint.
    pub id: u64,
    /// The output mode: whether `rows` are new, changed, or the whole result.
    pub mode: Mode,
    /// The rows.
    pub rows: &'a [R],
    /// The rows, as they last were, whose groups the watermark has removed from the state. They are told in update mode, to a sink
    /// that [keeps the result](Sink::keeps_result); a group that the batch has changed is in `rows`, too.
    pub removed: &'a [R],
    /// The batch's watermark; `None` if the query has none.
    pub watermark: Option<crate::time::Timestamp>,
}

/// Takes the results of a query.
///
/// Write an `impl` with `#[async_trait]`.
///
/// # Errors
/// An error of any method ends the query; a restart gives the sink the same batch again.
/// [`Error::sink`](crate::Error::sink) makes one that says which sink it was.
///
/// # Example
///
/// ```
/// use async_trait::async_trait;
/// use stream_runtime::Result;
/// use stream_runtime::prelude::*;
/// use stream_runtime::sink::{AppendOnly, Sink, SinkBatch};
///
/// /// Keeps the number of rows, each batch once.
/// struct Count {
///     rows: u64,
///     last: Option<u64>,
/// }
///
/// #[async_trait]
/// impl<R: Schema> Sink<R> for Count {
///     type Modes = AppendOnly;
///
///     fn description(&self) -> String {
///         "Count".to_owned()
///     }
///
///     async fn commit(&mut self, batch: SinkBatch<'_, R>) -> Result<()> {
///         if self.last.is_none_or(|last| batch.id > last) {
///             self.rows += batch.rows.len() as u64;
///             self.last = Some(batch.id);
///         }
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a sink of `{R}` rows",
    label = "this takes a sink of `{R}`",
    note = "sinks are `FileSink`, `ConsoleSink`, `MemorySink`, `ForeachSink`, and your own `impl Sink<{R}>`"
)]
#[async_trait]
pub trait Sink<R: Schema>: Send + 'static {
    /// Which output modes the sink can take: [`AnyMode`], or [`AppendOnly`] if a row, once written, stays, or
    /// [`ChangingOnly`] if it keeps the latest result.
    type Modes;

    /// How progress reports and errors call this sink, for instance `FileSink[data/out]`.
    fn description(&self) -> String;

    /// Whether the sink remembers batch ids over restarts, and so must not see them start again at 0: a query
    /// without a checkpoint is refused.
    fn requires_checkpoint(&self) -> bool {
        false
    }

    /// Whether the sink prints on the terminal, where the engine then shows no progress of its own.
    fn writes_to_terminal(&self) -> bool {
        false
    }

    /// Whether the sink keeps the whole result in memory. It is given the result by [`restore`](Self::restore) when a query starts
    /// again, and in update mode it learns what has left the state. A query whose state doesn't hold its result is refused.
    fn keeps_result(&self) -> bool {
        false
    }

    /// Prepares for a run. Called once, before anything else.
    async fn open(&mut self, _context: SinkContext) -> Result<()> {
        Ok(())
    }

    /// Writes a batch. Has to be idempotent in `batch.id`.
    async fn commit(&mut self, batch: SinkBatch<'_, R>) -> Result<()>;

    /// Takes the whole result, as the last committed batch has left it: before the first batch of a run, if the sink
    /// [keeps the result](Self::keeps_result) and the checkpoint has a commit.
    async fn restore(&mut self, _result: SinkBatch<'_, R>) -> Result<()> {
        Ok(())
    }

    /// Called when a batch, which the sink has written, is committed: it won't run again.
    fn committed(&mut self, _batch: u64) {}

    /// Called after the last batch of a run.
    async fn close(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A sink that takes every output mode.
#[derive(Debug)]
pub struct AnyMode;

/// A sink whose rows are final once written: it takes only `output append`.
#[derive(Debug)]
pub struct AppendOnly;

/// A sink that keeps a result which changes: it takes `output update` and `output complete`.
#[derive(Debug)]
pub struct ChangingOnly;

/// Which output modes a kind of sink takes.
#[diagnostic::on_unimplemented(
    message = "this sink takes only `output append`, and the query has another output mode",
    label = "rows written here can't be changed by a later batch",
    note = "write `output append` (which needs a watermark on an aggregation), or use a sink that can replace rows: `ConsoleSink`, `MemorySink`, `ForeachSink`"
)]
pub trait Takes<M> {}

/// An output mode in which a result changes.
#[diagnostic::on_unimplemented(
    message = "this sink keeps the latest result, and the rows of `output append` are added to each other",
    label = "a restart couldn't fill it again: rows that are final aren't in the query's state any more",
    note = "write `output update` or `output complete`, or use a sink that writes rows down: `FileSink`, for instance"
)]
pub trait Changing: OutputMode {}

impl<M: OutputMode> Takes<M> for AnyMode {}
impl Takes<Append> for AppendOnly {}
impl<M: Changing> Takes<M> for ChangingOnly {}
impl Changing for Update {}
impl Changing for Complete {}
