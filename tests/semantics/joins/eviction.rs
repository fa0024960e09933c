//! How long a join keeps its rows, and what becomes of those that have found no partner: docs/semantics.md 10.4 to 10.9.

use super::*;

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

/// docs/semantics.md 3.1, at the beginning of time.
#[tokio::test]
async fn a_row_of_the_first_instant_of_all_is_late() {
    let mut test = open!(Left);
    test.tick(at(5)).add([row("a", Timestamp::MIN), row("b", at(5))], [row("a", Timestamp::MIN)]);
    test.tick(at(60));
    let rows = test.rows().await;
    assert!(!rows.iter().any(|pair| pair.left == Some(Timestamp::MIN)), "{rows:?}");
}
