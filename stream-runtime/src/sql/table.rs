//! [`SqlTable`]: what SQL can ask, and the rows behind it.

use std::hash::Hash;
use std::sync::Arc;

use datafusion::catalog::TableProvider;

use super::scan::Frozen;
use crate::error::Result;
use crate::mode::Mode;
use crate::schema::Schema;
use crate::sink::{MemoryResults, ResultTable, Snapshot};

/// A table that SQL can ask: a [`ResultTable`], one [`Snapshot`] of it, or [`MemoryResults`].
///
/// What [`MemoryResults::rows`] gives is the table of a memory sink: in append mode all rows so far, in update mode every row as it
/// was emitted, in complete mode the last batch's; but of committed batches only, where the results themselves have a batch as soon as the sink does.
pub trait SqlTable: Send + Sync + sealed::Sealed + 'static {
    /// The table as it is now, for a context of the service's own. The next commit doesn't change it: register one for each statement, or
    /// [`SqlSession::tables`](super::SqlSession::tables) once.
    ///
    /// **A context of the service's own refuses nothing**, and has none of the limits of a [`SqlSession`](super::SqlSession): its statements
    /// read and write files, and take any memory, if they say so.
    ///
    /// ```
    /// use stream_runtime::datafusion::prelude::SessionContext;
    /// use stream_runtime::prelude::*;
    /// use stream_runtime::sql::SqlTable;
    ///
    /// #[derive(Schema)]
    /// struct Views {
    ///     page: String,
    ///     views: u64,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (table, _sink) = TableSink::by(|row: &Views| row.page.clone());
    /// let context = SessionContext::new();
    /// context.register_table("views", table.provider()?)?;
    /// assert_eq!(context.table("views").await?.count().await?, 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A column that no table can have: a struct that holds a list of itself.
    fn provider(&self) -> Result<Arc<dyn TableProvider>>;
}

impl<K, R> SqlTable for ResultTable<K, R>
where
    K: Eq + Hash + Send + Sync + 'static,
    R: Schema,
{
    fn provider(&self) -> Result<Arc<dyn TableProvider>> {
        self.snapshot().provider()
    }
}

impl<K, R> SqlTable for Snapshot<K, R>
where
    K: Eq + Hash + Send + Sync + 'static,
    R: Schema,
{
    fn provider(&self) -> Result<Arc<dyn TableProvider>> {
        Ok(Arc::new(Frozen::new(self.clone())?))
    }
}

impl<R: Schema> SqlTable for MemoryResults<R> {
    fn provider(&self) -> Result<Arc<dyn TableProvider>> {
        let mut batches = self.committed();
        if let Some(last) = batches.pop_if(|last| last.mode == Mode::Complete) {
            batches = vec![last];
        }
        let rows: Vec<_> = batches.into_iter().map(|batch| batch.rows).collect();
        Ok(Arc::new(Frozen::new(rows)?))
    }
}

/// Rows that stay as they are.
pub(super) trait Rows: Send + Sync + 'static {
    type Row: Schema;

    fn rows(&self) -> impl Iterator<Item = &Self::Row> + Send;
}

impl<K, R> Rows for Snapshot<K, R>
where
    K: Eq + Hash + Send + Sync + 'static,
    R: Schema,
{
    type Row = R;

    fn rows(&self) -> impl Iterator<Item = &R> + Send {
        self.iter().map(|(_, row)| &**row)
    }
}

impl<R: Schema> Rows for Vec<Arc<[R]>> {
    type Row = R;

    fn rows(&self) -> impl Iterator<Item = &R> + Send {
        self.iter().flat_map(|batch| batch.iter())
    }
}

mod sealed {
    use super::{MemoryResults, ResultTable, Snapshot};

    pub trait Sealed {}

    impl<K, R> Sealed for ResultTable<K, R> {}
    impl<K, R> Sealed for Snapshot<K, R> {}
    impl<R> Sealed for MemoryResults<R> {}
}
