//! Joins of two streams: any cut of the same rows into batches, any number of workers, any restart and any crash gives what a naive
//! evaluation of those batches gives, in the same order as with one worker, and as many rows stay in state.

mod naive;

use std::cell::Cell;

use naive::joins::{Bounds, Conditions, Item, Join, Joined, Kind, Watermarks};
use proptest::prelude::*;
use stream_runtime::engine::{QueryBuilder, Step};
use stream_runtime::plan::Plan;
use stream_runtime::prelude::*;
use stream_runtime::source::{MemoryInput, MemorySource};
use stream_runtime::testing::TestQuery;

#[derive(Schema, Clone, Debug, PartialEq)]
struct Row {
    key: Option<String>,
    number: i64,
    ts: Option<Timestamp>,
}

/// The rows that came out together; the number of one that isn't there is null.
#[derive(Schema, Clone, Debug, PartialEq, PartialOrd)]
struct Pair {
    left_key: Option<String>,
    left_number: Option<i64>,
    left_ts: Option<Timestamp>,
    right_key: Option<String>,
    right_number: Option<i64>,
    right_ts: Option<Timestamp>,
}

fn pair(left: Option<RowView<'_>>, right: Option<RowView<'_>>) -> Pair {
    Pair {
        left_key: left.and_then(|row| row.key).map(str::to_owned),
        left_number: left.map(|row| row.number),
        left_ts: left.and_then(|row| row.ts),
        right_key: right.and_then(|row| row.key).map(str::to_owned),
        right_number: right.map(|row| row.number),
        right_ts: right.and_then(|row| row.ts),
    }
}

const LEFT_DELAY_MS: i64 = 4_000;
const RIGHT_DELAY_MS: i64 = 6_000;

macro_rules! query {
    ($name:ident: [$($join:ident)+] on $o:ident $s:ident [$($on:tt)*] [$($bounds:tt)*] -> $left:expr, $right:expr) => {
        stream_query! {
            query $name(orders: Row, shipments: Row) -> Pair {
                from $o in orders watermark($o.ts, seconds(4));
                $($join)+ $s in shipments watermark($s.ts, seconds(6)) on $s.key == $o.key $($on)* $($bounds)*;
                select pair($left, $right);
                output append;
            }
        }
    };
}

query!(Inner: [join] on o s [] [within s.ts in o.ts ..= o.ts + seconds(10)] -> Some(o), Some(s));
query!(InnerBack: [join] on o s [&& o.number <= s.number && s.number != 0] [within o.ts in s.ts - seconds(8) .. s.ts - seconds(2)] -> Some(o), Some(s));
query!(InnerSameTime: [join] on o s [&& o.ts == s.ts && o.number != s.number] [] -> Some(o), Some(s));
query!(InnerUnbounded: [join] on o s [&& o.number == s.number] [unbounded] -> Some(o), Some(s));
query!(InnerHalf: [join] on o s [] [within s.ts in o.ts + seconds(3) .. unbounded] -> Some(o), Some(s));
query!(Left: [left join] on o s [&& o.number != 0 && s.number != 1] [within s.ts in o.ts ..= o.ts + seconds(10)] -> Some(o), s);
query!(LeftBack: [left join] on o s [&& s.number < o.number] [within o.ts in s.ts - seconds(3) ..= s.ts + seconds(5)] -> Some(o), s);
query!(LeftSameTime: [left join] on o s [&& s.ts == o.ts] [] -> Some(o), s);
query!(Right: [right join] on o s [&& s.number != 0 && o.number != 1] [within s.ts in o.ts - seconds(5) .. o.ts + seconds(10)] -> o, Some(s));
query!(RightAhead: [right join] on o s [] [within s.ts in o.ts + seconds(2) ..= o.ts + seconds(4)] -> o, Some(s));
query!(Full: [full join] on o s [&& s.number + o.number != 3] [within s.ts in o.ts - seconds(5) ..= o.ts + seconds(5)] -> o, s);
query!(FullSides: [full join] on o s [&& o.number != 0 && s.number != 0] [within o.ts in s.ts .. s.ts + seconds(7)] -> o, s);
query!(FullSameTime: [full join] on o s [&& o.ts == s.ts] [] -> o, s);
query!(Semi: [semi join] on o s [&& o.number != 0] [within s.ts in o.ts ..= o.ts + seconds(10)] -> Some(o), None);
query!(SemiSameTime: [semi join] on o s [&& s.ts == o.ts && s.number >= o.number] [] -> Some(o), None);
query!(Anti: [anti join] on o s [&& o.number != 0 && s.number != 0] [within s.ts in o.ts - seconds(1) .. o.ts + seconds(10)] -> Some(o), None);
query!(AntiSameTime: [anti join] on o s [&& s.ts == o.ts && s.number >= o.number] [] -> Some(o), None);

/// What happens before a batch.
#[derive(Clone, Copy, Debug)]
enum Before {
    Nothing,
    Restart,
    Crash(Step),
}

/// A batch: what happens before it, and each side's rows.
type Batch = (Before, Vec<Item>, Vec<Item>);

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

fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let rows = || prop::collection::vec(item(), 0..7);
    prop::collection::vec((before(), rows(), rows()), 1..8)
}

fn row(item: &Item) -> Row {
    Row { key: item.key.clone(), number: item.number, ts: item.micros.map(Timestamp::from_micros) }
}

fn joined((left, right): &Joined) -> Pair {
    let (left, right) = (left.as_ref().map(row), right.as_ref().map(row));
    pair(left.as_ref().map(Schema::view), right.as_ref().map(Schema::view))
}

type Sources = (MemorySource<Row>, MemorySource<Row>);

/// The rows of each batch (and of the one without data that may follow it) in their order, and how many rows stay in state.
async fn outcome<P: Plan<Output = Pair>>(
    batches: &[Batch],
    workers: &[usize],
    build: impl Fn(Sources, MemorySink<Pair>) -> QueryBuilder<P>,
) -> Vec<(Vec<Pair>, Option<u64>)> {
    let starts = Cell::new(0);
    let (orders, shipments) = (MemoryInput::default(), MemoryInput::default());
    let mut test = TestQuery::open_with((orders.clone(), shipments.clone()), |sources, sink| {
        starts.set(starts.get() + 1);
        build(sources, sink).workers(workers[starts.get() % workers.len()])
    })
    .await
    .expect("the query opens");
    let mut outcome = Vec::new();
    for (before, left, right) in batches {
        match before {
            Before::Nothing => {}
            Before::Restart => test.restart().await.expect("the query opens again"),
            Before::Crash(step) => drop(test.crash_at(*step)),
        }
        for (input, rows) in [(&orders, left), (&shipments, right)] {
            if !rows.is_empty() {
                input.add(rows.iter().map(row));
            }
        }
        let progress = test.run().await.expect("the rows go through");
        // A crash after the commit takes the batch's progress with it.
        let state_rows = progress.last().map(|batch| batch.state_operators[0].num_rows_total);
        outcome.push((test.emitted(), state_rows));
    }
    outcome
}

/// The same of the naive evaluation.
fn expected(batches: &[Batch], mut join: Join) -> Vec<(Vec<Pair>, u64)> {
    let mut watermarks = Watermarks::new(&[LEFT_DELAY_MS, RIGHT_DELAY_MS]);
    let mut expected = Vec::new();
    for (before, left, right) in batches {
        let crashes_behind = matches!(before, Before::Crash(Step::Committed | Step::Finished));
        if !crashes_behind && !matches!(before, Before::Nothing) {
            watermarks.restart();
        }
        watermarks.batch(&[left, right]);
        let mut rows = join.batch(left, right, watermarks.late_ms, watermarks.evict_ms);
        if crashes_behind {
            watermarks.restart();
        }
        if watermarks.moved() {
            watermarks.batch(&[&[], &[]]);
            rows.extend(join.batch(&[], &[], watermarks.late_ms, watermarks.evict_ms));
        }
        expected.push((rows.iter().map(joined).collect(), join.state_rows() as u64));
    }
    expected
}

fn sorted(mut rows: Vec<Pair>) -> Vec<Pair> {
    rows.sort_by(|left, right| left.partial_cmp(right).expect("nothing in them is a float"));
    rows
}

fn check<P: Plan<Output = Pair>>(
    batches: &[Batch],
    workers: &[usize],
    build: impl Fn(Sources, MemorySink<Pair>) -> QueryBuilder<P> + Copy,
    join: Join,
) {
    let batches: Vec<Batch> =
        batches.iter().filter(|(_, left, right)| left.len() + right.len() > 0).cloned().collect();
    let expected = expected(&batches, join);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (alone, many) = runtime
        .block_on(async { (outcome(&batches, &[1], build).await, outcome(&batches, workers, build).await) });
    for (batch, ((alone, many), (rows, state_rows))) in alone.into_iter().zip(many).zip(expected).enumerate()
    {
        assert_eq!(many, alone, "batch {batch}, with {workers:?} workers and with one");
        assert_eq!(sorted(alone.0), sorted(rows), "rows of batch {batch}");
        if let Some(rows) = alone.1 {
            assert_eq!(rows, state_rows, "rows in state after batch {batch}");
        }
    }
}

macro_rules! property {
    ($test:ident: $query:ident, $kind:ident, $bounds:expr, $conditions:expr) => {
        proptest! {
            #![proptest_config(ProptestConfig {
                cases: 64, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(13),
                ..ProptestConfig::default()
            })]
            #[test]
            fn $test(batches in batches(), workers in prop::collection::vec(prop::sample::select(&[1, 2, 7][..]), 3)) {
                let build = |(orders, shipments), sink| {
                    $query::query().orders(orders).shipments(shipments).to(sink)
                };
                check(&batches, &workers, build, Join::new(Kind::$kind, $bounds, $conditions));
            }
        }
    };
}

const fn closed(lower: i64, upper: i64) -> (Option<(i64, bool)>, Option<(i64, bool)>) {
    (Some((lower * 1_000, true)), Some((upper * 1_000, true)))
}

const fn half_open(lower: i64, upper: i64) -> (Option<(i64, bool)>, Option<(i64, bool)>) {
    (Some((lower * 1_000, true)), Some((upper * 1_000, false)))
}

const fn right_in((lower, upper): (Option<(i64, bool)>, Option<(i64, bool)>)) -> Bounds {
    Bounds::RightIn(lower, upper)
}

const fn left_in((lower, upper): (Option<(i64, bool)>, Option<(i64, bool)>)) -> Bounds {
    Bounds::LeftIn(lower, upper)
}

const ALL: Conditions = Conditions::NONE;

property!(inner: Inner, Inner, right_in(closed(0, 10)), ALL);
property!(inner_back: InnerBack, Inner, left_in(half_open(-8, -2)),
    Conditions { right: |s| s.number != 0, both: |o, s| o.number <= s.number, ..ALL });
property!(inner_of_one_time: InnerSameTime, Inner, Bounds::SameTime,
    Conditions { both: |o, s| o.number != s.number, ..ALL });
property!(inner_unbounded: InnerUnbounded, Inner, Bounds::Unbounded,
    Conditions { both: |o, s| o.number == s.number, ..ALL });
property!(inner_half_bounded: InnerHalf, Inner, Bounds::RightIn(Some((3_000, true)), None), ALL);
property!(left: Left, Left, right_in(closed(0, 10)),
    Conditions { left: |o| o.number != 0, right: |s| s.number != 1, ..ALL });
property!(left_back: LeftBack, Left, left_in(closed(-3, 5)), Conditions { both: |o, s| s.number < o.number, ..ALL });
property!(left_of_one_time: LeftSameTime, Left, Bounds::SameTime, ALL);
property!(right: Right, Right, right_in(half_open(-5, 10)),
    Conditions { left: |o| o.number != 1, right: |s| s.number != 0, ..ALL });
property!(right_ahead: RightAhead, Right, right_in(closed(2, 4)), ALL);
property!(full: Full, Full, right_in(closed(-5, 5)), Conditions { both: |o, s| o.number + s.number != 3, ..ALL });
property!(full_with_conditions_of_each_side: FullSides, Full, left_in(half_open(0, 7)),
    Conditions { left: |o| o.number != 0, right: |s| s.number != 0, ..ALL });
property!(full_of_one_time: FullSameTime, Full, Bounds::SameTime, ALL);
property!(semi: Semi, Semi, right_in(closed(0, 10)), Conditions { left: |o| o.number != 0, ..ALL });
property!(semi_of_one_time: SemiSameTime, Semi, Bounds::SameTime,
    Conditions { both: |o, s| s.number >= o.number, ..ALL });
property!(anti: Anti, Anti, right_in(half_open(-1, 10)),
    Conditions { left: |o| o.number != 0, right: |s| s.number != 0, ..ALL });
property!(anti_of_one_time: AntiSameTime, Anti, Bounds::SameTime,
    Conditions { both: |o, s| s.number >= o.number, ..ALL });
