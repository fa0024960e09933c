//! Each kind of operator, for 1, 2 and 7 workers.

use stream_runtime::error::BoxError;
use stream_runtime::prelude::*;
use stream_runtime::process::{Context, KeyedProcessor, ProcessorState, ValueState};
use stream_runtime::testing::TestQuery;

use super::{Event, EventView, Recorder, events, late_rows, second};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Count {
    key: u64,
    n: u64,
}

/// None for some numbers; for others two that differ, or that are the same.
fn items(number: u64) -> Vec<u64> {
    match number % 4 {
        0 => Vec::new(),
        1 => vec![number],
        _ => vec![number, number + 1, number],
    }
}

macro_rules! query {
    ($name:ident($e:ident) -> $output:ident, $mode:ident, { $($clauses:tt)* }) => {
        stream_query! {
            query $name(events: Event) -> $output {
                from $e in events watermark($e.ts, seconds(0)) late into dropped;
                $($clauses)*
                output $mode;
            }
        }
    };
}

query!(Windows(e) -> Count, append, {
    where e.number % 5 != 0;
    group by window(e.ts, seconds(10)), e.key;
    select Count { key: e.key, n: count() };
});
query!(Sliding(e) -> Count, update, {
    group by window(e.ts, seconds(10), slide = seconds(5)), e.key;
    select Count { key: e.key, n: count() };
});
query!(Instants(e) -> Count, append, {
    group by e.ts, e.key;
    select Count { key: e.key, n: count() };
});
query!(ItemWindows(e) -> Count, append, {
    explode item in items(e.number);
    group by window(e.ts, seconds(10)), item;
    select Count { key: item, n: count() };
});
query!(Visits(e) -> Count, append, {
    group by session(e.ts, seconds(3)), e.key;
    select Count { key: e.key, n: count() };
});
query!(ItemVisits(e) -> Count, append, {
    explode item in items(e.number);
    group by session(e.ts, seconds(3)), item;
    select Count { key: item, n: count() };
});
query!(Once(e) -> Event, append, {
    dedup by e.key, e.ts;
    select e;
});
query!(OnceUnbounded(e) -> Event, update, {
    dedup by e.key unbounded;
    select e;
});
query!(OnceInWindows(e) -> Count, append, {
    where e.number % 5 != 0;
    dedup by e.key within watermark;
    group by window(e.ts, seconds(10)), e.key;
    select Count { key: e.key, n: count() };
});
query!(OnceInItemVisits(e) -> Count, append, {
    dedup by e.key within watermark;
    explode item in items(e.number);
    group by session(e.ts, seconds(3)), item;
    select Count { key: item, n: count() };
});
query!(OnceForAll(e) -> Count, complete, {
    dedup by e.key within watermark;
    group by e.key unbounded;
    select Count { key: e.key, n: count() };
});

/// Counts the rows of a key.
struct Counter;

#[derive(Default, ProcessorState)]
struct Counted {
    n: ValueState<u64>,
}

impl KeyedProcessor for Counter {
    type Key = u64;
    type Row = Event;
    type Output = Count;
    type State = Counted;

    fn process(
        &self,
        key: u64,
        _: EventView<'_>,
        state: &mut Counted,
        context: &mut Context<'_, Count>,
    ) -> Result<(), BoxError> {
        let n = state.n.or_default();
        *n += 1;
        context.emit(Count { key, n: *n });
        Ok(())
    }
}

query!(Processed(e) -> Count, append, {
    explode item in items(e.number);
    process by item with Counter;
});
query!(OnceProcessed(e) -> Count, update, {
    dedup by e.key unbounded;
    process by e.key with Counter;
});

/// Runs the query over events, and compares its late rows with those that the rule gives.
macro_rules! check {
    ($query:ident, $over:expr) => {{
        let mut seen = 0;
        for seed in 0..4 {
            let batches = events(12, seed);
            let expected = late_rows(&batches, $over);
            seen += expected.iter().map(Vec::len).sum::<usize>();
            for workers in [1, 2, 7] {
                let recorder = Recorder::default();
                let mut test = TestQuery::open(|source, sink| {
                    $query::query().events(source).dropped(recorder.clone()).to(sink).workers(workers)
                })
                .await
                .expect("it opens");
                for batch in &batches {
                    test.add(batch.clone());
                }
                test.run().await.expect("it runs");
                assert_eq!(recorder.batches(batches.len()), expected, "{workers} workers, seed {seed}");
            }
        }
        assert!(seen > 30, "the test has late rows: {seen}");
    }};
}

fn window_end(event: &Event) -> Option<i64> {
    second(event).map(|second| second.div_euclid(10) * 10 + 10)
}

#[tokio::test]
async fn a_row_is_late_for_its_window_unless_a_condition_drops_it_before() {
    check!(Windows, |event| window_end(event).filter(|_| event.number % 5 != 0));
}

#[tokio::test]
async fn a_row_that_is_late_for_one_of_its_windows_is_a_late_row() {
    check!(Sliding, |event| second(event).map(|second| second.div_euclid(5) * 5 + 5));
}

#[tokio::test]
async fn a_row_is_late_for_the_group_of_its_instant() {
    check!(Instants, second);
}

#[tokio::test]
async fn a_row_of_several_keys_is_late_once_and_one_of_none_never() {
    let some = |event: &Event| !items(event.number).is_empty();
    check!(ItemWindows, |event| window_end(event).filter(|_| some(event)));
    check!(ItemVisits, |event| second(event).map(|second| second + 3).filter(|_| some(event)));
}

#[tokio::test]
async fn a_row_is_late_whose_own_session_would_be_over() {
    check!(Visits, |event| second(event).map(|second| second + 3));
}

#[tokio::test]
async fn a_row_is_late_for_a_deduplication_whatever_its_keys_are() {
    check!(Once, second);
    check!(OnceUnbounded, second);
}

#[tokio::test]
async fn a_row_is_late_for_a_processor_whatever_its_keys_are() {
    check!(Processed, |event| second(event).filter(|_| !items(event.number).is_empty()));
    check!(OnceProcessed, second);
}

#[tokio::test]
async fn a_deduplication_drops_late_rows_before_what_follows_it_in_every_mode() {
    check!(OnceInWindows, |event| second(event).filter(|_| event.number % 5 != 0));
    check!(OnceInItemVisits, second);
    check!(OnceForAll, second);
}

/// What the counter counts, too; the row itself is kept in the windows that are open.
#[tokio::test]
async fn the_late_rows_are_those_that_the_progress_counts() {
    let batches = events(12, 4);
    let recorder = Recorder::default();
    let mut test = TestQuery::open(|source, sink| {
        Sliding::query().events(source).dropped(recorder.clone()).to(sink).workers(2)
    })
    .await
    .expect("it opens");
    for batch in &batches {
        test.add(batch.clone());
    }
    let progress = test.run().await.expect("it runs");
    let counted = progress.iter().map(|batch| batch.state_operators[0].custom_metrics["lateInputRows"]);
    let late = recorder.batches(batches.len()).into_iter().map(|rows| rows.len() as i64);
    assert_eq!(counted.take(batches.len()).collect::<Vec<_>>(), late.collect::<Vec<_>>());
}

#[test]
fn the_plan_says_where_late_rows_go() {
    let plan = Sliding::explain();
    assert!(plan.to_string().contains("·  late rows into dropped\n"), "{plan}");
    assert_eq!(plan.info().inputs[0].late, Some("dropped"));
}
