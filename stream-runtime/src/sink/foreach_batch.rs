//! [`ForeachBatchSink`]: the service's own code for each batch.
//!
//! At least once: a batch that was being written when the query failed is handed in again, with the same id and the same rows. So
//! what is written exactly once is what the service writes *by that id*.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use async_trait::async_trait;
use uuid::Uuid;

use crate::error::{BoxError, Error, Result};
use crate::mode::Mode;
use crate::schema::Schema;
use crate::sink::{AnyMode, Retry, Sink, SinkBatch, SinkContext};
use crate::time::Timestamp;

/// A batch's result, and which batch it is.
#[derive(Debug)]
#[non_exhaustive]
pub struct ForeachBatch<'a, R> {
    /// The batch's id: 0, 1, 2, … without gaps over the life of the checkpoint.
    pub id: u64,
    /// The rows. A batch that is handed in again has the same ones.
    pub rows: &'a [R],
    /// Whether the rows are new, changed, or the whole result.
    pub mode: Mode,
    /// The batch's watermark; `None` if the query has none.
    pub watermark: Option<Timestamp>,
    /// The query's name.
    pub query_name: &'a str,
    /// The id of the query's checkpoint, the same over all restarts. Ids of batches mean something only together with it.
    pub query_id: Uuid,
    /// How often this run has handed the batch in before, and was answered with an error.
    pub failures: u32,
}

impl<R> Clone for ForeachBatch<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for ForeachBatch<'_, R> {}

impl<'a, R> ForeachBatch<'a, R> {
    /// The batch as another sink takes it.
    pub fn to_sink(&self) -> SinkBatch<'a, R> {
        self.with_rows(self.rows)
    }

    /// The batch as another sink takes it, with other rows: those that were made of this batch's, and of nothing else.
    pub fn with_rows<'b, S>(&self, rows: &'b [S]) -> SinkBatch<'b, S> {
        SinkBatch { id: self.id, mode: self.mode, rows, removed: &[], watermark: self.watermark }
    }
}

/// Writes whole batches where no other sink can, or to several at once.
///
/// Write the methods as `async fn`.
///
/// # Exactly once
///
/// A batch is handed in again if it failed, and after a crash; also if the crash came after it had been written. The engine sees to
/// it that it has the same id and the same rows then. (They are the same if the query computes them from its rows alone. With
/// `static` inputs see [there](crate::static_input#replay); a query that reads a clock, or a random number, has only itself to
/// blame.) It is the writer that has to recognize an id that it knows:
///
/// - **A transaction in a database** keeps the id with the rows:
#[cfg_attr(
    feature = "postgres",
    doc = "  [`BatchTable`](crate::postgres::BatchTable) does so in PostgreSQL."
)]
#[cfg_attr(
    not(feature = "postgres"),
    doc = "  with the feature `postgres`, `BatchTable` does so in PostgreSQL."
)]
/// - **A write that may be repeated** needs no id: an upsert by key, a file whose name is made of the id.
/// - **Another sink** of this crate remembers ids by itself. Of several that are written one after the other, those that have the
///   batch ignore it the next time, and only those that don't write it: each has it once, whatever fails in between. The same rows go
///   to several sinks without any of this: call [`to`](crate::engine::QueryBuilder::to) for each.
///
/// ```
/// use stream_runtime::error::BoxError;
/// use stream_runtime::prelude::*;
/// use stream_runtime::sink::file::JsonLines;
/// use stream_runtime::sink::{BatchWriter, ForeachBatch, Sink, SinkContext};
///
/// #[derive(Schema)]
/// struct Order {
///     id: u64,
///     cents: u64,
/// }
///
/// #[derive(Schema)]
/// struct LargeOrder {
///     id: u64,
/// }
///
/// /// All orders to one directory, and large ones, as rows of another type, to a second one.
/// struct TwoFiles {
///     all: FileSink<JsonLines>,
///     large: FileSink<JsonLines>,
/// }
///
/// impl BatchWriter<Order> for TwoFiles {
///     async fn open(&mut self, context: &SinkContext) -> Result<(), BoxError> {
///         Sink::<Order>::open(&mut self.all, context.clone()).await?;
///         Sink::<LargeOrder>::open(&mut self.large, context.clone()).await?;
///         Ok(())
///     }
///
///     async fn write(&mut self, batch: ForeachBatch<'_, Order>) -> Result<(), BoxError> {
///         let large = batch.rows.iter().filter(|order| order.cents >= 100_000);
///         let large: Vec<_> = large.map(|order| LargeOrder { id: order.id }).collect();
///         self.all.commit(batch.to_sink()).await?;
///         self.large.commit(batch.with_rows(&large)).await?;
///         Ok(())
///     }
/// }
/// ```
pub trait BatchWriter<R: Schema>: Send + 'static {
    /// Prepares for a run. An error keeps the query from starting.
    fn open(&mut self, _context: &SinkContext) -> impl Future<Output = Result<(), BoxError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Writes a batch.
    ///
    /// # Errors
    /// The batch is handed in again as [`ForeachBatchSink::retry`] says, and then the query ends with the error.
    fn write(&mut self, batch: ForeachBatch<'_, R>) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Called after the last batch of a run.
    fn close(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        std::future::ready(Ok(()))
    }
}

/// What a function for batches gives: `Box::pin(async move { … })`.
pub type BatchFuture<'a> = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>>;

/// The writer behind [`ForeachBatchSink::new`]: a function called with each batch.
#[derive(Debug)]
pub struct BatchFunction<F>(F);

impl<R, F> BatchWriter<R> for BatchFunction<F>
where
    R: Schema,
    F: for<'a> FnMut(ForeachBatch<'a, R>) -> BatchFuture<'a> + Send + 'static,
{
    fn write(&mut self, batch: ForeachBatch<'_, R>) -> impl Future<Output = Result<(), BoxError>> + Send {
        (self.0)(batch)
    }
}

/// Calls the service's own code for each batch. Takes every output mode. [`BatchWriter`] says what exactly once needs.
///
/// A batch without rows is handed in, too.
pub struct ForeachBatchSink<W> {
    writer: W,
    retry: Retry,
    context: Option<SinkContext>,
}

impl<F> ForeachBatchSink<BatchFunction<F>> {
    /// Calls `function` with each batch, and waits for the future that it gives.
    ///
    /// ```
    /// use stream_runtime::prelude::*;
    /// use stream_runtime::sink::{ForeachBatchSink, Retry};
    ///
    /// #[derive(Schema)]
    /// struct PageStat {
    ///     page: String,
    ///     views: u64,
    /// }
    ///
    /// let sink = ForeachBatchSink::new(|batch| {
    ///     Box::pin(async move {
    ///         let rows: &[PageStat] = batch.rows;
    ///         println!("batch {} of {}: {} pages", batch.id, batch.query_name, rows.len());
    ///         Ok(())
    ///     })
    /// })
    /// .retry(Retry::times(3));
    /// ```
    pub fn new<R>(function: F) -> Self
    where
        R: Schema,
        F: for<'a> FnMut(ForeachBatch<'a, R>) -> BatchFuture<'a> + Send + 'static,
    {
        Self::writer(BatchFunction(function))
    }
}

impl<W> ForeachBatchSink<W> {
    /// Hands each batch to `writer`, a [`BatchWriter`].
    pub fn writer(writer: W) -> Self {
        Self { writer, retry: Retry::NEVER, context: None }
    }

    /// Hands a batch that failed in again, so often; [`Retry::NEVER`] unless told otherwise. Then the query ends, and a restart begins
    /// with the batch.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }
}

const NAME: &str = "ForeachBatchSink";

#[async_trait]
impl<R: Schema, W: BatchWriter<R>> Sink<R> for ForeachBatchSink<W> {
    type Modes = AnyMode;

    fn description(&self) -> String {
        NAME.to_owned()
    }

    async fn open(&mut self, context: SinkContext) -> Result<()> {
        self.writer.open(&context).await?;
        self.context = Some(context);
        Ok(())
    }

    async fn commit(&mut self, batch: SinkBatch<'_, R>) -> Result<()> {
        let Some(context) = &self.context else {
            return Err(Error::sink(NAME, "a batch came before `open`"));
        };
        let mut batch = ForeachBatch {
            id: batch.id,
            rows: batch.rows,
            mode: batch.mode,
            watermark: batch.watermark,
            query_name: &context.query_name,
            query_id: context.query_id,
            failures: 0,
        };
        while let Err(error) = self.writer.write(batch).await {
            batch.failures += 1;
            let Some(wait) = self.retry.wait_after(batch.failures) else {
                return Err(match batch.failures {
                    1 => Error::Other(error),
                    times => Error::sink(
                        NAME,
                        format_args!("the batch failed {times} times, at last with: {error}"),
                    ),
                });
            };
            tracing::warn!(
                query = %context.query_name, batch = batch.id,
                "writing the batch failed, and is tried again in {wait:?}: {error}"
            );
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        Ok(self.writer.close().await?)
    }
}

impl<W> fmt::Debug for ForeachBatchSink<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(NAME).field("retry", &self.retry).finish_non_exhaustive()
    }
}
