//! [`QueryListener`]: a service's ear on its queries.

use uuid::Uuid;

use crate::error::Error;

use super::progress::Progress;

/// Hears of a query's start, batches and end. Every method does nothing unless it is overridden.
///
/// Listeners are called between batches, on the query's task: what takes long belongs on another one.
pub trait QueryListener: Send + Sync + 'static {
    /// The query has started.
    fn on_started(&self, _id: Uuid, _run_id: Uuid, _name: &str) {}
    /// A batch has been committed.
    fn on_progress(&self, _progress: &Progress) {}
    /// The query looked for data and found none; told at most once in ten seconds.
    fn on_idle(&self, _id: Uuid, _run_id: Uuid) {}
    /// The query has ended, by itself, by `stop`, or by an error.
    fn on_terminated(&self, _id: Uuid, _run_id: Uuid, _error: Option<&Error>) {}
}
