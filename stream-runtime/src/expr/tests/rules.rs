use super::*;
use crate::expr::{
    Any, ApproxCountDistinct, Avg, CollectList, CollectSet, CountDistinct, CountRows, CountValues, Every,
    First, Last, Max, MaxBy, Min, MinBy, MostFrequent, StddevPop, StddevSamp, Sum, VarPop, VarSamp,
};
use crate::time::{Date, Duration, Timestamp, Window, hours, minutes};

#[test]
fn hot_accumulators_are_small() {
    assert_eq!(size_of::<CountRows>(), 8);
    assert_eq!(size_of::<Sum<f64>>(), 8);
    assert_eq!(size_of::<Sum<Option<f64>>>(), 8);
    assert_eq!((size_of::<Sum<i64>>(), align_of::<Sum<i64>>()), (16, 8));
    assert_eq!(size_of::<Avg<f64>>(), 16);
    assert_eq!(size_of::<Avg<Option<i64>>>(), 24);
    assert_eq!(size_of::<Max<Option<f64>>>(), 16);
    assert_eq!(size_of::<Min<String>>(), 24);
    assert_eq!(size_of::<VarSamp<f64>>(), 24);
    assert_eq!(size_of::<Any<Option<bool>>>(), 1);
}

#[test]
fn encoded_accumulators_are_small() {
    let mut accumulator = (Sum::default(), Avg::default(), CountDistinct::default(), Max::default());
    for row in 0..100_u64 {
        accumulator.0.update(&(row as f64));
        accumulator.1.update(&row);
        accumulator.2.update(&row);
        accumulator.3.update(&Some("text"));
    }
    let sizes =
        [stored(&accumulator.0), stored(&accumulator.1), stored(&accumulator.2), stored(&accumulator.3)]
            .map(|b| b.len());
    assert_eq!(sizes, [8, 4, 101, 6]);
}

#[test]
fn an_aggregate_without_rows_is_null_if_its_column_may_be_and_else_empty() {
    let none: [f64; 0] = [];
    let null: [Option<f64>; 0] = [];
    assert_eq!(over(none, |acc: &mut Sum<_>, row| acc.update(row), Sum::finish), Err("empty".into()));
    assert_eq!(over(null, |acc: &mut Sum<_>, row| acc.update(row), Sum::finish), Ok(None));
    assert_eq!(over([None::<i64>], |acc: &mut Sum<_>, row| acc.update(row), Sum::finish), Ok(None));
    assert_eq!(over([None::<f64>], |acc: &mut Avg<_>, row| acc.update(row), Avg::finish), Ok(None));
    assert_eq!(over([None::<&str>], |acc: &mut Min<_>, row| acc.update(row), Min::finish), Ok(None));
    assert_eq!(
        over(none, |acc: &mut StddevPop<_>, row| acc.update(row), StddevPop::finish),
        Err("empty".into())
    );
    assert_eq!(over(none, |acc: &mut First<_>, row| acc.update(row), First::finish), Err("empty".into()));
    assert_eq!(over([None::<bool>], |acc: &mut Every<_>, row| acc.update(row), Every::finish), Ok(None));
    assert_eq!(
        over([None::<u8>], |acc: &mut MostFrequent<_>, row| acc.update(row), MostFrequent::finish),
        Ok(None)
    );
}

#[test]
fn counts_and_collections_are_total() {
    let rows = [None::<&str>];
    assert_eq!(over(rows, |acc: &mut CountValues, row| acc.update(row), CountValues::finish), Ok(0));
    assert_eq!(over(rows, |acc: &mut CountDistinct<_>, row| acc.update(row), CountDistinct::finish), Ok(0));
    assert_eq!(
        over(rows, |acc: &mut ApproxCountDistinct<_>, row| acc.update(row), ApproxCountDistinct::finish),
        Ok(0)
    );
    assert_eq!(over(rows, |acc: &mut CollectList<_>, row| acc.update(row), CollectList::finish), Ok(vec![]));
    assert_eq!(over(rows, |acc: &mut CollectSet<_>, row| acc.update(row), CollectSet::finish), Ok(vec![]));
}

#[test]
fn a_sample_of_one_has_no_spread_and_a_population_of_one_has_none_left() {
    assert_eq!(over([3_i32], |acc: &mut VarSamp<_>, row| acc.update(row), VarSamp::finish), Ok(None));
    assert_eq!(over([3_i32], |acc: &mut StddevSamp<_>, row| acc.update(row), StddevSamp::finish), Ok(None));
    assert_eq!(over([3_i32], |acc: &mut VarPop<_>, row| acc.update(row), VarPop::finish), Ok(0.0));
    assert_eq!(
        over(
            [2, 4, 4, 4, 5, 5, 7, 9],
            |acc: &mut StddevPop<_>, row: &i32| acc.update(row),
            StddevPop::finish
        ),
        Ok(2.0)
    );
}

#[test]
fn a_total_of_zeros_is_a_value() {
    let sum = over([-0.0, -0.0], |acc: &mut Sum<_>, row: &f64| acc.update(row), Sum::finish);
    assert_eq!(sum.map(f64::to_bits), Ok(0.0_f64.to_bits()));
    let sum = over([1.5, -1.5], |acc: &mut Sum<_>, row: &f32| acc.update(row), Sum::finish);
    assert_eq!(sum.map(f64::to_bits), Ok(0.0_f64.to_bits()));
    assert_eq!(over([0_u8], |acc: &mut Sum<_>, row| acc.update(row), Sum::finish), Ok(0));
    let nan = over([1.0, f64::NAN], |acc: &mut Sum<_>, row| acc.update(row), Sum::finish);
    assert!(nan.unwrap().is_nan());
}

#[test]
fn a_total_may_leave_its_type_and_come_back() {
    let rows = [i64::MAX, i64::MAX, -i64::MAX, -1];
    assert_eq!(over(rows, |acc: &mut Sum<_>, row| acc.update(row), Sum::finish), Ok(i64::MAX - 1));
}

#[test]
fn a_total_that_fits_no_result_names_the_aggregate_and_the_remedy() {
    let sum = over([u64::MAX, 1], |acc: &mut Sum<_>, row| acc.update(row), Sum::finish);
    let text = "aggregate `sum`: the total 18446744073709551616 does not fit `u64`; sum floats instead, `sum(… as f64)`";
    assert_eq!(sum, Err(text.to_owned()));
    let sum = over([Duration::MAX, hours(1)], |acc: &mut Sum<_>, row| acc.update(row), Sum::finish);
    assert!(sum.unwrap_err().contains("does not fit a `Duration`; sum seconds"));
}

#[test]
fn means_of_durations_round_half_away_from_zero() {
    let mean = |micros: [i64; 2]| {
        let rows = micros.map(Duration::from_micros);
        over(rows, |acc: &mut Avg<_>, row| acc.update(row), Avg::finish).map(Duration::as_micros)
    };
    assert_eq!([mean([1, 2]), mean([-1, -2]), mean([0, 0])], [Ok(2), Ok(-2), Ok(0)]);
    assert_eq!(mean([i64::MAX, i64::MAX]), Ok(i64::MAX));
}

#[test]
fn the_first_value_may_be_null() {
    let rows = [None, Some(1_u8), None];
    assert_eq!(over(rows, |acc: &mut First<_>, row| acc.update(row), First::finish), Ok(None));
    assert_eq!(over(rows, |acc: &mut Last<_>, row| acc.update(row), Last::finish), Ok(None));
}

#[test]
fn a_value_by_a_nullable_order_is_nullable() {
    let rows = [("a", Some(2)), ("b", None), ("c", Some(1))];
    let found = over(rows, |acc: &mut MinBy<_, _>, (x, y)| acc.update(x, y), MinBy::finish);
    assert_eq!(found, Ok(Some("c".to_owned())));
    let rows = [("a", 2.0), ("b", f64::NAN), ("c", 1.0)];
    let found = over(rows, |acc: &mut MaxBy<_, _>, (x, y)| acc.update(x, y), MaxBy::finish);
    assert_eq!(found, Ok("b".to_owned()));
}

#[test]
fn times_windows_and_bytes_have_an_order() {
    let at = Timestamp::from_secs;
    let windows = [Window { start: at(60), end: at(120) }, Window { start: at(0), end: at(60) }];
    assert_eq!(over(windows, |acc: &mut Min<_>, row| acc.update(row), Min::finish), Ok(windows[1]));
    assert_eq!(over([at(1), at(2)], |acc: &mut Max<_>, row| acc.update(row), Max::finish), Ok(at(2)));
    let days = [Date::from_days(2), Date::from_days(1)];
    assert_eq!(over(days, |acc: &mut Min<_>, row| acc.update(row), Min::finish), Ok(days[1]));
    assert_eq!(
        over([minutes(2), hours(1)], |acc: &mut Max<_>, row| acc.update(row), Max::finish),
        Ok(hours(1))
    );
    let bytes = [&b"\xff"[..], b"\x00\x01", b"\x00"];
    assert_eq!(over(bytes, |acc: &mut Min<_>, row| acc.update(row), Min::finish), Ok(vec![0]));
}
