//! How many workers there are, and when they stop and start again, changes nothing: the same batches give the same rows
//! in the same order, and the same numbers about the state, as with one worker that never stops.

use proptest::prelude::*;
use stream_runtime::prelude::*;
use stream_runtime::testing::TestQuery;

#[derive(Schema, Clone, Debug, PartialEq)]
struct Event {
    key: Option<String>,
    number: i64,
    ts: Option<Timestamp>,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Item {
    key: Option<String>,
    item: i64,
    number: i64,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Total {
    window: Window,
    item: i64,
    n: u64,
    sum: Option<i64>,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Numbers {
    item: i64,
    numbers: Vec<i64>,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct At {
    ts: Option<Timestamp>,
    sessions: i64,
    n: u64,
}

/// Two of them may have the same owner, and may be the same.
fn items(number: i64) -> [i64; 3] {
    [number, number * 7 % 3, 5]
}

stream_query! {
    query Items(events: Event) -> Item {
        from e in events watermark(e.ts, seconds(10));
        dedup by e.key within watermark;
        explode item in items(e.number);
        where item != 1;
        select Item { key: e.key, item, number: e.number };
        output append;
    }
}

stream_query! {
    query ItemNumbers(events: Event) -> Numbers {
        from e in events watermark(e.ts, seconds(10));
        where e.number != 2;
        dedup by e.key, e.ts;
        explode item in items(e.number);
        group by item unbounded;
        select Numbers { item, numbers: collect_list(e.number) };
        output update;
    }
}

stream_query! {
    query ItemWindows(events: Event) -> Total {
        from e in events watermark(e.ts, seconds(10));
        dedup by e.key, e.ts;
        explode item in items(e.number);
        group by window(e.ts, seconds(20), slide = seconds(5)) as w, item;
        select Total { window: w, item, n: count(), sum: sum(e.number) };
        output append;
    }
}

stream_query! {
    query Instants(events: Event) -> At {
        from e in events watermark(e.ts, seconds(10));
        let op = e.number;
        dedup by e.key, op within watermark;
        let event_time = op + 1;
        group by e.ts, op;
        select At { ts: e.ts, sessions: op, n: count() };
        having count_distinct(event_time) > 0;
        output append;
    }
}

stream_query! {
    query WindowsOfAll(events: Event) -> Total {
        from e in events watermark(e.ts, seconds(10));
        dedup by e.key within watermark;
        group by window(e.ts, seconds(20)) as w, e.number;
        select Total { window: w, item: e.number, n: count(), sum: sum(e.number) };
        output complete;
    }
}

stream_query! {
    query Everything(events: Event) -> Numbers {
        from e in events watermark(e.ts, seconds(10));
        dedup by e.key unbounded;
        select Numbers { item: count() as i64, numbers: collect_list(e.number) };
        output update;
    }
}

stream_query! {
    query ItemSessions(events: Event) -> Total {
        from e in events watermark(e.ts, seconds(10));
        explode item in items(e.number);
        group by session(e.ts, seconds(5) * e.number) as w, item;
        select Total { window: w, item, n: count(), sum: sum(e.number) };
        output append;
    }
}

stream_query! {
    query SessionsOfAll(events: Event) -> Total {
        from e in events watermark(e.ts, seconds(10));
        dedup by e.key within watermark;
        explode item in items(e.number);
        group by session(e.ts, seconds(5) * e.number) as w, item;
        select Total { window: w, item, n: count(), sum: sum(e.number) };
        output complete;
    }
}

/// Few keys and few times, some of them null.
fn event() -> impl Strategy<Value = Event> {
    (prop::option::weighted(0.9, 0..4_u8), -1..4_i64, prop::option::weighted(0.9, -20..80_i64)).prop_map(
        |(key, number, second)| Event {
            key: key.map(|key| format!("k{key}")),
            number,
            ts: second.map(|second| Timestamp::from_millis(second * 1_000)),
        },
    )
}

/// Batches, and whether the query is stopped and started before each.
fn batches() -> impl Strategy<Value = Vec<(bool, Vec<Event>)>> {
    prop::collection::vec((prop::bool::weighted(0.3), prop::collection::vec(event(), 1..16)), 1..8)
}

/// For each batch its rows in their order, and what the progress says of each operator and of event time.
macro_rules! outcome {
    ($query:ident, $batches:expr, $workers:expr, $restarts:expr) => {{
        let starts = std::cell::Cell::new(0);
        let workers: &[usize] = $workers;
        let mut test = TestQuery::open(|source, sink| {
            starts.set(starts.get() + 1);
            $query::query().events(source).to(sink).workers(workers[starts.get() % workers.len()])
        })
        .await
        .expect("the query opens");
        let mut outcome = Vec::new();
        for (restart, rows) in $batches {
            if $restarts && *restart {
                test.restart().await.expect("the query opens again");
            }
            test.add(rows.clone());
            let progress = test.run().await.expect("the rows go through");
            let operators: Vec<_> = progress
                .iter()
                .flat_map(|batch| &batch.state_operators)
                .map(|operator| {
                    (
                        operator.num_rows_total,
                        operator.num_rows_updated,
                        operator.num_rows_removed,
                        operator.num_rows_dropped_by_watermark,
                        operator.custom_metrics.clone(),
                    )
                })
                .collect();
            let event_time: Vec<_> = progress.iter().map(|batch| batch.event_time.clone()).collect();
            outcome.push((test.emitted(), operators, event_time));
        }
        outcome
    }};
}

macro_rules! property {
    ($test:ident, $query:ident) => {
        proptest! {
            #![proptest_config(ProptestConfig {
                cases: 48, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(12),
                ..ProptestConfig::default()
            })]
            #[test]
            fn $test(batches in batches(), workers in prop::collection::vec(2..8_usize, 3)) {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(async {
                    let alone = outcome!($query, &batches, &[1], false);
                    let many = outcome!($query, &batches, &workers, true);
                    for (batch, (many, alone)) in many.iter().zip(&alone).enumerate() {
                        assert_eq!(many, alone, "batch {batch}");
                    }
                });
            }
        }
    };
}

property!(items_of_first_rows_come_out_in_input_order, Items);
property!(items_of_first_rows_are_grouped_in_input_order, ItemNumbers);
property!(items_of_first_rows_fall_into_windows, ItemWindows);
property!(first_rows_are_grouped_by_event_time, Instants);
property!(first_rows_fall_into_windows_that_stay, WindowsOfAll);
property!(first_rows_are_one_group, Everything);
property!(items_are_in_sessions, ItemSessions);
property!(items_of_first_rows_are_in_sessions_that_stay, SessionsOfAll);

/// Also where `dedup by` lets none of a batch's rows through, on whichever worker the one group is.
#[tokio::test]
async fn the_one_group_behind_dedup_has_its_row_in_every_batch_with_data() {
    for workers in [1, 2, 7] {
        let mut test =
            TestQuery::open(|source, sink| Everything::query().events(source).to(sink).workers(workers))
                .await
                .expect("the query opens");
        let event = |second: i64, key: &str, number| Event {
            key: Some(key.to_owned()),
            number,
            ts: Some(Timestamp::from_millis(second * 1_000)),
        };
        let numbers = |numbers: &[i64]| Numbers { item: numbers.len() as i64, numbers: numbers.to_vec() };
        // At or before the watermark of the first batch, which is the epoch.
        test.add([event(0, "late", 1)]);
        test.expect([numbers(&[])]).await;
        test.add([event(1, "a", 2), event(1, "b", 3), event(1, "a", 4)]);
        test.expect([numbers(&[2, 3])]).await;
        test.add([event(2, "a", 5)]);
        test.expect([numbers(&[2, 3])]).await;
        test.restart().await.expect("the query opens again");
        test.add([event(2, "b", 6), event(3, "c", 7)]);
        test.expect([numbers(&[2, 3, 7])]).await;
    }
}
