//! Joins, unions, tables and queries that read queries: any cut of the same rows into batches, any number of workers, any restart and any
//! crash gives what a naive evaluation of those batches gives, in the same order as with one worker, and as many rows stay in the state
//! of each operator.

#![deny(unused, reason = "nothing of a query that it uses is said to be unused")]

mod chains;
mod kinds;
#[path = "../naive/mod.rs"]
mod naive;
mod queries;
mod tables;
mod unions;

use std::cell::Cell;
use std::fmt::Debug;

use naive::chains::Group;
use naive::joins::{Item, Watermarks};
use proptest::prelude::*;
use stream_runtime::engine::{QueryBuilder, Step};
use stream_runtime::plan::Plan;
use stream_runtime::prelude::*;
use stream_runtime::source::MemoryInput;
use stream_runtime::testing::{TestInputs, TestQuery};

/// A row of any input.
#[derive(Schema, Clone, Debug, PartialEq)]
struct Row {
    key: Option<String>,
    number: i64,
    ts: Option<Timestamp>,
}

fn row(item: &Item) -> Row {
    Row { key: item.key.clone(), number: item.number, ts: item.micros.map(Timestamp::from_micros) }
}

/// A window's numbers.
#[derive(Schema, Clone, Debug, PartialEq)]
struct Total {
    window: Window,
    key: Option<String>,
    numbers: Vec<i64>,
}

fn total(((start_ms, end_ms, key), numbers): (Group, Vec<i64>)) -> Total {
    let window = Window { start: Timestamp::from_millis(start_ms), end: Timestamp::from_millis(end_ms) };
    Total { window, key, numbers }
}

/// What happens before the batches of a [`Run`]; a crash, in the first of them.
#[derive(Clone, Copy, Debug)]
enum Before {
    Nothing,
    Restart,
    Crash(Step),
}

/// Batches whose rows are all there before the first of them begins: of each the rows of each input. Then the query runs until
/// there is nothing to do.
#[derive(Clone, Debug)]
struct Run {
    before: Before,
    batches: Vec<Vec<Vec<Item>>>,
}

fn before() -> impl Strategy<Value = Before> {
    prop_oneof![
        4 => Just(Before::Nothing),
        1 => Just(Before::Restart),
        2 => proptest::sample::select(&Step::ALL[..]).prop_map(Before::Crash),
    ]
}

/// Few keys and few times, around the bounds, some of them null, some before 1970.
fn item() -> impl Strategy<Value = Item> {
    let time = (-4..36_i64, prop_oneof![6 => Just(0), 1 => Just(-1_000), 1 => Just(1_000), 1 => Just(500)]);
    (prop::option::weighted(0.9, 0..2_u8), 0..4_i64, prop::option::weighted(0.92, time)).prop_map(
        |(key, number, time)| Item {
            key: key.map(|key| format!("k{key}")),
            number,
            micros: time.map(|(second, micros)| second * 1_000_000 + micros),
        },
    )
}

/// Runs of a query with so many inputs.
fn runs(inputs: usize) -> impl Strategy<Value = Vec<Run>> {
    let batch = prop::collection::vec(prop::collection::vec(item(), 0..7), inputs);
    let run = (before(), prop::collection::vec(batch, 1..4));
    prop::collection::vec(run.prop_map(|(before, batches)| Run { before, batches }), 1..5)
}

fn workers() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop::sample::select(&[1, 2, 7][..]), 3)
}

/// What came out of a [`Run`], and how many rows are in the state of each operator then.
type Outcome<O> = (Vec<O>, Vec<u64>);

/// The outcome of each run; of the state nothing where a crash has taken the progress with it. The query starts with one number of workers
/// after the other.
async fn outcome<I: TestInputs, P: Plan>(
    runs: &[Run],
    workers: &[usize],
    (handles, inputs): (Vec<MemoryInput<Row>>, I),
    build: impl Fn(I::Sources, MemorySink<P::Output>) -> QueryBuilder<P>,
    between: impl Fn(usize),
) -> Vec<Outcome<P::Output>> {
    let starts = Cell::new(0);
    let mut test = TestQuery::open_with(inputs, |sources, sink| {
        starts.set(starts.get() + 1);
        build(sources, sink).workers(workers[starts.get() % workers.len()])
    })
    .await
    .expect("the query opens");
    let mut outcome = Vec::new();
    for (number, run) in runs.iter().enumerate() {
        match run.before {
            Before::Nothing => {}
            Before::Restart => test.restart().await.expect("the query opens again"),
            Before::Crash(step) => drop(test.crash_at(step)),
        }
        between(number);
        for batch in &run.batches {
            for (handle, rows) in handles.iter().zip(batch) {
                handle.add(rows.iter().map(row));
            }
        }
        let progress = test.run().await.expect("the rows go through");
        let state_rows = progress.last().map_or_else(Vec::new, |batch| {
            batch.state_operators.iter().map(|operator| operator.num_rows_total).collect()
        });
        outcome.push((test.emitted(), state_rows));
    }
    outcome
}

/// The same of a naive evaluation: `batch` is given the rows of each input, and the watermarks late and evict.
fn expected<O>(
    runs: &[Run],
    mut watermarks: Watermarks,
    mut batch: impl FnMut(usize, &[Vec<Item>], i64, i64) -> Outcome<O>,
) -> Vec<Outcome<O>> {
    let mut expected = Vec::new();
    for (number, run) in runs.iter().enumerate() {
        let crashes_behind = matches!(run.before, Before::Crash(Step::Committed | Step::Finished));
        if !crashes_behind && !matches!(run.before, Before::Nothing) {
            watermarks.restart();
        }
        let mut rows = Vec::new();
        let mut state_rows = Vec::new();
        let mut evaluate = |inputs: &[Vec<Item>], watermarks: &mut Watermarks| {
            watermarks.batch(inputs);
            let (more, left) = batch(number, inputs, watermarks.late_ms, watermarks.evict_ms);
            rows.extend(more);
            state_rows = left;
        };
        for (number, inputs) in run.batches.iter().enumerate() {
            evaluate(inputs, &mut watermarks);
            if crashes_behind && number == 0 {
                watermarks.restart();
            }
        }
        if watermarks.moved() {
            let none = vec![Vec::new(); watermarks.inputs()];
            evaluate(&none, &mut watermarks);
        }
        expected.push((rows, state_rows));
    }
    expected
}

/// Both of them, and a lone worker's: rows are the same, in one order whatever the number of workers.
fn check<O: Debug + PartialEq>(alone: &[Outcome<O>], many: &[Outcome<O>], expected: &[Outcome<O>]) {
    let sorted = |rows: &[O]| {
        let mut rows: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
        rows.sort_unstable();
        rows
    };
    for (run, ((alone, many), expected)) in alone.iter().zip(many).zip(expected).enumerate() {
        assert_eq!(many, alone, "run {run}: several workers, and one");
        assert_eq!(sorted(&alone.0), sorted(&expected.0), "rows of run {run}");
        if !alone.1.is_empty() {
            assert_eq!(alone.1, expected.1, "rows in state after run {run}");
        }
    }
}

/// A property of a query: `|inputs…|` gives it its sources, `delays` are those of the inputs' watermarks in ms, in the order of `inputs`, and
/// `oracle` makes the naive evaluation of a batch. `waits` is
/// whether the watermark makes a difference to the query. A variable may be bound for the query and for `between`, which is told the number of each
/// run before it begins.
macro_rules! property {
    ($test:ident: |$($input:ident),+| $query:expr, delays $delays:expr $(=> waits $waits:expr)?, $oracle:expr $(, $name:ident = $value:expr, between $between:expr)?) => {
        proptest::prelude::proptest! {
            #![proptest_config(proptest::prelude::ProptestConfig {
                cases: 64, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(13),
                ..proptest::prelude::ProptestConfig::default()
            })]
            #[test]
            #[allow(unused_parens, reason = "one input is no tuple")]
            fn $test(runs in $crate::runs([$(stringify!($input)),+].len()), workers in $crate::workers()) {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                #[allow(unused_mut, reason = "most queries wait for the watermark")]
                let mut watermarks = $crate::naive::joins::Watermarks::new(&$delays);
                $(watermarks.wait = $waits;)?
                $(let $name = $value;)?
                let build = |($($input),+), sink| ($query).to(sink);
                #[allow(unused_variables, unused_mut, reason = "not every property has one")]
                let mut between = |_: usize| {};
                $(let between = $between;)?
                let inputs = || {
                    $(let $input = stream_runtime::source::MemoryInput::<$crate::Row>::default();)+
                    (vec![$($input.clone()),+], ($($input),+))
                };
                let (alone, many) = runtime.block_on(async {
                    (
                        $crate::outcome(&runs, &[1], inputs(), build, &between).await,
                        $crate::outcome(&runs, &workers, inputs(), build, &between).await,
                    )
                });
                $crate::check(&alone, &many, &$crate::expected(&runs, watermarks, $oracle));
            }
        }
    };
}

use property;
