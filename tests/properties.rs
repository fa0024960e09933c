//! Any cut of the same rows into batches, any number of workers, any restart and any crash gives what a naive
//! evaluation of those batches gives.

mod naive;

use std::cell::Cell;

use naive::{Model, Row, Shape};
use proptest::prelude::*;
use stream_runtime::engine::Step;
use stream_runtime::prelude::*;
use stream_runtime::testing::TestQuery;

#[derive(Schema, Clone, Debug, PartialEq)]
struct Event {
    key: String,
    number: i64,
    ts: Timestamp,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Stat {
    window: Window,
    key: String,
    n: u64,
    total: i64,
    low: i64,
    first: i64,
    list: Vec<i64>,
}

macro_rules! query {
    ($name:ident, [$($window:tt)*], $mode:ident) => {
        stream_query! {
            query $name(events: Event) -> Stat {
                from e in events watermark(e.ts, seconds(10));
                where e.number != 0;
                group by window(e.ts, $($window)*) as w, e.key;
                select Stat {
                    window: w, key: e.key, n: count(), total: sum(e.number), low: min(e.number),
                    first: first(e.number), list: collect_list(e.number),
                };
                output $mode;
            }
        }
    };
}

query!(TumblingAppend, [seconds(20)], append);
query!(TumblingUpdate, [seconds(20)], update);
query!(TumblingComplete, [seconds(20)], complete);
query!(SlidingAppend, [seconds(30), slide = seconds(20), start = seconds(5)], append);
query!(SlidingUpdate, [seconds(30), slide = seconds(20), start = seconds(5)], update);

/// What happens before a batch.
#[derive(Clone, Copy, Debug)]
enum Before {
    Nothing,
    Restart,
    Crash(Step),
}

fn before() -> impl Strategy<Value = Before> {
    prop_oneof![
        3 => Just(Before::Nothing),
        1 => Just(Before::Restart),
        2 => proptest::sample::select(&Step::ALL[..]).prop_map(Before::Crash),
    ]
}

fn row() -> impl Strategy<Value = Row> {
    (0..4_u8, -3..4_i64, -30_000..150_000_i64).prop_map(|(key, number, ms)| Row {
        key: format!("k{key}"),
        number,
        ms,
    })
}

/// Batches of rows, and what happens before each.
fn batches() -> impl Strategy<Value = Vec<(Before, Vec<Row>)>> {
    prop::collection::vec((before(), prop::collection::vec(row(), 1..12)), 1..8)
}

macro_rules! property {
    ($test:ident, $query:ident, $shape:expr) => {
        proptest! {
            #![proptest_config(ProptestConfig {
                cases: 48, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(7),
                ..ProptestConfig::default()
            })]
            #[test]
            fn $test(batches in batches(), workers in prop::collection::vec(1..5_usize, 3)) {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(async {
                    // Each start has its own number of workers.
                    let starts = Cell::new(0);
                    let mut test = TestQuery::open(|source, sink| {
                        starts.set(starts.get() + 1);
                        $query::query().events(source).to(sink).workers(workers[starts.get() % workers.len()])
                    })
                    .await
                    .expect("the query opens");
                    let mut model = Model::new($shape);
                    for (before, rows) in &batches {
                        match before {
                            Before::Nothing => {}
                            Before::Restart => test.restart().await.expect("the query opens again"),
                            Before::Crash(step) => drop(test.crash_at(*step)),
                        }
                        test.add(rows.iter().map(event));
                        // The model's batch, and the one without data that lets the watermark take effect.
                        let expected = model.batch(rows).into_iter().chain(model.batch_without_data());
                        test.expect(expected.map(stat)).await;
                    }
                });
            }
        }
    };
}

property!(tumbling_windows_in_append_mode, TumblingAppend, Shape::tumbling(20).append());
property!(tumbling_windows_in_update_mode, TumblingUpdate, Shape::tumbling(20).update());
property!(tumbling_windows_in_complete_mode, TumblingComplete, Shape::tumbling(20).complete());
property!(sliding_windows_in_append_mode, SlidingAppend, Shape::sliding(30, 20, 5).append());
property!(sliding_windows_in_update_mode, SlidingUpdate, Shape::sliding(30, 20, 5).update());

fn event(row: &Row) -> Event {
    Event { key: row.key.clone(), number: row.number, ts: Timestamp::from_millis(row.ms) }
}

fn stat(group: naive::Group) -> Stat {
    Stat {
        window: Window {
            start: Timestamp::from_millis(group.start_ms),
            end: Timestamp::from_millis(group.end_ms),
        },
        key: group.key,
        n: group.numbers.len() as u64,
        total: group.numbers.iter().sum(),
        low: group.numbers.iter().copied().min().expect("a group has rows"),
        first: group.numbers[0],
        list: group.numbers,
    }
}
