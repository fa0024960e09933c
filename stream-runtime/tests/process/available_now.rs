//! Timers in runs that end by themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use stream_runtime::engine::Clock;
use stream_runtime::error::BoxError;
use stream_runtime::prelude::*;
use stream_runtime::process::{Context, KeyedProcessor, ProcessorState, Timer, ValueState};
use stream_runtime::testing::ManualClock;

use super::support::*;

/// A clock that is a second further on whenever it is looked at.
struct TickingClock {
    clock: Arc<ManualClock>,
    second: AtomicI64,
}

#[async_trait]
impl Clock for TickingClock {
    fn now(&self) -> Timestamp {
        at(self.second.fetch_add(1, Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    async fn sleep_until(&self, deadline: Timestamp) {
        self.clock.sleep_until(deadline).await;
    }

    fn random(&self) -> u128 {
        self.clock.random()
    }
}

#[derive(Default, ProcessorState)]
struct Beats {
    beats: ValueState<u64>,
}

/// Beats each millisecond, a hundred times.
struct Heart;

impl KeyedProcessor for Heart {
    type Key = String;
    type Row = Event;
    type Output = Said;
    type State = Beats;

    fn process(
        &self,
        _: &str,
        _: EventView<'_>,
        _: &mut Beats,
        context: &mut Context<'_, Said>,
    ) -> Result<(), BoxError> {
        Ok(context.processing_timer(context.now() + milliseconds(1))?)
    }

    fn on_timer(
        &self,
        key: &str,
        _: Timer,
        state: &mut Beats,
        context: &mut Context<'_, Said>,
    ) -> Result<(), BoxError> {
        let beats = state.beats.or_default();
        *beats += 1;
        context.emit(said(key, beats.to_string()));
        if *beats < 100 {
            context.processing_timer(context.now() + milliseconds(1))?;
        }
        Ok(())
    }
}

stream_query! {
    query Pulse(events: Event) -> Said {
        from event in events;
        process by event.key with Heart;
        output append;
    }
}

#[tokio::test]
async fn a_run_ends_though_timers_set_themselves_again_and_the_next_one_goes_on_with_them() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(TickingClock { clock: ManualClock::new(at(0)), second: AtomicI64::new(0) });
    let (input, _) = MemorySource::new();
    let (results, _) = MemorySink::new();
    input.add([event("a", "", 0)]);
    for beats in 0..4 {
        let query = Pulse::query().events(input.source()).to(results.sink()).checkpoint(directory.path());
        let query =
            query.clock(Arc::clone(&clock) as _).trigger(Trigger::AvailableNow).start().await.unwrap();
        query.await_termination().await.unwrap();
        let expected: Vec<_> = (1..=beats).map(|beat| said("a", beat.to_string())).collect();
        assert_eq!(results.rows(), expected, "a run lets those fire that were due when it began");
    }
}
