//! Queries with processors: what may stand in front of one, what a key may be, and what wakes a query.

use std::sync::Arc;

use stream_runtime::error::BoxError;
use stream_runtime::prelude::*;
use stream_runtime::process::{Context, KeyedProcessor, ProcessorState, Timer, ValueState};
use stream_runtime::testing::{ManualClock, TestQuery};

use super::support::*;

#[derive(Default, ProcessorState)]
struct Seen {
    count: ValueState<u64>,
}

/// Counts the rows of a key and tells at second 30.
struct Counter;

impl KeyedProcessor for Counter {
    type Key = (String, Option<i64>);
    type Row = Event;
    type Output = Said;
    type State = Seen;

    fn process(
        &self,
        _: (&str, Option<i64>),
        _: EventView<'_>,
        state: &mut Seen,
        context: &mut Context<'_, Said>,
    ) -> Result<(), BoxError> {
        *state.count.or_default() += 1;
        Ok(context.processing_timer(at(30))?)
    }

    fn on_timer(
        &self,
        (key, second): (&str, Option<i64>),
        _: Timer,
        state: &mut Seen,
        context: &mut Context<'_, Said>,
    ) -> Result<(), BoxError> {
        context.emit(said(key, format!("{second:?} {:?}", state.count.take())));
        Ok(())
    }
}

stream_query! {
    query Counted(events: Event) -> Said {
        from event in events;
        dedup by event.key, event.what unbounded;
        let second = (event.what.len() > 1).then_some(1_i64);
        process by event.key, second with Counter;
        output append;
    }
}

#[tokio::test]
async fn a_deduplication_stands_in_front_and_the_key_is_a_tuple() {
    for workers in [1, 2, 7] {
        let mut query =
            TestQuery::open(|source, sink| Counted::query().events(source).to(sink).workers(workers))
                .await
                .unwrap();
        let rows = ["x", "y", "x", "long", "longer"].map(|what| event("a", what, 0));
        query.add(rows.clone()).expect([]).await;
        query.restart().await.unwrap();
        query.clock().set(at(31));
        query.add(rows).expect([said("a", "None Some(2)"), said("a", "Some(1) Some(2)")]).await;
        let totals = query.progress().last().unwrap().state_operators.iter();
        assert_eq!(totals.map(|operator| operator.num_rows_total).collect::<Vec<_>>(), [4, 0]);
    }
}

stream_query! {
    query Words(events: Event) -> Said {
        from event in events watermark(event.timestamp, seconds(0));
        where event.key != "nobody";
        explode word in event.what.split(',');
        process by word with Scripted;
        output update;
    }
}

#[tokio::test]
async fn a_row_comes_once_for_each_item_that_it_has() {
    for workers in [1, 2, 7] {
        let mut query =
            TestQuery::open(|source, sink| Words::query().events(source).to(sink).workers(workers))
                .await
                .unwrap();
        query.add([event("nobody", "say x,a", 10), event("b", "say x,a", 10)]);
        query.run().await.unwrap();
        // Under the words' keys, in the order of the items.
        assert_eq!(query.emitted(), [said("say x", "x,a"), said("a", "x,a")], "{workers} workers");
    }
}

stream_query! {
    query Alarms(events: Event) -> Said {
        from event in events watermark(event.timestamp, seconds(0));
        process by event.key with Scripted;
        output append;
    }
}

stream_query! {
    /// A processor of what another query's processor emits.
    query Repeated() -> Said {
        from said in query Alarms;
        dedup by said.key, said.what unbounded;
        process by said.key with Repeat { delay: seconds(5) };
        output append;
    }
}

/// Says everything again, after a while.
struct Repeat {
    delay: Duration,
}

#[derive(Default, ProcessorState)]
struct Last {
    what: ValueState<String>,
}

impl KeyedProcessor for Repeat {
    type Key = String;
    type Row = Said;
    type Output = Said;
    type State = Last;

    fn process(
        &self,
        _: &str,
        row: SaidView<'_>,
        state: &mut Last,
        context: &mut Context<'_, Said>,
    ) -> Result<(), BoxError> {
        state.what.set(format!("{} again", row.what));
        let time = context.now() + self.delay;
        Ok(context.processing_timer(time)?)
    }

    fn on_timer(
        &self,
        key: &str,
        _: Timer,
        state: &mut Last,
        context: &mut Context<'_, Said>,
    ) -> Result<(), BoxError> {
        context.emit(said(key, state.what.take().unwrap_or_default()));
        Ok(())
    }
}

#[tokio::test]
async fn the_timers_of_a_query_that_another_one_reads_wake_it_as_its_own_do() {
    for workers in [1, 3] {
        let mut query = TestQuery::open(|source, sink| {
            Repeated::query().alarms(Alarms::query().events(source)).to(sink).workers(workers)
        })
        .await
        .unwrap();
        query.add([event("a", "processing 20", 0), event("b", "event 20", 0)]).expect([]).await;
        let batches = query.progress().len();
        query.clock().set(at(20));
        query.expect([]).await;
        assert_eq!(query.progress().len(), batches + 1, "the inner timer has fired");
        query.restart().await.unwrap();
        query.clock().set(at(25));
        query.expect([said("a", "processing 20 again")]).await;
        query.add([event("c", "timers", 20)]).expect([]).await;
        query.clock().set(at(30));
        query.expect([said("b", "event 20 again"), said("c", " again")]).await;
    }
}

#[tokio::test]
async fn a_running_query_notices_that_the_time_of_a_timer_has_come() {
    let (input, source) = MemorySource::new();
    let (results, sink) = MemorySink::new();
    let clock = ManualClock::new(at(0));
    input.add([event("a", "processing 20", 0), event("a", "say set", 0)]);
    let query = Alarms::query().events(source).to(sink).clock(Arc::clone(&clock) as _).start().await.unwrap();
    assert!(results.wait_for_rows(1).await);
    clock.set(at(20));
    assert!(results.wait_for_rows(2).await);
    query.stop().await.unwrap();
    assert_eq!(results.rows(), [said("a", "set"), said("a", "processing 20")]);
}

#[tokio::test]
async fn silence_moves_event_time_on_until_the_last_timer_and_no_further() {
    let mut query = TestQuery::open(|source, sink| {
        Alarms::query().events(source).to(sink).flush_after(seconds(10)).workers(2)
    })
    .await
    .unwrap();
    query.add([event("a", "event 35", 0), event("b", "event 5", 0)]).expect([]).await;
    query.advance(seconds(10)).expect([said("b", "event 5")]).await;
    query.advance(seconds(10)).expect([]).await;
    query.advance(seconds(20)).expect([said("a", "event 35")]).await;
    query.advance(seconds(10)).expect([]).await;
    let batches = query.progress().len();
    query.advance(hours(1)).expect([]).await;
    assert_eq!(query.progress().len(), batches, "nothing is left to wait for");
}
