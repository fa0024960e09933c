//! [`StreamingQuery`]: the handle of a running query.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::plan::Explain;

use super::progress::{Progress, QueryStatus};

/// As many batches are remembered as Spark remembers (`numRecentProgressUpdates`).
const RECENT: usize = 100;

/// What the handle and the running query share.
pub(crate) struct Shared {
    pub(crate) id: Uuid,
    pub(crate) run_id: Uuid,
    pub(crate) name: String,
    pub(crate) explain: Explain,
    watched: Mutex<Watched>,
    stop: watch::Sender<bool>,
    ended: watch::Sender<Option<Outcome>>,
}

struct Watched {
    status: QueryStatus,
    recent: VecDeque<Arc<Progress>>,
}

type Outcome = Result<(), Arc<Error>>;

impl Shared {
    pub(crate) fn new(id: Uuid, run_id: Uuid, name: String, explain: Explain) -> Arc<Self> {
        let status = QueryStatus {
            message: "Initializing".to_owned(),
            is_data_available: false,
            is_trigger_active: false,
        };
        Arc::new(Self {
            id,
            run_id,
            name,
            explain,
            watched: Mutex::new(Watched { status, recent: VecDeque::new() }),
            stop: watch::Sender::new(false),
            ended: watch::Sender::new(None),
        })
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        // What is inside is replaced whole, so a panic elsewhere can't have left it half done.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_status(&self, message: &str, is_data_available: bool, is_trigger_active: bool) {
        self.watched().status =
            QueryStatus { message: message.to_owned(), is_data_available, is_trigger_active };
    }

    pub(crate) fn push_progress(&self, progress: Arc<Progress>) {
        let recent = &mut self.watched().recent;
        if recent.len() == RECENT {
            recent.pop_front();
        }
        recent.push_back(progress);
    }

    pub(super) fn is_active(&self) -> bool {
        self.ended.borrow().is_none()
    }

    pub(crate) fn stop_requests(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    pub(crate) fn end(&self, outcome: Outcome) {
        let message = if outcome.is_ok() { "Stopped" } else { "Terminated with exception" };
        self.set_status(message, false, false);
        self.ended.send_replace(Some(outcome));
    }
}

/// A running query.
///
/// Dropping the handle leaves the query running, as in Spark; clone it to watch a query from several places.
#[derive(Clone)]
pub struct StreamingQuery {
    shared: Arc<Shared>,
}

impl fmt::Debug for StreamingQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamingQuery")
            .field("name", &self.shared.name)
            .field("id", &self.shared.id)
            .field("run_id", &self.shared.run_id)
            .field("status", &self.status())
            .finish()
    }
}

impl StreamingQuery {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The query's id: the same over all restarts of its checkpoint.
    pub fn id(&self) -> Uuid {
        self.shared.id
    }

    /// This run's id: new at each start.
    pub fn run_id(&self) -> Uuid {
        self.shared.run_id
    }

    /// The name given with [`name`](super::QueryBuilder::name), or the name in `stream_query!`.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// What the query is doing right now.
    pub fn status(&self) -> QueryStatus {
        self.shared.watched().status.clone()
    }

    /// What the last batch did; `None` before the first has ended.
    pub fn last_progress(&self) -> Option<Arc<Progress>> {
        self.shared.watched().recent.back().cloned()
    }

    /// What the last batches did, oldest first, up to 100.
    pub fn recent_progress(&self) -> Vec<Arc<Progress>> {
        self.shared.watched().recent.iter().cloned().collect()
    }

    /// The query's plan, to print.
    pub fn explain(&self) -> &Explain {
        &self.shared.explain
    }

    /// Whether the query is still running.
    pub fn is_active(&self) -> bool {
        self.shared.is_active()
    }

    /// What ended the query, if an error did.
    pub fn exception(&self) -> Option<Arc<Error>> {
        self.shared.ended.borrow().as_ref().and_then(|outcome| outcome.as_ref().err().cloned())
    }

    /// Stops the query after the batch in progress, and waits until it has.
    ///
    /// A source or sink of the query itself must not wait for this, since the batch waits for them.
    ///
    /// # Errors
    /// What ended the query, if an error did, before or while it stopped.
    pub async fn stop(&self) -> Result<()> {
        self.shared.stop.send_replace(true);
        self.await_termination().await
    }

    /// Waits until the query has ended: by itself (a bounded trigger), by [`stop`](Self::stop), or by an error.
    ///
    /// # Errors
    /// What ended the query, if an error did.
    pub async fn await_termination(&self) -> Result<()> {
        let mut ended = self.shared.ended.subscribe();
        match ended.wait_for(Option::is_some).await {
            Ok(outcome) => match outcome.as_ref() {
                Some(Err(error)) => Err(Error::Shared(Arc::clone(error))),
                Some(Ok(())) | None => Ok(()),
            },
            // The sender lives in `self.shared`.
            Err(_) => Ok(()),
        }
    }
}
