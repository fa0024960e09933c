use proptest::prelude::*;

use super::*;
use crate::expr::{Avg, StddevPop, StddevSamp, Sum, VarPop, VarSamp};
use crate::time::Duration;

/// Whether two doubles agree to 1e-9 of `scale`.
fn close(found: f64, expected: f64, scale: f64) -> bool {
    (found - expected).abs() <= 1e-9 * scale.max(1e-300)
}

fn check(
    outcomes: [Outcome<Option<f64>>; 3],
    expected: Option<f64>,
    scale: f64,
) -> Result<(), TestCaseError> {
    for outcome in outcomes {
        let found = outcome.map_err(TestCaseError::fail)?;
        match (found, expected) {
            (None, None) => {}
            (Some(found), Some(expected)) if close(found, expected, scale) => {}
            _ => prop_assert!(false, "{found:?} instead of {expected:?}"),
        }
    }
    Ok(())
}

/// What a column without nulls has instead of null.
fn null_if_empty<O>(outcome: Outcome<O>) -> Outcome<Option<O>> {
    match outcome {
        Err(text) if text == "empty" => Ok(None),
        outcome => outcome.map(Some),
    }
}

fn floats() -> impl Strategy<Value = f64> {
    prop_oneof![-1e6..1e6_f64, Just(0.0), Just(-0.0), 1e11..1e12_f64]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn sums_of_floats_are_sums(rows in rows(floats()), cuts in cuts()) {
        let values = known(&rows);
        let scale = values.iter().map(|value| value.abs()).sum();
        let expected = (!values.is_empty()).then(|| values.iter().sum());
        check(every_way(&rows, cuts, |acc: &mut Sum<_>, row| acc.update(row), Sum::finish), expected, scale)?;

        let plain = every_way(&values, cuts, |acc: &mut Sum<_>, row| acc.update(row), Sum::finish);
        check(plain.map(null_if_empty), expected, scale)?;
    }

    #[test]
    fn sums_of_integers_are_exact_or_an_error(
        signed in rows(prop_oneof![any::<i64>(), -9..9_i64, Just(i64::MAX), Just(i64::MIN)]),
        unsigned in rows(prop_oneof![any::<u32>(), 0..9_u32]),
        cuts in cuts(),
    ) {
        let values = known(&signed);
        let total: i128 = values.iter().map(|&value| i128::from(value)).sum();
        let found = every_way(&signed, cuts, |acc: &mut Sum<_>, row| acc.update(row), Sum::finish);
        for outcome in found {
            match i64::try_from(total) {
                _ if values.is_empty() => prop_assert_eq!(outcome.unwrap(), None),
                Ok(total) => prop_assert_eq!(outcome.unwrap(), Some(total)),
                Err(_) => prop_assert!(outcome.unwrap_err().contains(&total.to_string())),
            }
        }

        let values = known(&unsigned);
        let expected = (!values.is_empty()).then(|| values.iter().map(|&value| u64::from(value)).sum());
        let found = every_way(&unsigned, cuts, |acc: &mut Sum<_>, row| acc.update(row), Sum::finish);
        prop_assert_eq!(found, [Ok(expected), Ok(expected), Ok(expected)]);
    }

    #[test]
    fn means_of_floats_are_means(rows in rows(floats()), cuts in cuts()) {
        let values = known(&rows);
        let scale = values.iter().map(|value| value.abs()).sum();
        let expected = (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        check(every_way(&rows, cuts, |acc: &mut Avg<_>, row| acc.update(row), Avg::finish), expected, scale)?;
    }

    #[test]
    fn means_of_integers_are_divided_once(rows in rows(any::<i64>()), cuts in cuts()) {
        let values = known(&rows);
        let total: i128 = values.iter().map(|&value| i128::from(value)).sum();
        let expected = (!values.is_empty()).then(|| total as f64 / values.len() as f64);
        let found = every_way(&rows, cuts, |acc: &mut Avg<_>, row| acc.update(row), Avg::finish);
        prop_assert_eq!(found, [Ok(expected), Ok(expected), Ok(expected)]);
    }

    #[test]
    fn durations_add_up_and_have_a_mean_in_whole_microseconds(
        rows in rows((-1_000_000..1_000_000_i64).prop_map(Duration::from_micros)),
        cuts in cuts(),
    ) {
        let micros: Vec<i64> = known(&rows).iter().map(|value| value.as_micros()).collect();
        let total: i64 = micros.iter().sum();
        let sum = (!micros.is_empty()).then(|| Duration::from_micros(total));
        let found = every_way(&rows, cuts, |acc: &mut Sum<_>, row| acc.update(row), Sum::finish);
        prop_assert_eq!(found, [Ok(sum), Ok(sum), Ok(sum)]);

        let mean = sum.map(|_| Duration::from_micros((total as f64 / micros.len() as f64).round() as i64));
        let found = every_way(&rows, cuts, |acc: &mut Avg<_>, row| acc.update(row), Avg::finish);
        prop_assert_eq!(found, [Ok(mean), Ok(mean), Ok(mean)]);
    }

    #[test]
    fn spreads_are_those_of_two_passes(rows in rows(-1e3..1e3_f64), shift in prop_oneof![Just(0.0), Just(1e6)], cuts in cuts()) {
        let rows: Vec<_> = rows.iter().map(|row| row.map(|value| value + shift)).collect();
        let values = known(&rows);
        let (count, mean) = (values.len() as f64, values.iter().sum::<f64>() / values.len() as f64);
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let population = (!values.is_empty()).then_some(squares / count);
        let sample = (values.len() > 1).then_some(squares / (count - 1.0));
        // What is lost is lost to the shift, relative to which the spread is small.
        let scale = squares.max(1.0) + shift;
        let root = |variance: Option<f64>| variance.map(f64::sqrt);

        check(every_way(&rows, cuts, |acc: &mut VarPop<_>, row| acc.update(row), VarPop::finish), population, scale)?;
        check(every_way(&rows, cuts, |acc: &mut VarSamp<_>, row| acc.update(row), VarSamp::finish), sample, scale)?;
        check(every_way(&rows, cuts, |acc: &mut StddevPop<_>, row| acc.update(row), StddevPop::finish), root(population), scale)?;
        check(every_way(&rows, cuts, |acc: &mut StddevSamp<_>, row| acc.update(row), StddevSamp::finish), root(sample), scale)?;
    }
}
