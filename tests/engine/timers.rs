//! Operators that want to run at a time of the clock: a batch without data runs once that time has come.

use std::sync::Arc;

use stream_runtime::engine::{Clock, Progress, Step};
use stream_runtime::error::BoxError;
use stream_runtime::prelude::*;
use stream_runtime::process::{Context, KeyedProcessor, ProcessorState, Timer, ValueState};
use stream_runtime::testing::TestQuery;

use super::doubles::WatchedClock;
use super::{Event, EventView, Number, at, event};

/// Passes on the number of a row, and at the row's time emits the time of the batch in seconds.
struct Alarm;

#[derive(Default, ProcessorState)]
struct Nothing {
    nothing: ValueState<u8>,
}

impl KeyedProcessor for Alarm {
    type Key = String;
    type Row = Event;
    type Output = Number;
    type State = Nothing;

    fn process(
        &self,
        _: &str,
        row: EventView<'_>,
        _: &mut Nothing,
        context: &mut Context<'_, Number>,
    ) -> Result<(), BoxError> {
        context.emit(Number { number: row.number });
        Ok(context.processing_timer(row.ts)?)
    }

    fn on_timer(
        &self,
        _: &str,
        _: Timer,
        _: &mut Nothing,
        context: &mut Context<'_, Number>,
    ) -> Result<(), BoxError> {
        context.emit(Number { number: context.now().as_millis() / 1_000 });
        Ok(())
    }
}

stream_query! {
    query Ringing(events: Event) -> Number {
        from e in events;
        process by e.key with Alarm;
        output append;
    }
}

/// 2026-01-01T00:00:00Z, where the clock of a `TestQuery` begins, and so many seconds.
fn second(seconds: i64) -> i64 {
    1_767_225_600 + seconds
}

fn rang(seconds: i64) -> Number {
    Number { number: second(seconds) }
}

fn rows(progress: &[Arc<Progress>]) -> Vec<u64> {
    progress.iter().map(|batch| batch.num_input_rows).collect()
}

#[tokio::test]
async fn a_timer_gets_a_batch_without_data_once_its_time_has_come_and_one_alone() {
    let build = |source, sink| Ringing::query().events(source).to(sink);
    let mut test = TestQuery::open(build).await.expect("it opens");
    test.expect([]).await;
    assert!(test.progress().is_empty(), "there is no timer before there is a batch");
    test.add([event(1, second(10))]).expect([Number { number: 1 }]).await;
    test.advance(milliseconds(9_999)).expect([]).await;
    assert_eq!(rows(test.progress()), [1]);
    test.advance(milliseconds(1)).expect([rang(10)]).await;
    assert_eq!(rows(test.progress()), [1, 0]);
    test.advance(days(1)).expect([]).await;
    assert_eq!(rows(test.progress()), [1, 0]);
}

/// The time of a batch is in whole milliseconds: one that began within the timer's would not fire it.
#[tokio::test]
async fn a_timer_within_a_millisecond_waits_for_the_next_one() {
    let build = |source, sink| Ringing::query().events(source).to(sink);
    let mut test = TestQuery::open(build).await.expect("it opens");
    let row = Event { ts: at(second(10)) + microseconds(500), ..event(1, 0) };
    test.add([row]).expect([Number { number: 1 }]).await;
    test.advance(seconds(10) + microseconds(999)).expect([]).await;
    assert_eq!(rows(test.progress()), [1]);
    test.advance(microseconds(1)).expect([rang(10)]).await;
}

#[tokio::test]
async fn after_a_restart_the_timers_of_the_checkpoint_are_waited_for() {
    let build = |source, sink| Ringing::query().events(source).to(sink);
    let mut test = TestQuery::open(build).await.expect("it opens");
    test.restart().await.expect("it opens again");
    test.expect([]).await;
    test.add([event(1, second(10))]).expect([Number { number: 1 }]).await;
    test.restart().await.expect("it opens again");
    test.expect([]).await;
    assert_eq!(rows(test.progress()), [1], "no batch has to find out");
    test.advance(seconds(10)).expect([rang(10)]).await;

    // So are those of a batch that runs again.
    test.crash_at(Step::Planned).add([event(2, second(20))]).expect([Number { number: 2 }]).await;
    assert_eq!(rows(test.progress()), [1, 0, 1]);
    test.advance(seconds(10)).expect([rang(20)]).await;
}

#[tokio::test]
async fn a_running_query_notices_that_the_time_has_come() {
    let clock = WatchedClock::new(at(0));
    let (input, source) = MemorySource::new();
    let (results, sink) = MemorySink::new();
    input.add([event(1, 60)]);
    let query = Ringing::query().events(source).to(sink);
    let query = query.clock(Arc::clone(&clock) as Arc<dyn Clock>).start().await.expect("the query starts");
    assert!(results.wait_for_rows(1).await);
    clock.deadlines(&query, 1).await;
    clock.set(at(60));
    assert!(results.wait_for_rows(2).await);
    query.stop().await.expect("it stops");
    assert_eq!(results.rows(), [Number { number: 1 }, Number { number: 60 }]);
}
