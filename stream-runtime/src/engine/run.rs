//! The control loop: which batch when, by trigger, until the query ends.

use std::sync::Arc;

use tokio::sync::watch;

use crate::error::{Error, Result};
use crate::source::Admission;
use crate::time::{Duration, Timestamp, seconds};

use super::clock::Clock;
use super::execution::{Execution, POLLING_DELAY};
use super::panics::caught;
use super::terminal::TerminalProgress;
use super::trigger::{Trigger, next_start};

/// An idle query says so at most this often.
const IDLE_EVENTS: Duration = seconds(10);

/// Runs the query to its end and tells everyone who waits for it.
pub(super) async fn run(mut execution: Execution, trigger: Trigger) {
    let (id, run_id) = (execution.shared.id, execution.shared.run_id);
    let ran = caught(async {
        for listener in &execution.listeners {
            listener.on_started(id, run_id, &execution.shared.name);
        }
        run_batches(&mut execution, trigger).await
    })
    .await;
    let closed = caught(execution.stages.close()).await;
    let outcome = ran.and(closed).map_err(|error| {
        tracing::error!(query = %execution.shared.name, %error, "query terminated");
        Arc::new(error)
    });
    let Execution { shared, listeners, stages, store, .. } = execution;
    // The checkpoint's lock is free before anyone hears that the query has ended.
    drop((stages, store));
    let told = caught(async {
        for listener in &listeners {
            let error = outcome.as_ref().err().map(|error| &**error as &Error);
            listener.on_terminated(id, run_id, error);
        }
        Ok(())
    })
    .await;
    shared.end(outcome.and(told.map_err(Arc::new)));
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
        for listener in &execution.listeners {
            listener.on_idle(execution.shared.id, execution.shared.run_id);
        }
    }
}
