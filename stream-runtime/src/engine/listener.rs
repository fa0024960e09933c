//! [`QueryListener`]: a service's ear on its queries.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use uuid::Uuid;

use crate::error::Error;

use super::panics::panicked;
use super::progress::Progress;

/// Hears of a query's start, batches and end. Every method does nothing unless it is overridden.
///
/// Listeners are called between batches, on the query's task: what takes long belongs on another one, and so does
/// whatever waits for the query, which waits for the listener. A listener that panics is passed over, as in Spark.
///
/// An `Arc` of a listener is a listener, too: keep a clone to read what it has heard.
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

impl<L: QueryListener + ?Sized> QueryListener for Arc<L> {
    fn on_started(&self, id: Uuid, run_id: Uuid, name: &str) {
        (**self).on_started(id, run_id, name);
    }
    fn on_progress(&self, progress: &Progress) {
        (**self).on_progress(progress);
    }
    fn on_idle(&self, id: Uuid, run_id: Uuid) {
        (**self).on_idle(id, run_id);
    }
    fn on_terminated(&self, id: Uuid, run_id: Uuid, error: Option<&Error>) {
        (**self).on_terminated(id, run_id, error);
    }
}

/// Tells every listener; what one of them breaks is neither the query's loss nor the others'.
pub(super) fn tell(listeners: &[Arc<dyn QueryListener>], news: impl Fn(&dyn QueryListener)) {
    for listener in listeners {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| news(&**listener))) {
            tracing::error!(error = %panicked(panic.as_ref()), "a query listener panicked and is passed over");
        }
    }
}
