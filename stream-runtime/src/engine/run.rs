//! The control loop: which batch when, by trigger, until the query ends.

use std::sync::Arc;

use tokio::sync::watch;

use crate::error::{Error, Result};
use crate::source::Admission;
use crate::time::{Duration, Timestamp, seconds};

use super::clock::Clock;
use super::execution::{Execution, POLLING_DELAY, blocking, release};
use super::handle::{Shared, StreamingQuery};
use super::listener::tell;
use super::panics::guarded;
use super::terminal::TerminalProgress;
use super::trigger::{Trigger, next_start};

/// An idle query says so at most this often.
const IDLE_EVENTS: Duration = seconds(10);

/// Starts the query on the tokio runtime that this is called on.
pub(super) fn spawn(execution: Execution, trigger: Trigger) -> StreamingQuery {
    let shared = Arc::clone(&execution.shared);
    let query = StreamingQuery::new(Arc::clone(&shared));
    let ending = Ending(shared);
    tokio::spawn(async move {
        // Dropped after what the query holds.
        let _ending = ending;
        run(execution, trigger).await;
    });
    query
}

/// Tells those who wait for a query that it will never end by itself: its task was dropped with its runtime.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        if self.0.is_active() {
            self.0.end(Err(Arc::new(Error::Other(
                "the tokio runtime was shut down while the query was running; stop the query first".into(),
            ))));
        }
    }
}

/// Runs the query to its end and tells everyone who waits for it.
async fn run(mut execution: Execution, trigger: Trigger) {
    let (id, run_id) = (execution.shared.id, execution.shared.run_id);
    tell(&execution.listeners, |listener| listener.on_started(id, run_id, &execution.shared.name));
    let ran = guarded(run_batches(&mut execution, trigger)).await;
    let closed = guarded(execution.stages.close()).await;
    let store = Arc::clone(&execution.store);
    let copied = blocking(move || store.close()).await;
    let outcome = ran.and(closed).and(copied).map_err(|error| {
        tracing::error!(query = %execution.shared.name, %error, "query terminated");
        Arc::new(error)
    });
    let Execution { shared, listeners, stages, store, .. } = execution;
    // The checkpoint's lock is free before anyone hears that the query has ended.
    release((stages, store)).await;
    let error = outcome.as_ref().err().map(|error| &**error);
    tell(&listeners, |listener| listener.on_terminated(id, run_id, error));
    shared.end(outcome);
}

async fn run_batches(execution: &mut Execution, trigger: Trigger) -> Result<()> {
    let mut stop = execution.shared.stop_requests();
    let mut terminal = TerminalProgress::new(
        &execution.shared.name,
        trigger.is_bounded() && !execution.stages.writes_to_terminal(),
    );
    match trigger {
        Trigger::Once => {
            if let Some(progress) = execution.run_next(Admission::Everything).await? {
                terminal.batch(&progress);
            }
        }
        Trigger::AvailableNow => {
            execution.stages.prepare_available_now().await?;
            execution.wakes_until_ms = Some(execution.clock.now().as_millis());
            while !*stop.borrow() {
                match execution.run_next(Admission::Limited).await? {
                    Some(progress) => terminal.batch(&progress),
                    None => break,
                }
            }
        }
        Trigger::AsFastAsPossible => {
            let mut idle = Idle::default();
            while !*stop.borrow() {
                if execution.run_next(Admission::Limited).await?.is_none() {
                    let now = execution.clock.now();
                    idle.tell(execution, now);
                    let Execution { stages, clock, .. } = &mut *execution;
                    tokio::select! {
                        () = wait_until(clock, &mut stop, now + POLLING_DELAY) => {}
                        () = stages.arrival() => {}
                    }
                }
            }
        }
        Trigger::ProcessingTime(interval) => {
            let mut idle = Idle::default();
            while !*stop.borrow() {
                let started = execution.clock.now();
                if execution.run_next(Admission::Limited).await?.is_none() {
                    idle.tell(execution, started);
                }
                wait_until(&execution.clock, &mut stop, next_start(interval, started)).await;
            }
        }
    }
    terminal.finish();
    Ok(())
}

/// Waits for a time of day, or for the request to stop.
async fn wait_until(clock: &Arc<dyn Clock>, stop: &mut watch::Receiver<bool>, deadline: Timestamp) {
    tokio::select! {
        () = clock.sleep_until(deadline) => {}
        // An error means that the handle's side is gone, which it can't be while the execution has it.
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

/// When the query last said that it is idle.
#[derive(Default)]
struct Idle {
    told: Option<Timestamp>,
}

impl Idle {
    fn tell(&mut self, execution: &Execution, now: Timestamp) {
        if self.told.is_some_and(|told| now - told < IDLE_EVENTS && now >= told) {
            return;
        }
        self.told = Some(now);
        let Shared { id, run_id, .. } = *execution.shared;
        tell(&execution.listeners, |listener| listener.on_idle(id, run_id));
    }
}
