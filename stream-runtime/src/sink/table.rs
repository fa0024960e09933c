//! [`ResultTable`]: the latest result by key, which the service reads while the query runs.
//!
//! What readers see is a persistent map: a snapshot stays as it is and costs nothing, while the next batch builds on it. It shows
//! committed batches only, and after a restart what the query's state holds.

use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use async_trait::async_trait;
use hashbrown::HashSet;
use rapidhash::fast::RandomState;
use rpds::HashTrieMapSync;
use tokio::sync::watch;

use crate::error::{Error, Result};
use crate::mode::Mode;
use crate::schema::Schema;
use crate::time::Timestamp;

use super::{ChangingOnly, Sink, SinkBatch, SinkContext};

type Rows<K, R> = HashTrieMapSync<K, Arc<R>, RandomState>;

/// The sink behind a [`ResultTable`].
///
/// It takes `output update` and `output complete`, from a query whose result is in its state: an aggregation, in update mode
/// without `having`. Another one is refused at its start, since a restart couldn't fill the table again.
///
/// **What is in the table:** in complete mode the last batch's rows. In update mode the row of each group that the state holds; once
/// the watermark has passed a window, its rows leave the table with its state. A service that wants to see them for longer gives the
/// watermark a longer delay, or has a sink write them down.
///
/// ```
/// use stream_runtime::prelude::*;
///
/// #[derive(Schema)]
/// struct Click {
///     page: String,
/// }
///
/// #[derive(Debug, PartialEq, Schema)]
/// struct Views {
///     page: String,
///     views: u64,
/// }
///
/// stream_query! {
///     query PageViews(clicks: Click) -> Views {
///         from click in clicks;
///         group by click.page unbounded;
///         select Views { page: click.page, views: count() };
///         output update;
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> stream_runtime::Result<()> {
/// let (table, sink) = TableSink::by(|row: &Views| row.page.clone());
/// let (clicks, source) = MemorySource::new();
/// let query = PageViews::query().clicks(source).to(sink).start().await?;
///
/// clicks.add(["/", "/help", "/"].map(|page| Click { page: page.to_owned() }));
/// assert!(table.wait_for_batch(0).await);
/// assert_eq!(table.get("/").map(|row| row.views), Some(2));
/// query.stop().await
/// # }
/// ```
pub struct TableSink<K, R> {
    key: Box<dyn Fn(&R) -> K + Send + Sync>,
    /// What the batch that isn't committed yet makes of the table.
    next: Option<Snapshot<K, R>>,
    published: watch::Sender<Snapshot<K, R>>,
}

/// The latest result of a query by key. Cheap to clone; every clone reads the same table.
///
/// It outlives the query, and then keeps what the last committed batch has left. With the feature `sql`, a `SqlSession` asks it in SQL.
pub struct ResultTable<K, R> {
    published: watch::Receiver<Snapshot<K, R>>,
}

/// The table as a committed batch has left it; it stays as it is. Cheap to clone.
pub struct Snapshot<K, R> {
    batch: Option<u64>,
    watermark: Option<Timestamp>,
    rows: Rows<K, R>,
}

impl<K, R> TableSink<K, R>
where
    K: Eq + Hash + Send + Sync + 'static,
    R: Schema,
{
    /// A table and the sink that fills it. `key` has to tell the result's rows apart: give it each key of the query's `group by`.
    pub fn by(key: impl Fn(&R) -> K + Send + Sync + 'static) -> (ResultTable<K, R>, Self) {
        let (sender, receiver) = watch::channel(Snapshot::default());
        (ResultTable { published: receiver }, Self { key: Box::new(key), next: None, published: sender })
    }

    /// Puts the rows of one batch into the table.
    fn insert(&self, rows: &[R], into: &mut Rows<K, R>) -> Result<()> {
        let mut keys = HashSet::with_capacity_and_hasher(rows.len(), RandomState::default());
        for row in rows {
            into.insert_mut((self.key)(row), Arc::new(R::from_view(row.view())));
            if !keys.insert((self.key)(row)) {
                return Err(Error::sink(
                    NAME,
                    "two rows of one result have the same key: give the table's key each key of the query's `group by`",
                ));
            }
        }
        Ok(())
    }
}

const NAME: &str = "ResultTable";

#[async_trait]
impl<K, R> Sink<R> for TableSink<K, R>
where
    K: Eq + Hash + Send + Sync + 'static,
    R: Schema,
{
    type Modes = ChangingOnly;

    fn description(&self) -> String {
        NAME.to_owned()
    }

    fn keeps_result(&self) -> bool {
        true
    }

    async fn open(&mut self, context: SinkContext) -> Result<()> {
        // Late and malformed rows are appended, whatever the query's output mode.
        if context.mode == Mode::Append {
            return Err(Error::sink(
                NAME,
                "it keeps a query's result, and not rows that are added to each other",
            ));
        }
        Ok(())
    }

    async fn restore(&mut self, result: SinkBatch<'_, R>) -> Result<()> {
        let mut rows = Rows::default();
        self.insert(result.rows, &mut rows)?;
        self.published.send_replace(Snapshot { batch: Some(result.id), watermark: result.watermark, rows });
        Ok(())
    }

    async fn commit(&mut self, batch: SinkBatch<'_, R>) -> Result<()> {
        let mut rows = match batch.mode {
            Mode::Complete => Rows::default(),
            _ => self.published.borrow().rows.clone(),
        };
        self.insert(batch.rows, &mut rows)?;
        for row in batch.removed {
            rows.remove_mut(&(self.key)(row));
        }
        self.next = Some(Snapshot { batch: Some(batch.id), watermark: batch.watermark, rows });
        Ok(())
    }

    fn committed(&mut self, batch: u64) {
        if let Some(next) = self.next.take_if(|next| next.batch == Some(batch)) {
            self.published.send_replace(next);
        }
    }
}

impl<K, R> ResultTable<K, R>
where
    K: Eq + Hash,
{
    /// The latest row of a key, if the table has one.
    pub fn get<Q>(&self, key: &Q) -> Option<Arc<R>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.published.borrow().get(key).cloned()
    }

    /// The whole table, as the last commit has left it.
    pub fn snapshot(&self) -> Snapshot<K, R> {
        self.published.borrow().clone()
    }

    /// Waits until batch `id` or a later one is committed.
    ///
    /// `true` once it is; `false` as soon as the query has ended without it.
    #[must_use = "`false` says that the query ended without this batch"]
    pub async fn wait_for_batch(&self, id: u64) -> bool {
        let mut published = self.published.clone();
        published.wait_for(|snapshot| snapshot.batch.is_some_and(|batch| batch >= id)).await.is_ok()
    }
}

impl<K, R> Snapshot<K, R>
where
    K: Eq + Hash,
{
    /// The row of a key, if the table has one.
    pub fn get<Q>(&self, key: &Q) -> Option<&Arc<R>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.rows.get(key)
    }

    /// All keys and rows, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &Arc<R>)> {
        self.rows.iter()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.size()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The id of the batch that was committed last; `None` before the first one.
    pub fn batch_id(&self) -> Option<u64> {
        self.batch
    }

    /// That batch's watermark; `None` if the query has none.
    pub fn watermark(&self) -> Option<Timestamp> {
        self.watermark
    }
}

impl<K: Eq + Hash, R> Default for Snapshot<K, R> {
    fn default() -> Self {
        Self { batch: None, watermark: None, rows: Rows::default() }
    }
}

impl<K, R> Clone for ResultTable<K, R> {
    fn clone(&self) -> Self {
        Self { published: self.published.clone() }
    }
}

impl<K: Eq + Hash, R> Clone for Snapshot<K, R> {
    fn clone(&self) -> Self {
        Self { batch: self.batch, watermark: self.watermark, rows: self.rows.clone() }
    }
}

impl<K, R> fmt::Debug for TableSink<K, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableSink").finish_non_exhaustive()
    }
}

impl<K, R> fmt::Debug for ResultTable<K, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultTable").finish_non_exhaustive()
    }
}

impl<K: Eq + Hash + fmt::Debug, R: fmt::Debug> fmt::Debug for Snapshot<K, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("batch", &self.batch)
            .field("watermark", &self.watermark)
            .field("rows", &self.rows)
            .finish()
    }
}
