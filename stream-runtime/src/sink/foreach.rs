//! [`ForeachSink`]: the service's own code for each row.
//!
//! At least once: a batch that was being written when the query failed is written again from its first row.
//! [`ForeachWriter::open`] learns the batch id and can skip a batch that has been written before.

use std::fmt;
use std::future::Future;

use async_trait::async_trait;

use crate::error::{BoxError, Error, Result};
use crate::schema::Schema;
use crate::sink::{AnyMode, Sink, SinkBatch};

/// How many rows run before other tasks of the same thread get their turn.
const ROWS_BETWEEN_YIELDS: usize = 256;

/// Writes rows where no other sink can, one at a time.
///
/// Write the methods as `async fn`. For each batch they are called in the order `open`, `process` for each row
/// (if `open` said so), `close`.
///
/// ```
/// use stream_runtime::error::{BoxError, Error};
/// use stream_runtime::prelude::*;
/// use stream_runtime::sink::ForeachWriter;
///
/// /// Counts rows, each batch once.
/// struct Counter {
///     written: Option<u64>,
///     open: u64,
///     rows: u64,
/// }
///
/// impl<R: Schema> ForeachWriter<R> for Counter {
///     async fn open(&mut self, batch_id: u64) -> Result<bool, BoxError> {
///         self.open = batch_id;
///         Ok(self.written.is_none_or(|written| batch_id > written))
///     }
///
///     async fn process(&mut self, _row: &R) -> Result<(), BoxError> {
///         self.rows += 1;
///         Ok(())
///     }
///
///     async fn close(&mut self, error: Option<&Error>) -> Result<(), BoxError> {
///         if error.is_none() {
///             self.written = Some(self.open);
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait ForeachWriter<R: Schema>: Send + 'static {
    /// Starts a batch. `false` skips its rows: the batch has been written before.
    fn open(&mut self, _batch_id: u64) -> impl Future<Output = Result<bool, BoxError>> + Send {
        async { Ok(true) }
    }

    /// Writes a row. After an error no more rows of the batch come, and the query ends with the error.
    fn process(&mut self, row: &R) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Ends a batch whose `open` didn't fail, with the error of `process` if there was one. The batch counts
    /// as written once this returns `Ok` and `error` is `None`.
    fn close(&mut self, _error: Option<&Error>) -> impl Future<Output = Result<(), BoxError>> + Send {
        async { Ok(()) }
    }
}

/// Calls the service's own code for each row. Takes every output mode.
pub struct ForeachSink<W> {
    writer: W,
}

/// The writer behind [`ForeachSink::new`]: a function called with each row.
#[derive(Debug)]
pub struct RowFunction<F>(F);

impl<F> ForeachSink<RowFunction<F>> {
    /// Calls `function` with each row.
    ///
    /// It runs on a thread of tokio and must not block; for anything that waits, write a [`ForeachWriter`].
    ///
    /// ```
    /// use stream_runtime::prelude::*;
    /// use stream_runtime::sink::ForeachSink;
    ///
    /// #[derive(Schema)]
    /// struct PageStat {
    ///     page: String,
    ///     views: u64,
    /// }
    ///
    /// let sink = ForeachSink::new(|row: &PageStat| {
    ///     println!("{}: {}", row.page, row.views);
    ///     Ok(())
    /// });
    /// ```
    pub fn new<R>(function: F) -> Self
    where
        R: Schema,
        F: FnMut(&R) -> Result<(), BoxError> + Send + 'static,
    {
        Self { writer: RowFunction(function) }
    }
}

impl<W> ForeachSink<W> {
    /// Hands each batch to `writer`, a [`ForeachWriter`].
    pub fn writer(writer: W) -> Self {
        Self { writer }
    }
}

impl<R, F> ForeachWriter<R> for RowFunction<F>
where
    R: Schema,
    F: FnMut(&R) -> Result<(), BoxError> + Send + 'static,
{
    fn process(&mut self, row: &R) -> impl Future<Output = Result<(), BoxError>> + Send {
        std::future::ready((self.0)(row))
    }
}

impl<W> ForeachSink<W> {
    async fn process<R>(&mut self, rows: &[R]) -> Result<(), BoxError>
    where
        R: Schema,
        W: ForeachWriter<R>,
    {
        for some in rows.chunks(ROWS_BETWEEN_YIELDS) {
            for row in some {
                self.writer.process(row).await?;
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

#[async_trait]
impl<R: Schema, W: ForeachWriter<R>> Sink<R> for ForeachSink<W> {
    type Modes = AnyMode;

    fn description(&self) -> String {
        "ForeachSink".to_owned()
    }

    async fn commit(&mut self, batch: SinkBatch<'_, R>) -> Result<()> {
        let failed = if self.writer.open(batch.id).await? {
            self.process(batch.rows).await.err().map(Error::Other)
        } else {
            None
        };
        let closed = self.writer.close(failed.as_ref()).await;
        match failed {
            Some(error) => {
                if let Err(second) = closed {
                    tracing::warn!(
                        batch = batch.id,
                        "closing the writer of a failed batch failed too: {second}"
                    );
                }
                Err(error)
            }
            None => Ok(closed?),
        }
    }
}

impl<W> fmt::Debug for ForeachSink<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForeachSink").finish_non_exhaustive()
    }
}
