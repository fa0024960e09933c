use std::cmp::Ordering;

use proptest::prelude::*;

use super::*;
use crate::expr::{Max, MaxBy, Min, MinBy};

/// `NaN` above all numbers and equal to itself, -0.0 equal to 0.0.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "`sort_by` passes references")]
fn by_value(left: &f64, right: &f64) -> Ordering {
    left.partial_cmp(right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

/// The first of the smallest, by sorting.
fn smallest<T: Clone>(values: &[T], compare: impl Fn(&T, &T) -> Ordering) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort_by(compare);
    sorted.first().cloned()
}

fn floats() -> impl Strategy<Value = f64> {
    prop_oneof![
        -3.0..3.0_f64,
        prop::sample::select(vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE]),
    ]
}

fn bits(outcomes: [Outcome<Option<f64>>; 3]) -> Vec<Option<u64>> {
    outcomes.into_iter().map(|outcome| outcome.unwrap().map(f64::to_bits)).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn extremes_of_floats_put_nan_last(rows in rows(floats()), cuts in cuts()) {
        let values = known(&rows);
        let expected = smallest(&values, by_value).map(f64::to_bits);
        let found = every_way(&rows, cuts, |acc: &mut Min<_>, row| acc.update(row), Min::finish);
        prop_assert_eq!(bits(found), vec![expected; 3]);

        let expected = smallest(&values, |left, right| by_value(right, left)).map(f64::to_bits);
        let found = every_way(&rows, cuts, |acc: &mut Max<_>, row| acc.update(row), Max::finish);
        prop_assert_eq!(bits(found), vec![expected; 3]);
    }

    #[test]
    fn extremes_of_text_are_by_bytes(rows in rows(texts()), cuts in cuts()) {
        let values = known(&rows);
        let found = every_way(&rows, cuts, |acc: &mut Min<_>, row| acc.update(&row.as_deref()), Min::finish);
        prop_assert_eq!(found, [(); 3].map(|()| Ok(values.iter().min().cloned())));

        let found = every_way(&values, cuts, |acc: &mut Max<_>, row| acc.update(&row.as_str()), Max::finish);
        let expected = values.iter().max().cloned().ok_or("empty".to_owned());
        prop_assert_eq!(found, [(); 3].map(|()| expected.clone()));
    }

    #[test]
    fn extremes_of_integers_are_extremes(rows in rows(any::<i16>()), cuts in cuts()) {
        let values = known(&rows);
        let found = every_way(&values, cuts, |acc: &mut Min<_>, row| acc.update(row), Min::finish);
        prop_assert_eq!(found, [(); 3].map(|()| values.iter().min().copied().ok_or("empty".to_owned())));
        let found = every_way(&rows, cuts, |acc: &mut Max<_>, row| acc.update(row), Max::finish);
        prop_assert_eq!(found, [(); 3].map(|()| Ok(values.iter().max().copied())));
    }

    #[test]
    fn the_earliest_row_with_the_extreme_gives_its_value(
        rows in prop::collection::vec((prop::option::of(texts()), prop::option::of(-4..4_i32)), 0..40),
        cuts in cuts(),
    ) {
        let mut ranked: Vec<_> = rows.iter().filter_map(|(value, by)| by.map(|by| (by, value.clone()))).collect();
        ranked.sort_by_key(|(by, _)| *by);
        let first = ranked.first().and_then(|(_, value)| value.clone());
        let found = every_way(
            &rows,
            cuts,
            |acc: &mut MinBy<_, _>, (value, by)| acc.update(&value.as_deref(), by),
            MinBy::finish,
        );
        prop_assert_eq!(found, [(); 3].map(|()| Ok(first.clone())));

        ranked.sort_by_key(|(by, _)| -by);
        let last = ranked.first().map(|(by, _)| *by);
        let found = every_way(
            &rows,
            cuts,
            |acc: &mut MaxBy<_, _>, (_, by)| acc.update(by, by),
            MaxBy::finish,
        );
        prop_assert_eq!(found, [(); 3].map(|()| Ok(last)));
    }
}
