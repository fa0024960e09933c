//! Tables in memory: a `Vec`, which stays as it is, and [`MemoryTable`], which the service replaces.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Reload, StaticSource, Version};
use crate::error::Result;
use crate::schema::Schema;
use crate::source::blocking;

/// The rows themselves. The query copies them once, and then drops them.
#[async_trait]
impl<R: Schema> StaticSource<R> for Vec<R> {
    fn description(&self) -> String {
        format!("Vec[{} rows]", self.len())
    }

    async fn load(&mut self) -> Result<Vec<R>> {
        Ok(copied(self))
    }

    async fn version(&mut self) -> Result<Option<Version>> {
        Ok(Some(Version(String::new())))
    }
}

fn copied<R: Schema>(rows: &[R]) -> Vec<R> {
    rows.iter().map(|row| R::from_view(row.view())).collect()
}

/// A table that the service replaces while queries run.
///
/// Cheap to clone: a clone is the same table, for the service to keep and for any number of queries to take. A query
/// looks before each batch whether it was replaced, without being told to.
///
/// ```
/// use stream_runtime::prelude::*;
///
/// #[derive(Schema)]
/// struct Rate {
///     currency: String,
///     per_euro: f64,
/// }
///
/// let rate = |currency: &str, per_euro| Rate { currency: currency.to_owned(), per_euro };
/// let rates = MemoryTable::new([rate("USD", 1.17), rate("CHF", 0.93)]);
/// let for_the_query = rates.clone();
/// # drop(for_the_query);
///
/// // From the next batch on:
/// rates.replace([rate("USD", 1.18), rate("CHF", 0.93)]);
/// ```
pub struct MemoryTable<R> {
    shared: Arc<Mutex<Rows<R>>>,
}

struct Rows<R> {
    rows: Arc<[R]>,
    /// How often the rows were replaced.
    version: u64,
}

impl<R> Clone for MemoryTable<R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<R> Default for MemoryTable<R> {
    fn default() -> Self {
        Self::new([])
    }
}

impl<R> fmt::Debug for MemoryTable<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rows { rows, version } = &*self.lock();
        f.debug_struct("MemoryTable").field("rows", &rows.len()).field("version", version).finish()
    }
}

impl<R> MemoryTable<R> {
    /// A table of these rows.
    pub fn new(rows: impl IntoIterator<Item = R>) -> Self {
        let rows = rows.into_iter().collect();
        Self { shared: Arc::new(Mutex::new(Rows { rows, version: 0 })) }
    }

    /// Puts these rows in place of all others. Batches that begin later see them, and none of the old ones.
    pub fn replace(&self, rows: impl IntoIterator<Item = R>) {
        let rows = rows.into_iter().collect();
        let mut shared = self.lock();
        let version = shared.version.wrapping_add(1);
        *shared = Rows { rows, version };
    }

    fn lock(&self) -> MutexGuard<'_, Rows<R>> {
        // The rows are replaced in one step, so a panic elsewhere does them no harm.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<R: Schema> StaticSource<R> for MemoryTable<R> {
    fn description(&self) -> String {
        "MemoryTable".to_owned()
    }

    fn reload_policy(&self) -> Reload {
        Reload { on_change: true, ..Reload::default() }
    }

    async fn load(&mut self) -> Result<Vec<R>> {
        let rows = Arc::clone(&self.lock().rows);
        blocking(move || copied(&rows)).await
    }

    async fn version(&mut self) -> Result<Option<Version>> {
        Ok(Some(Version(self.lock().version.to_string())))
    }
}
