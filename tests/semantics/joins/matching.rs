//! Which rows match and come out, in what order, and which come too late: docs/semantics.md 10.3 to 10.6.

use super::*;

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
