//! The latest result by key in the service's hands. The oracle is what a `MemorySink` of the same query has been given.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use proptest::prelude::*;
use stream_runtime::Error;
use stream_runtime::engine::Step;
use stream_runtime::prelude::*;
use stream_runtime::sink::{MemoryResults, ResultTable};
use stream_runtime::testing::TestQuery;

#[derive(Clone, Debug, Schema)]
struct Event {
    time: Timestamp,
    name: String,
    number: i64,
}

#[derive(Clone, Debug, PartialEq, Schema)]
struct Sum {
    start: Timestamp,
    end: Timestamp,
    name: String,
    sum: i64,
}

type Key = (Timestamp, String);

fn key(row: &Sum) -> Key {
    (row.start, row.name.clone())
}

stream_query! {
    query Sums(events: Event) -> Sum {
        from event in events watermark(event.time, seconds(5));
        group by window(event.time, seconds(10)) as w, event.name;
        select Sum { start: w.start, end: w.end, name: event.name, sum: sum(event.number) };
        output update;
    }
}

stream_query! {
    query All(events: Event) -> Sum {
        from event in events;
        group by window(event.time, seconds(10)) as w, event.name unbounded;
        select Sum { start: w.start, end: w.end, name: event.name, sum: sum(event.number) };
        having sum(event.number) > 0;
        output complete;
    }
}

stream_query! {
    query Filtered(events: Event) -> Sum {
        from event in events watermark(event.time, seconds(5));
        group by window(event.time, seconds(10)) as w, event.name;
        select Sum { start: w.start, end: w.end, name: event.name, sum: sum(event.number) };
        having sum(event.number) > 0;
        output update;
    }
}

fn event(second: i64, name: &str, number: i64) -> Event {
    Event { time: Timestamp::from_secs(second), name: name.to_owned(), number }
}

fn shown(table: &ResultTable<Key, Sum>) -> BTreeMap<Key, Sum> {
    table.snapshot().iter().map(|(key, row)| (key.clone(), Sum::clone(row))).collect()
}

/// In update mode: the last row of each group that no watermark has removed.
fn standing(results: &MemoryResults<Sum>) -> BTreeMap<Key, Sum> {
    let mut rows = BTreeMap::new();
    for batch in results.batches() {
        rows.extend(batch.rows.iter().map(|row| (key(row), row.clone())));
        rows.retain(|_, row| batch.watermark.is_none_or(|watermark| row.end > watermark));
    }
    rows
}

fn rows() -> impl Strategy<Value = Vec<Vec<(i64, u8, i64)>>> {
    let row = (0_i64..120, 0_u8..3, -5_i64..5);
    prop::collection::vec(prop::collection::vec(row, 0..6), 1..12)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn the_table_is_what_the_state_holds_after_every_batch_and_restart(
        batches in rows(),
        restarts in prop::collection::vec(0_u8..3, 12),
        workers in prop::sample::select(vec![1, 2, 7]),
    ) {
        block_on(async {
            let handle = Rc::new(RefCell::new(None));
            let (results, _unused) = MemorySink::new();
            let build = |source, sink| {
                let (table, keeper) = TableSink::by(key);
                *handle.borrow_mut() = Some(table);
                Sums::query().events(source).to(sink).to(keeper).to(results.sink()).workers(workers)
            };
            let mut query = TestQuery::open(build).await.unwrap();
            for (batch, restart) in batches.iter().zip(restarts) {
                query.add(batch.iter().map(|&(second, name, number)| {
                    event(second, ["a", "b", "c"][usize::from(name)], number)
                }));
                if restart == 1 {
                    query.crash_at(Step::Written);
                }
                query.run().await.unwrap();
                if restart == 2 {
                    query.restart().await.unwrap();
                }
                let table = handle.borrow().clone().unwrap();
                assert_eq!(shown(&table), standing(&results));
            }
        });
    }

    #[test]
    fn in_complete_mode_the_table_is_the_last_batch_with_its_having(batches in rows()) {
        block_on(async {
            let handle = Rc::new(RefCell::new(None));
            let (results, _unused) = MemorySink::new();
            let build = |source, sink| {
                let (table, keeper) = TableSink::by(key);
                *handle.borrow_mut() = Some(table);
                All::query().events(source).to(sink).to(keeper).to(results.sink())
            };
            let mut query = TestQuery::open(build).await.unwrap();
            for batch in batches {
                query.add(batch.iter().map(|&(second, _, number)| event(second, "a", number)));
                query.run().await.unwrap();
                query.restart().await.unwrap();
                let last = results.rows().iter().map(|row| (key(row), row.clone())).collect();
                assert_eq!(shown(&handle.borrow().clone().unwrap()), last);
            }
        });
    }
}

#[tokio::test]
async fn readers_see_committed_batches_only() {
    let (table, keeper) = TableSink::by(key);
    let (events, _) = MemorySource::new();
    let keeper = RefCell::new(Some(keeper));
    let build = |source, sink| match keeper.take() {
        Some(keeper) => Sums::query().events(source).to(sink).to(keeper),
        None => Sums::query().events(source).to(sink),
    };
    let mut query = TestQuery::open_with(events.clone(), build).await.unwrap();
    events.add([event(1, "a", 1)]);
    query.run().await.unwrap();
    events.add([event(2, "a", 1)]);
    query.crash_at(Step::Written).run().await.unwrap();
    assert_eq!(table.snapshot().batch_id(), Some(0), "the batch whose commit never came isn't shown");
    assert_eq!(table.get(&(Timestamp::from_secs(0), "a".to_owned())).map(|row| row.sum), Some(1));
    assert!(!table.wait_for_batch(1).await, "the sink is gone");
}

#[tokio::test]
async fn a_snapshot_stays_while_batches_go_on() {
    let (table, keeper) = TableSink::by(key);
    let (events, source) = MemorySource::new();
    let query = Sums::query().events(source).to(keeper).start().await.unwrap();
    assert!(table.snapshot().is_empty());
    events.add([event(1, "a", 1)]);
    assert!(table.wait_for_batch(0).await);
    let before = table.snapshot();
    events.add([event(2, "a", 1), event(3, "b", 7)]);
    assert!(table.wait_for_batch(1).await);
    let a = (Timestamp::from_secs(0), "a".to_owned());
    assert_eq!((before.len(), before.get(&a).map(|row| row.sum)), (1, Some(1)));
    assert_eq!((table.snapshot().len(), table.get(&a).map(|row| row.sum)), (2, Some(2)));
    query.stop().await.unwrap();
    assert_eq!(table.snapshot().len(), 2, "the table outlives its query");
}

fn cause(error: &Error) -> String {
    error.root().to_string()
}

#[tokio::test]
async fn a_query_whose_state_does_not_hold_its_result_is_refused() {
    let (_table, keeper) = TableSink::by(key);
    let (_events, source) = MemorySource::new();
    let error = Filtered::query().events(source).to(keeper).start().await.unwrap_err();
    let text = cause(&error);
    assert!(
        text.contains("`ResultTable` keeps the whole result") && text.contains("without `having`"),
        "{text}"
    );
}

#[tokio::test]
async fn a_key_that_does_not_tell_rows_apart_is_an_error() {
    let (_table, keeper) = TableSink::by(|row: &Sum| row.name.clone());
    let (events, source) = MemorySource::new();
    let query = Sums::query().events(source).to(keeper).start().await.unwrap();
    events.add([event(1, "a", 1), event(11, "a", 1)]);
    let error: Arc<Error> = query.await_termination().await.map_err(Arc::new).unwrap_err();
    let text = cause(&error);
    assert!(text.contains("two rows of one result have the same key"), "{text}");
}
