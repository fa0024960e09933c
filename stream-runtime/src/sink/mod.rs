//! Sinks: where results go, and the trait for a service's own.
//!
//! A sink is given each batch once its offsets are durable, and before the batch is committed. After a crash
//! between the two it is given the same batch with the same rows again: a sink that keeps what it has
//! written makes `commit` do nothing for a batch id that it already holds.

pub(crate) mod blocking;
mod console;
pub(crate) mod erased;
pub mod file;
mod foreach;
mod foreach_batch;
#[cfg(feature = "kafka")]
mod kafka;
mod memory;
mod modes;
#[cfg(feature = "postgres")]
mod postgres;
mod retry;
mod table;

use async_trait::async_trait;
use uuid::Uuid;

pub use crate::format::message_writer::MessageWriter;
pub use console::ConsoleSink;
pub use file::FileSink;
pub use foreach::{ForeachSink, ForeachWriter, RowFunction};
pub use foreach_batch::{BatchFunction, BatchFuture, BatchWriter, ForeachBatch, ForeachBatchSink};
#[cfg(feature = "kafka")]
pub use kafka::{KafkaDeadLetters, KafkaSink, RowFormat};
pub use memory::{MemoryBatch, MemoryResults, MemorySink};
pub use modes::{
    AnyMode, AppendOnly, AppendOrUpdate, Changing, ChangingOnly, CompleteOnly, Final, Incremental, Takes,
    Whole,
};
#[cfg(feature = "postgres")]
pub use postgres::PostgresSink;
pub use retry::Retry;
pub use table::{ResultTable, Snapshot, TableSink};

use crate::error::Result;
use crate::mode::Mode;
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
#[derive(Debug)]
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

impl<R> Clone for SinkBatch<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

// Whatever the rows are: it only borrows them.
impl<R> Copy for SinkBatch<'_, R> {}

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
    note = "sinks are `FileSink`, `KafkaSink`, `ConsoleSink`, `MemorySink`, `ForeachSink`, `ForeachBatchSink`, and your own `impl Sink<{R}>`"
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
