//! Joins of two streams: docs/semantics.md §10. Orders wait ten seconds for shipments.

use std::sync::Arc;

use stream_runtime::engine::{Progress, QueryBuilder};
use stream_runtime::plan::Plan;
use stream_runtime::prelude::*;
use stream_runtime::source::{MemoryInput, MemorySource};
use stream_runtime::testing::TestQuery;

use super::at;

#[derive(Schema, Clone, Debug, PartialEq)]
struct Row {
    key: Option<String>,
    /// What the conditions of one side look at.
    ok: bool,
    ts: Timestamp,
}

/// The times of the rows that came out together.
#[derive(Schema, Clone, Debug, PartialEq)]
struct Pair {
    left: Option<Timestamp>,
    right: Option<Timestamp>,
}

macro_rules! query {
    ($name:ident: [$($join:ident)+] $o:ident $s:ident [$($bounds:tt)*] -> $left:expr, $right:expr) => {
        stream_query! {
            query $name(orders: Row, shipments: Row) -> Pair {
                from $o in orders watermark($o.ts, seconds(0));
                $($join)+ $s in shipments watermark($s.ts, seconds(0))
                    on $s.key == $o.key && $o.ok && $s.ok $($bounds)*;
                select Pair { left: $left, right: $right };
                output append;
            }
        }
    };
}

query!(Inner: [join] o s [within s.ts in o.ts ..= o.ts + seconds(10)] -> o.ts, s.ts);
query!(Left: [left join] o s [within s.ts in o.ts ..= o.ts + seconds(10)] -> o.ts, s.map(|s| s.ts));
query!(Right: [right join] o s [within s.ts in o.ts ..= o.ts + seconds(10)] -> o.map(|o| o.ts), s.ts);
query!(Full: [full join] o s [within s.ts in o.ts ..= o.ts + seconds(10)] -> o.map(|o| o.ts), s.map(|s| s.ts));
query!(Semi: [semi join] o s [within s.ts in o.ts ..= o.ts + seconds(10)] -> o.ts, None);
query!(Anti: [anti join] o s [within s.ts in o.ts ..= o.ts + seconds(10)] -> o.ts, None);
query!(Unbounded: [join] o s [unbounded] -> o.ts, s.ts);
query!(HalfBounded: [join] o s [within s.ts in o.ts .. unbounded] -> o.ts, s.ts);
query!(SameTime: [left join] o s [&& s.ts == o.ts] -> o.ts, s.map(|s| s.ts));

fn row(key: &str, ts: Timestamp) -> Row {
    Row { key: Some(key.to_owned()), ok: true, ts }
}

fn null_key(ts: Timestamp) -> Row {
    Row { key: None, ok: true, ts }
}

fn not_ok(key: &str, ts: Timestamp) -> Row {
    Row { ok: false, ..row(key, ts) }
}

fn ms(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn both(left: i64, right: i64) -> Pair {
    Pair { left: Some(at(left)), right: Some(at(right)) }
}

fn left_only(second: i64) -> Pair {
    Pair { left: Some(at(second)), right: None }
}

fn right_only(second: i64) -> Pair {
    Pair { left: None, right: Some(at(second)) }
}

/// A query and its two inputs.
struct Test<P: Plan<Output = Pair>, F> {
    orders: MemoryInput<Row>,
    shipments: MemoryInput<Row>,
    query: TestQuery<(MemoryInput<Row>, MemoryInput<Row>), P, F>,
}

type Sources = (MemorySource<Row>, MemorySource<Row>);

impl<P: Plan<Output = Pair>, F: Fn(Sources, MemorySink<Pair>) -> QueryBuilder<P>> Test<P, F> {
    async fn open(build: F) -> Self {
        let (orders, shipments) = (MemoryInput::default(), MemoryInput::default());
        let inputs = (orders.clone(), shipments.clone());
        let query = TestQuery::open_with(inputs, build).await.expect("it opens");
        Self { orders, shipments, query }
    }

    /// A batch to come.
    fn add<const L: usize, const R: usize>(&mut self, left: [Row; L], right: [Row; R]) -> &mut Self {
        self.orders.add(left);
        self.shipments.add(right);
        self
    }

    /// A batch to come, after which the watermark is there: a row of each side that never matches.
    fn tick(&mut self, ts: Timestamp) -> &mut Self {
        self.add([row("left tick", ts)], [row("right tick", ts)])
    }

    async fn run(&mut self) -> (Vec<Pair>, Vec<Arc<Progress>>) {
        let progress = self.query.run().await.expect("nothing fails");
        (self.query.emitted(), progress)
    }

    /// Runs, and gives what came out in its order.
    async fn rows(&mut self) -> Vec<Pair> {
        self.run().await.0
    }

    fn state_rows(&self) -> u64 {
        self.query.progress().last().expect("a batch ran").state_operators[0].num_rows_total
    }
}

macro_rules! open {
    ($query:ident) => {
        open!($query, 1)
    };
    ($query:ident, $workers:expr) => {
        Test::open(|(orders, shipments), sink| {
            $query::query().orders(orders).shipments(shipments).to(sink).workers($workers)
        })
        .await
    };
}

/// Stored, removed and late rows of each batch.
fn counts(progress: &[Arc<Progress>]) -> Vec<(u64, u64, u64)> {
    let operators = progress.iter().map(|batch| &batch.state_operators[0]);
    operators
        .map(|join| (join.num_rows_updated, join.num_rows_removed, join.num_rows_dropped_by_watermark))
        .collect()
}

/// docs/semantics.md 10.7, its example.
#[tokio::test]
async fn an_unmatched_left_row_comes_out_ten_seconds_and_a_millisecond_after_its_time() {
    let mut test = open!(Left);
    test.add([row("a", at(1))], []).tick(ms(11_000));
    assert_eq!(test.rows().await, []);
    test.tick(ms(11_001));
    assert_eq!(test.rows().await, [left_only(1)]);
}

/// docs/semantics.md 10.7, its example.
#[tokio::test]
async fn an_unmatched_right_row_comes_out_a_millisecond_after_its_time() {
    let mut test = open!(Right);
    // The right input is ahead, so that the watermark is the left one's.
    test.add([row("other", at(10))], [row("a", at(10)), row("far", at(100))]);
    assert_eq!(test.rows().await, []);
    test.add([row("other", ms(10_001))], []);
    assert_eq!(test.rows().await, [right_only(10)]);
}

/// docs/semantics.md 10.7, case A.
#[tokio::test]
async fn with_equal_event_times_an_unmatched_row_comes_out_at_its_time() {
    let mut test = open!(SameTime);
    test.add([row("a", at(5))], []).tick(ms(4_999));
    let tick = Pair { left: Some(ms(4_999)), right: None };
    assert_eq!(test.rows().await, [tick], "of one time with the right one, and of another key");
    test.add([row("b", at(6))], [row("b", at(6)), row("c", at(5))]);
    assert_eq!(test.rows().await, [both(6, 6), left_only(5)]);
    assert_eq!(test.state_rows(), 0);
}

/// docs/semantics.md 10.3.
#[tokio::test]
async fn rows_of_one_batch_match_once_and_both_ends_of_the_range_are_inside() {
    for workers in [1, 2, 7] {
        let mut test = open!(Inner, workers);
        test.add([row("a", at(5))], [4, 5, 15, 16].map(|second| row("a", at(second))));
        assert_eq!(test.rows().await, [both(5, 5), both(5, 15)]);
    }
}

/// docs/semantics.md 10.3 (b).
#[tokio::test]
async fn a_row_whose_own_condition_is_false_comes_out_of_an_outer_join_at_once_and_is_not_stored() {
    macro_rules! check {
        ($($query:ident: $expected:expr;)+) => {$(
            let mut test = open!($query);
            test.add([not_ok("a", at(5))], [not_ok("a", at(6))]);
            let (rows, progress) = test.run().await;
            assert_eq!(rows, $expected, stringify!($query));
            assert_eq!((progress.len(), test.state_rows()), (2, 0), stringify!($query));
        )+};
    }
    check! {
        Inner: [];
        Left: [left_only(5)];
        Right: [right_only(6)];
        Full: [left_only(5), right_only(6)];
        Semi: [];
        Anti: [left_only(5)];
    }
}

/// docs/semantics.md 10.4.
#[tokio::test]
async fn a_row_that_has_matched_never_comes_out_alone_even_if_its_partner_is_gone() {
    for restart in [false, true] {
        let mut test = open!(Full);
        test.add([row("a", at(1))], [row("a", at(2))]).tick(at(9));
        assert_eq!(test.rows().await, [both(1, 2)]);
        assert_eq!(test.state_rows(), 3, "the right row has gone");
        if restart {
            test.query.restart().await.expect("it opens again");
        }
        test.tick(at(12));
        let ticks = Pair { left: None, right: Some(at(9)) };
        assert_eq!(test.rows().await, [ticks]);
        assert_eq!(test.state_rows(), 3, "the left row has gone");
    }
}

/// docs/semantics.md 10.4: over restarts.
#[tokio::test]
async fn a_restart_remembers_which_rows_have_matched_in_batches_after_that_which_stored_them() {
    let mut test = open!(Left);
    test.add([row("a", at(1)), row("b", at(1))], []);
    assert_eq!(test.rows().await, []);
    test.add([], [row("a", at(2))]);
    assert_eq!(test.rows().await, [both(1, 2)]);
    test.query.restart().await.expect("it opens again");
    test.tick(at(20));
    assert_eq!(test.rows().await, [left_only(1)], "that of `b` alone");
}

/// docs/semantics.md 10.5.
#[tokio::test]
async fn a_right_row_that_would_be_evicted_in_its_own_batch_matches_and_is_not_stored() {
    let mut test = open!(Inner);
    test.add([row("a", at(10))], []).tick(at(20)).add([], [row("a", at(15))]);
    let (rows, progress) = test.run().await;
    assert_eq!(rows, [both(10, 15)]);
    assert_eq!(counts(&progress), [(1, 0, 0), (2, 0, 0), (0, 0, 0)]);
}

/// docs/semantics.md 10.5.
#[tokio::test]
async fn an_unmatched_one_of_a_right_join_is_stored_and_comes_out_in_its_own_batch() {
    let mut test = open!(Right);
    test.add([row("a", at(10))], []).tick(at(20)).add([], [row("a", at(15)), row("b", at(15))]);
    let (rows, progress) = test.run().await;
    assert_eq!(rows, [both(10, 15), right_only(15)]);
    let stored: Vec<_> = counts(&progress).iter().map(|(stored, ..)| *stored).collect();
    assert_eq!(stored, [1, 2, 1]);
}

/// docs/semantics.md 10.5.
#[tokio::test]
async fn a_left_row_of_a_semi_or_anti_join_that_matches_as_it_comes_is_not_stored() {
    let mut test = open!(Semi);
    test.add([], [row("a", at(5))]).add([row("a", at(5)), row("a", at(5))], []);
    assert_eq!(test.rows().await, [left_only(5), left_only(5)]);
    assert_eq!(test.state_rows(), 1);

    let mut test = open!(Anti);
    test.add([], [row("a", at(5))]).add([row("a", at(5)), row("a", at(5))], []);
    assert_eq!(test.rows().await, []);
    assert_eq!(test.state_rows(), 1);
}

#[tokio::test]
async fn a_left_row_of_a_semi_join_comes_out_once_for_all_its_partners() {
    for workers in [1, 2] {
        let mut test = open!(Semi, workers);
        test.add([row("a", at(5))], [])
            .add([], [row("a", at(6)), row("a", at(7))])
            .add([], [row("a", at(8))]);
        assert_eq!(test.rows().await, [left_only(5)]);
        test.tick(at(100));
        assert_eq!(test.rows().await, []);
    }
}

/// docs/semantics.md 10.6.
#[tokio::test]
async fn matches_come_first_then_left_rows_without_partner_then_right_ones_each_by_time() {
    for workers in [1, 2, 7] {
        let mut test = open!(Full, workers);
        let left = [row("a", at(8)), row("b", at(3)), row("c", at(2)), row("left tick", at(50))];
        test.add(left, [row("d", at(4)), row("e", at(1)), row("right tick", at(50))]);
        test.add([], [row("a", at(11)), row("f", at(2))]);
        let expected = [both(8, 11), left_only(2), left_only(3), right_only(1), right_only(2), right_only(4)];
        assert_eq!(test.rows().await, expected, "{workers} workers");
    }
}

/// docs/semantics.md 10.9.
#[tokio::test]
async fn a_null_key_matches_nothing_and_its_row_waits_for_eviction_in_an_outer_join() {
    let mut test = open!(Full);
    test.add([null_key(at(1))], [null_key(at(1))]);
    assert_eq!(test.rows().await, []);
    assert_eq!(test.state_rows(), 2);
    test.tick(at(5));
    assert_eq!(test.rows().await, [right_only(1)]);
    test.tick(ms(11_001));
    let ticks = Pair { left: None, right: Some(at(5)) };
    assert_eq!(test.rows().await, [left_only(1), ticks]);

    let mut test = open!(Anti);
    test.add([null_key(at(1))], [null_key(at(1))]).tick(ms(11_001));
    assert_eq!(test.rows().await, [left_only(1)]);
}

/// docs/semantics.md 10.9.
#[tokio::test]
async fn an_inner_or_semi_join_keeps_no_row_with_a_null_key() {
    for workers in [1, 2] {
        let mut inner = open!(Inner, workers);
        inner.add([null_key(at(1))], [null_key(at(1))]).run().await;
        let mut semi = open!(Semi, workers);
        semi.add([null_key(at(1))], [null_key(at(1))]).run().await;
        assert_eq!((inner.state_rows(), semi.state_rows()), (0, 0));
    }
}

/// docs/semantics.md 2.4: of a row of either side.
#[tokio::test]
async fn a_row_is_late_by_the_watermark_of_the_batch_before_its_own() {
    for workers in [1, 2, 7] {
        let mut test = open!(Inner, workers);
        test.add([row("a", at(12)), row("left tick", at(20))], [row("right tick", at(20))]);
        test.add([], [row("a", at(15))]).add([row("a", at(19)), row("a", at(20))], [row("a", at(16))]);
        let (rows, progress) = test.run().await;
        assert_eq!(rows, [both(12, 15)]);
        let late: Vec<_> = counts(&progress).iter().map(|(.., late)| *late).collect();
        assert_eq!(late, [0, 0, 3], "a row at the watermark is late");
        let metrics = &progress[2].state_operators[0].custom_metrics;
        assert_eq!((metrics["lateInputRows"], metrics["maxLatenessMs"]), (3, 4_000));
    }
}

/// docs/semantics.md 10.8 and 1.5.
#[tokio::test]
async fn the_slower_input_holds_the_watermark_of_both_sides() {
    let mut test = open!(Left);
    test.add([row("a", at(1)), row("b", at(1_000))], [row("c", at(3))]);
    let (rows, progress) = test.run().await;
    assert_eq!(rows, []);
    assert_eq!(progress.last().expect("batches ran").event_time.watermark, Some(at(3)));
    test.add([], [row("a", at(4)), row("c", at(500))]);
    assert_eq!(test.rows().await, [both(1, 4)]);
}

/// docs/semantics.md 5.1.
#[tokio::test]
async fn one_batch_without_data_lets_rows_go_when_the_watermark_has_moved() {
    let mut test = open!(Left);
    test.add([row("a", at(1))], []).tick(at(60));
    let (rows, progress) = test.run().await;
    assert_eq!(rows, [left_only(1)]);
    let batches: Vec<_> = progress.iter().map(|batch| (batch.batch_id, batch.num_input_rows)).collect();
    assert_eq!(batches, [(0, 1), (1, 2), (2, 0)]);
    assert_eq!(test.rows().await, []);
}

/// docs/semantics.md 5.1.
#[tokio::test]
async fn a_join_that_keeps_all_its_rows_has_no_batch_without_data() {
    let mut test = open!(Unbounded);
    let (_, progress) = test.tick(at(60)).run().await;
    assert_eq!(progress.len(), 1);
}

/// docs/semantics.md 10.6 and 10.7: what remains are the last row of each side.
#[tokio::test]
async fn every_kind_of_join_lets_go_of_all_that_can_match_no_more() {
    macro_rules! check {
        ($($query:ident: $stored:expr, $removed:expr;)+) => {$(
            for workers in [1, 2, 7] {
                let mut test = open!($query, workers);
                test.add([row("a", at(1)), row("b", at(2)), null_key(at(3))], [row("a", at(4)), row("c", at(5))]);
                test.run().await;
                // The watermark of 4 s is in effect: no later right row is before that.
                assert_eq!(test.state_rows(), $stored, stringify!($query));
                test.tick(at(100));
                let (_, progress) = test.run().await;
                assert_eq!(test.state_rows(), 2, stringify!($query));
                let removed: u64 = counts(&progress).iter().map(|(_, removed, _)| removed).sum();
                assert_eq!(removed, $removed, stringify!($query));
                test.query.restart().await.expect("it opens again");
                test.add([], []).run().await;
                assert_eq!(test.state_rows(), 2, "{} after a restart", stringify!($query));
            }
        )+};
    }
    // Removed rows are counted as Spark does: without those of sides whose unmatched rows come out.
    check! {
        Inner: 4, 4;
        Left: 5, 2;
        Right: 4, 2;
        Full: 5, 0;
        Semi: 4, 4;
        Anti: 5, 5;
    }
}

/// docs/semantics.md 10.7, case C.
#[tokio::test]
async fn a_side_that_nothing_bounds_stays() {
    let mut test = open!(Unbounded);
    test.add([row("a", at(1))], [row("b", at(2))]).tick(at(100)).tick(at(200)).run().await;
    assert_eq!(test.state_rows(), 6);
    // A range with a lower end bounds the side whose time it is.
    let mut test = open!(HalfBounded);
    test.add([row("a", at(1))], [row("b", at(2))]).tick(at(100)).tick(at(200)).run().await;
    assert_eq!(test.state_rows(), 4, "three left rows, and the last right one");
}

#[tokio::test]
async fn matches_come_in_the_order_of_the_rows_that_bring_them_about_whatever_the_number_of_workers() {
    let mut first = None;
    for workers in [1, 2, 7] {
        let mut test = open!(Full, workers);
        let rows = |factor: i64| {
            (0..200_i64).map(move |n| row(&format!("k{}", n * factor % 60), ms(n * factor % 97 * 100 + 1)))
        };
        test.orders.add(rows(7));
        test.shipments.add(rows(11));
        test.orders.add(rows(13));
        test.shipments.add(rows(17));
        test.tick(at(1_000));
        let rows = test.rows().await;
        assert!(rows.len() > 400, "{}", rows.len());
        assert_eq!(first.get_or_insert_with(|| rows.clone()), &rows, "{workers} workers");
    }
}
