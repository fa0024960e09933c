use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::expr::{ApproxCountDistinct, CollectSet, CountDistinct, MostFrequent};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn distinct_values_are_counted_once(
        rows in prop::collection::vec((prop::option::of(0..60_i64), prop::option::of(texts())), 0..200),
        cuts in cuts(),
    ) {
        let numbers: BTreeSet<_> = rows.iter().filter_map(|(number, _)| *number).collect();
        let expected = numbers.len() as u64;
        let found = every_way(&rows, cuts, |acc: &mut CountDistinct<_>, row| acc.update(&row.0), CountDistinct::finish);
        prop_assert_eq!(found, [Ok(expected), Ok(expected), Ok(expected)]);

        let texts: BTreeSet<_> = rows.iter().filter_map(|(_, text)| text.as_deref()).collect();
        let expected = texts.len() as u64;
        let found = every_way(
            &rows,
            cuts,
            |acc: &mut CountDistinct<_>, (_, text)| acc.update(&text.as_deref()),
            CountDistinct::finish,
        );
        prop_assert_eq!(found, [Ok(expected), Ok(expected), Ok(expected)]);

        let pairs: BTreeSet<_> = rows.iter().filter(|(number, text)| number.is_some() && text.is_some()).collect();
        let expected = pairs.len() as u64;
        let found = every_way(
            &rows,
            cuts,
            |acc: &mut CountDistinct<_>, (number, text)| acc.update(&(*number, text.as_deref())),
            CountDistinct::finish,
        );
        prop_assert_eq!(found, [Ok(expected), Ok(expected), Ok(expected)]);
    }

    #[test]
    fn sets_are_sorted(rows in rows(texts()), cuts in cuts()) {
        let expected: Vec<_> = known(&rows).into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let found = every_way(&rows, cuts, |acc: &mut CollectSet<_>, row| acc.update(&row.as_deref()), CollectSet::finish);
        prop_assert_eq!(found, [(); 3].map(|()| Ok(expected.clone())));
    }

    #[test]
    fn the_mode_is_the_smallest_of_the_most_frequent(
        rows in prop::collection::vec(prop::option::of(0..20_u8), 0..100),
        cuts in cuts(),
    ) {
        let mut counts = BTreeMap::new();
        for value in known(&rows) {
            *counts.entry(value).or_insert(0) += 1;
        }
        let most = counts.values().copied().max();
        let expected = counts.iter().find(|(_, count)| Some(**count) == most).map(|(value, _)| *value);
        let found = every_way(&rows, cuts, |acc: &mut MostFrequent<_>, row| acc.update(row), MostFrequent::finish);
        prop_assert_eq!(found, [Ok(expected), Ok(expected), Ok(expected)]);
    }

    #[test]
    fn the_encoding_depends_on_the_rows_alone(rows in rows(0..30_u64), times in prop_oneof![Just(1), Just(50)], cuts in cuts()) {
        let encoded = |rows: &[Option<u64>]| {
            let mut accumulator =
                (CountDistinct::default(), MostFrequent::<Option<u64>>::default(), ApproxCountDistinct::default());
            for row in rows {
                accumulator.0.update(row);
                accumulator.1.update(row);
                // Enough values for each form that a sketch takes.
                for time in 0..times {
                    accumulator.2.update(&row.map(|row| row * times + time));
                }
            }
            accumulator
        };
        let whole = encoded(&rows);
        let (head, tail) = rows.split_at(cuts.0.index(rows.len() + 1));
        let mut merged = encoded(head);
        merged.merge(encoded(tail));
        prop_assert_eq!(stored(&whole), stored(&merged));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..config() })]

    #[test]
    fn approximate_counts_do_not_depend_on_how_rows_are_cut(
        distinct in prop_oneof![1..40_u64, 1..3_000_u64],
        count in 0..4_000_u64,
        cuts in cuts(),
    ) {
        let rows: Vec<_> = (0..count).map(|row| row.wrapping_mul(0x9e37_79b9_7f4a_7c15) % distinct).collect();
        let [whole, left, right] =
            every_way(&rows, cuts, |acc: &mut ApproxCountDistinct<_>, row| acc.update(row), ApproxCountDistinct::finish);
        prop_assert_eq!(&whole, &left);
        prop_assert_eq!(&whole, &right);
        // Five standard deviations.
        let exact = rows.iter().collect::<BTreeSet<_>>().len() as f64;
        prop_assert!((whole.unwrap() as f64 - exact).abs() <= 5.0 * 0.0325 * exact);
    }
}

#[test]
fn approximate_counts_are_within_three_per_cent_on_average_and_a_kilobyte() {
    let mut squares = 0.0;
    let samples = 60;
    for sample in 0..samples {
        let exact = 1_000 * (sample + 1);
        let mut accumulator = ApproxCountDistinct::default();
        for row in 0..exact {
            accumulator.update(&format!("user-{sample}-{row}").as_str());
        }
        let error = accumulator.finish().unwrap() as f64 / f64::from(exact) - 1.0;
        squares += error * error;
        assert!(stored(&accumulator).len() <= 1_100, "{} bytes", stored(&accumulator).len());
    }
    let deviation = (squares / f64::from(samples)).sqrt();
    assert!(deviation < 0.04, "{deviation}");
}

#[test]
fn approximate_counts_are_the_same_on_every_machine_and_release() {
    let mut accumulator = ApproxCountDistinct::default();
    for row in 0..10_000_i64 {
        accumulator.update(&row);
    }
    assert_eq!(accumulator.finish().unwrap(), GOLDEN);
}
const GOLDEN: u64 = 10_068;
