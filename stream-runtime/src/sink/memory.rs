//! [`MemorySink`]: keeps the results in memory, for tests and for a service that shows its own results.
//!
//! A batch is kept once: handed in again after a failure, it changes nothing, so a reader never sees a row
//! twice.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;
use uuid::Uuid;

use crate::error::Result;
use crate::mode::Mode;
use crate::schema::Schema;
use crate::sink::{AnyMode, Sink, SinkBatch, SinkContext};
use crate::time::Timestamp;

/// Keeps every batch in memory, where [`MemoryResults`] reads them.
///
/// Takes every output mode. **Memory:** all rows of all batches stay, copied, until
/// [`MemoryResults::clear`] is called or the last handle is dropped. In complete mode each batch is the whole
/// result, so a long run without `clear` grows with the square of its length.
///
/// ```
/// use stream_runtime::prelude::*;
/// use stream_runtime::sink::MemorySink;
///
/// #[derive(Debug, PartialEq, Schema)]
/// struct PageStat {
///     page: String,
///     views: u64,
/// }
///
/// let (results, sink) = MemorySink::<PageStat>::new();
/// // … `.to(sink)`, start the query, `results.wait_for_batch(0).await`, and then:
/// assert_eq!(results.rows(), []);
/// # drop(sink);
/// ```
pub struct MemorySink<R> {
    shared: Arc<Shared<R>>,
}

/// The results that a [`MemorySink`] keeps. Cheap to clone; every clone sees the same results.
///
/// It outlives the query: a query started anew from the same checkpoint goes on where the last one stopped
/// if it is given [`MemoryResults::sink`]. Another query (one with a new checkpoint) counts its batches from
/// 0 again, so its start empties the results. With the feature `sql`, a `SqlSession` asks them in SQL,
/// and sees the batches that are committed.
pub struct MemoryResults<R> {
    shared: Arc<Shared<R>>,
}

/// One batch in a [`MemorySink`].
pub struct MemoryBatch<R> {
    /// The batch's id.
    pub id: u64,
    /// Whether the rows are new, changed, or the whole result.
    pub mode: Mode,
    /// The batch's watermark; `None` if the query has none.
    pub watermark: Option<Timestamp>,
    /// The rows.
    pub rows: Arc<[R]>,
}

struct Shared<R> {
    kept: Mutex<Kept<R>>,
    changes: watch::Sender<Changes>,
}

/// What waiters wait for. Written while `kept` is locked, so that it never runs ahead of the rows.
#[derive(Clone, Copy)]
struct Changes {
    /// The last batch that was handed in, also if it has been cleared since.
    last: Option<u64>,
    /// The last batch that won't be handed in again.
    committed: Option<u64>,
    /// How many sinks could still hand one in.
    sinks: usize,
}

struct Kept<R> {
    query: Option<Uuid>,
    batches: Vec<MemoryBatch<R>>,
}

impl<R: Schema> MemorySink<R> {
    /// A sink and the handle that reads its results.
    pub fn new() -> (MemoryResults<R>, Self) {
        let shared = Arc::new(Shared {
            kept: Mutex::new(Kept { query: None, batches: Vec::new() }),
            changes: watch::Sender::new(Changes { last: None, committed: None, sinks: 0 }),
        });
        let results = MemoryResults { shared };
        let sink = results.sink();
        (results, sink)
    }
}

impl<R: Schema> MemoryResults<R> {
    /// Another sink into the same results, for a query that is started again.
    pub fn sink(&self) -> MemorySink<R> {
        self.shared.changes.send_modify(|changes| changes.sinks += 1);
        MemorySink { shared: Arc::clone(&self.shared) }
    }

    /// The batches, oldest first.
    pub fn batches(&self) -> Vec<MemoryBatch<R>> {
        self.shared.kept().batches.clone()
    }

    /// The batches that are committed.
    #[cfg(feature = "sql")]
    pub(crate) fn committed(&self) -> Vec<MemoryBatch<R>> {
        let kept = self.shared.kept();
        let committed = self.shared.changes.borrow().committed;
        kept.batches.iter().filter(|batch| Some(batch.id) <= committed).cloned().collect()
    }

    /// The batch with this id, if it is there.
    pub fn batch(&self, id: u64) -> Option<MemoryBatch<R>> {
        self.shared.kept().batches.iter().find(|batch| batch.id == id).cloned()
    }

    /// The last batch.
    pub fn last(&self) -> Option<MemoryBatch<R>> {
        self.shared.kept().batches.last().cloned()
    }

    /// The rows: in append mode the whole result so far, in update mode every row as it was emitted, in
    /// complete mode the last batch's.
    pub fn rows(&self) -> Vec<R> {
        // Copied without the lock: a service's columns are cloned by its own code.
        let batches = self.batches();
        let shown = match batches.last() {
            Some(last) if last.mode == Mode::Complete => std::slice::from_ref(last),
            _ => &batches,
        };
        shown.iter().flat_map(|batch| batch.rows.iter()).map(copy).collect()
    }

    /// Forgets the rows and gives their memory back. A batch that was forgotten doesn't come back when it is
    /// replayed.
    pub fn clear(&self) {
        let forgotten = std::mem::take(&mut self.shared.kept().batches);
        drop(forgotten);
    }

    /// Waits until batch `id` or a later one has been handed in.
    ///
    /// `true` once it has, also if it has been cleared since; `false` as soon as no sink is left that could
    /// hand it in, because the query has ended.
    #[must_use = "`false` says that the query ended without this batch"]
    pub async fn wait_for_batch(&self, id: u64) -> bool {
        self.wait_until(|results| results.shared.changes.borrow().last.is_some_and(|last| last >= id)).await
    }

    /// Waits until batch `id` or a later one is committed, and won't be handed in again. That is when SQL sees it.
    ///
    /// `true` once it is; `false` as soon as no sink is left whose query could commit it.
    #[must_use = "`false` says that the query ended without this batch"]
    pub async fn wait_for_commit(&self, id: u64) -> bool {
        self.wait_until(|results| results.shared.changes.borrow().committed.is_some_and(|last| last >= id))
            .await
    }

    /// Waits until [`rows`](Self::rows) has at least `count` rows.
    ///
    /// `true` once it has; `false` as soon as no sink is left that could add some.
    #[must_use = "`false` says that the query ended without so many rows"]
    pub async fn wait_for_rows(&self, count: usize) -> bool {
        self.wait_until(|results| {
            let kept = results.shared.kept();
            let shown = match kept.batches.last() {
                Some(last) if last.mode == Mode::Complete => std::slice::from_ref(last),
                _ => &kept.batches,
            };
            shown.iter().map(|batch| batch.rows.len()).sum::<usize>() >= count
        })
        .await
    }

    async fn wait_until(&self, is_met: impl Fn(&Self) -> bool) -> bool {
        let mut changes = self.shared.changes.subscribe();
        loop {
            let ended = changes.borrow_and_update().sinks == 0;
            if is_met(self) {
                return true;
            }
            // The sender lives in `self`, so the channel can't be closed.
            if ended || changes.changed().await.is_err() {
                return false;
            }
        }
    }
}

impl<R> Shared<R> {
    fn kept(&self) -> MutexGuard<'_, Kept<R>> {
        // Nothing that can panic runs under the lock.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn copy<R: Schema>(row: &R) -> R {
    R::from_view(row.view())
}

#[async_trait]
impl<R: Schema> Sink<R> for MemorySink<R> {
    type Modes = AnyMode;

    fn description(&self) -> String {
        "MemorySink".to_owned()
    }

    async fn open(&mut self, context: SinkContext) -> Result<()> {
        let mut kept = self.shared.kept();
        if kept.query.replace(context.query_id).is_some_and(|before| before != context.query_id) {
            kept.batches.clear();
            self.shared.changes.send_modify(|changes| {
                changes.last = None;
                changes.committed = None;
            });
        }
        Ok(())
    }

    async fn commit(&mut self, batch: SinkBatch<'_, R>) -> Result<()> {
        let rows = batch.rows.iter().map(copy).collect();
        let mut kept = self.shared.kept();
        if self.shared.changes.borrow().last.is_some_and(|last| batch.id <= last) {
            return Ok(());
        }
        kept.batches.push(MemoryBatch { id: batch.id, mode: batch.mode, watermark: batch.watermark, rows });
        self.shared.changes.send_modify(|changes| changes.last = Some(batch.id));
        Ok(())
    }

    fn committed(&mut self, batch: u64) {
        let _kept = self.shared.kept();
        self.shared.changes.send_modify(|changes| changes.committed = Some(batch));
    }
}

impl<R> Drop for MemorySink<R> {
    fn drop(&mut self) {
        self.shared.changes.send_modify(|changes| changes.sinks -= 1);
    }
}

impl<R> Clone for MemoryResults<R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<R> Clone for MemoryBatch<R> {
    fn clone(&self) -> Self {
        Self { id: self.id, mode: self.mode, watermark: self.watermark, rows: Arc::clone(&self.rows) }
    }
}

impl<R: fmt::Debug> fmt::Debug for MemoryBatch<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBatch")
            .field("id", &self.id)
            .field("mode", &self.mode)
            .field("watermark", &self.watermark)
            .field("rows", &self.rows)
            .finish()
    }
}

impl<R> fmt::Debug for MemorySink<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySink").finish_non_exhaustive()
    }
}

impl<R> fmt::Debug for MemoryResults<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryResults").field("batches", &self.shared.kept().batches.len()).finish()
    }
}
