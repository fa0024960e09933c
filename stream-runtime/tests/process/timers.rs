//! When timers fire, in which order, and which can't be set.

use stream_runtime::prelude::*;

use super::support::*;

#[tokio::test]
async fn timers_fire_after_the_rows_those_of_event_time_first_by_time_and_then_by_key() {
    for workers in [1, 2, 7] {
        let mut query = open(workers, || plan_with_watermark(Scripted)).await;
        query.add([
            event("b", "processing -5", 30),
            event("b", "event 20", 30),
            event("a", "event 20", 30),
            event("c", "event 10", 30),
            event("a", "event 31", 30),
            event("a", "say one", 30),
            event("c", "say two", 30),
        ]);
        query.run().await.unwrap();
        let expected = [
            // The watermark of the first batch is at the epoch.
            said("a", "one"),
            said("c", "two"),
            said("b", "processing -5"),
            // The batch without data.
            said("c", "event 10"),
            said("a", "event 20"),
            said("b", "event 20"),
        ];
        assert_eq!(query.emitted(), expected, "{workers} workers");
    }
}

#[tokio::test]
async fn a_timer_of_event_time_fires_when_the_watermark_is_at_its_time_and_not_before() {
    let mut query = open(2, || plan_with_watermark(Scripted)).await;
    query.add([event("a", "event 20", 19)]).expect([]).await;
    query.add([event("b", "say on", 20)]).expect([said("b", "on"), said("a", "event 20")]).await;
    query.add([event("b", "say on", 40)]).expect([said("b", "on")]).await;
}

#[tokio::test]
async fn a_timer_of_processing_time_starts_a_batch_when_its_time_has_come_and_not_before() {
    let mut query = open(2, || plan(Scripted)).await;
    query.add([event("a", "processing 20", 0)]).expect([]).await;
    query.clock().set(at(20) - microseconds(1));
    assert!(query.run().await.unwrap().is_empty());
    query.clock().set(at(20));
    query.expect([said("a", "processing 20")]).await;
    assert_eq!(query.progress().last().unwrap().num_input_rows, 0);
    query.advance(hours(1));
    assert!(query.run().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_timer_within_a_millisecond_does_not_start_batches_before_it_can_fire() {
    let mut query = open(1, || plan(Scripted)).await;
    query.clock().set(at(-1));
    query.add([event("a", "processing 0", 0)]).expect([]).await;
    // A batch's time has whole milliseconds, so that of a timer is reached when the clock shows it.
    query.clock().set(at(0) + microseconds(999));
    query.expect([said("a", "processing 0")]).await;
}

#[tokio::test]
async fn a_key_has_one_timer_of_a_kind_and_time_and_it_can_be_taken_back() {
    let mut query = open(1, || plan_with_watermark(Scripted)).await;
    query.add([
        event("a", "event 20", 10),
        event("a", "event 20", 10),
        event("a", "processing 20", 10),
        event("a", "event 15", 10),
        event("b", "event 20", 10),
        event("a", "timers", 10),
        event("a", "cancel event 15", 10),
        event("a", "cancel event 15", 10),
        event("a", "cancel processing 21", 10),
        event("b", "cancel all", 10),
    ]);
    let timers = said("a", "event 15, event 20, processing 20");
    query.expect([timers, said("a", "true"), said("a", "false"), said("a", "false")]).await;
    query.clock().set(at(21));
    query.add([event("c", "say on", 21)]);
    query.expect([said("c", "on"), said("a", "event 20"), said("a", "processing 20")]).await;
}

#[tokio::test]
async fn a_timer_that_a_timer_sets_fires_in_the_same_batch_if_it_is_due() {
    let mut query = open(2, || plan_with_watermark(Scripted)).await;
    query.add([event("a", "chain 30", 10), event("b", "both 31", 10)]);
    query.add([event("c", "say on", 50)]);
    query.clock().set(at(32));
    query.run().await.unwrap();
    let fired = query.emitted();
    let expected = [
        said("c", "on"),
        said("a", "event 30"),
        said("a", "event 31"),
        said("b", "event 31"),
        said("a", "event 32"),
        said("a", "event 33"),
        said("b", "processing 31"),
    ];
    assert_eq!(fired, expected);
    assert_eq!(query.progress().len(), 3, "two with data, and one in which all timers fire");
}

#[tokio::test]
async fn timers_that_would_fire_each_other_for_ever_end_the_query() {
    let mut query = open(1, || plan_with_watermark(Scripted)).await;
    query.add([event("a", "again 30", 50)]);
    let error = query.run().await.unwrap_err().to_string();
    assert!(
        error.contains("processor `Scripted`, key \"a\": a timer was set for 2026-01-01T00:00:30.000Z"),
        "{error}"
    );
    assert!(error.contains("set it for a later time"), "{error}");
}

#[tokio::test]
async fn a_timer_of_event_time_needs_a_watermark() {
    let mut query = open(1, || plan(Scripted)).await;
    query.add([event("a", "event 30", 50)]);
    let error = query.run().await.unwrap_err().to_string();
    assert!(
        error.contains("batch 0: processor `Scripted`, key \"a\": ") && error.contains("has no watermark"),
        "{error}"
    );
}

#[tokio::test]
async fn the_first_row_that_fails_is_told_whoever_owns_it() {
    for workers in [1, 2, 7] {
        let mut query = open(workers, || plan(Scripted)).await;
        let keys = ["m", "q", "a", "z", "c"];
        query.add(keys.map(|key| event(key, "fail", 0)));
        let error = query.run().await.unwrap_err().to_string();
        assert!(error.ends_with("processor `Scripted`, key \"m\": it was told to fail"), "{error}");
    }
}

#[tokio::test]
async fn late_rows_are_dropped_and_counted() {
    for workers in [1, 2] {
        let mut query = open(workers, || plan_with_watermark(Scripted)).await;
        query.add([event("a", "say one", 20)]).expect([said("a", "one")]).await;
        query.add([event("a", "say two", 20), event("b", "say three", 15), event("a", "say four", 21)]);
        query.expect([said("a", "four")]).await;
        let of_batch = |index: usize| {
            let operator = &query.progress()[index].state_operators[0];
            (operator.num_rows_dropped_by_watermark, operator.custom_metrics["maxLatenessMs"])
        };
        assert_eq!(of_batch(2), (2, 5_000));
        assert_eq!(of_batch(3), (0, 0));
    }
}

#[tokio::test]
async fn timers_are_there_after_a_restart() {
    let mut query = open(2, || plan_with_watermark(Scripted)).await;
    query.add([event("a", "event 20", 10), event("b", "processing 20", 10)]).expect([]).await;
    query.clock().set(at(20));
    query.restart().await.unwrap();
    // Nothing but the timer starts this batch.
    query.expect([said("b", "processing 20")]).await;
    query.add([event("c", "say on", 20)]).expect([said("c", "on"), said("a", "event 20")]).await;
    let operator = &query.progress().last().unwrap().state_operators[0];
    assert_eq!((operator.operator_name, operator.num_rows_total), ("transformWithStateExec", 0));
}
