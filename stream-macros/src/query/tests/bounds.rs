//! What bounds the state of a join of two streams, and what is proposed where nothing does.

use super::rules::{errors_with, texts};

pub(super) const INPUTS: &str = "orders: Order, shipments: Shipment";
pub(super) const FROM: &str = "from o in orders watermark(o.order_time, hours(2));";
pub(super) const SHIPMENTS: &str = "join s in shipments watermark(s.ship_time, hours(3))";
pub(super) const WITHIN: &str = "within s.ship_time in o.order_time ..= o.order_time + hours(24)";
const KINDS: [&str; 6] = ["", "left ", "right ", "full ", "semi ", "anti "];

const SUPERFLUOUS: &str =
    "`unbounded` isn't true here: rows leave the state when no partner can come any more";

/// The errors of a query whose `from` and join are these.
pub(super) fn joined(from: &str, join: &str) -> Vec<String> {
    errors_with(INPUTS, &format!("{from} {join}; select Out {{ x: 1 }}; output append;"))
}

#[test]
fn every_kind_of_join_is_bounded_by_both_ends_of_a_range_or_by_equal_event_times() {
    for kind in KINDS {
        for bounds in [
            "on s.order_id == o.id within s.ship_time in o.order_time ..= o.order_time + hours(24)",
            "on s.order_id == o.id within s.ship_time in o.order_time - DAY .. o.order_time",
            "on s.order_id == o.id within o.order_time in s.ship_time - hours(24) ..= s.ship_time",
            "on s.order_id == o.id && s.x > o.x within (s.ship_time) in (o.order_time) ..= o.order_time + DAY",
            "on s.ship_time == o.order_time",
            "on o.order_time == s.ship_time && o.id == s.order_id",
        ] {
            assert_eq!(joined(FROM, &format!("{kind}{SHIPMENTS} {bounds}")), [""; 0], "{kind}{bounds}");
            let unbounded = format!("{kind}{SHIPMENTS} {bounds} unbounded");
            assert_eq!(joined(FROM, &unbounded), [SUPERFLUOUS], "{kind}{bounds}");
        }
    }
}

#[test]
fn a_let_of_the_event_time_is_the_event_time() {
    let from = format!("{FROM} let t = o.order_time;");
    for bounds in ["on s.id == o.id within s.ship_time in t ..= t + DAY", "on s.ship_time == t"] {
        assert_eq!(joined(&from, &format!("{SHIPMENTS} {bounds}")), [""; 0], "{bounds}");
    }
}

#[test]
fn a_join_without_bounds_is_inner_and_says_so() {
    for (from, shipments, bounds) in [
        (FROM, SHIPMENTS, "on s.order_id == o.id"),
        ("from o in orders;", "join s in shipments", "on s.order_id == o.id"),
        ("from o in orders;", SHIPMENTS, "on s.ship_time == o.order_time"),
        (FROM, "join s in shipments", "on s.ship_time == o.order_time"),
        (FROM, SHIPMENTS, "on s.other == o.order_time"),
        (FROM, SHIPMENTS, "on s.order_id == o.id within s.ship_time in o.order_time .."),
        (FROM, SHIPMENTS, "on s.order_id == o.id within s.ship_time in ..= o.order_time + DAY"),
    ] {
        for kind in KINDS {
            let errors = joined(from, &format!("{kind}{shipments} {bounds}"));
            assert_eq!(errors.len(), 1, "{kind}{bounds}: {errors:?}");
            assert!(errors[0].contains("stay in state for ever"), "{errors:?}");
            let errors = joined(from, &format!("{kind}{shipments} {bounds} unbounded"));
            if kind.is_empty() {
                assert_eq!(errors, [""; 0], "{bounds}");
            } else {
                assert_eq!(errors.len(), 1, "{kind}{bounds}: {errors:?}");
                assert!(errors[0].starts_with(&format!("`{kind}join` can't be `unbounded`")), "{errors:?}");
            }
        }
    }
}

#[test]
fn what_bounds_a_join_is_proposed_in_the_names_of_the_query() {
    for (from, join, help) in [
        (
            FROM,
            format!("{SHIPMENTS} on s.order_id == o.id"),
            "write `within s.ship_time in o.order_time ..= o.order_time + hours(1)` after the condition, or `unbounded` to keep them all",
        ),
        (
            FROM,
            "left join s in shipments on s.order_id == o.id".to_owned(),
            "write `left join s in shipments watermark(s.timestamp, minutes(10))` and `within s.timestamp in o.order_time ..= o.order_time + hours(1)` after the condition",
        ),
        (
            "from o in orders;",
            format!("left {SHIPMENTS} on s.ship_time == o.order_time"),
            "write `from o in orders watermark(o.order_time, minutes(10));`",
        ),
        (
            FROM,
            "semi join s in shipments on s.ship_time == o.order_time".to_owned(),
            "write `semi join s in shipments watermark(s.ship_time, minutes(10)) on …;`",
        ),
        (
            FROM,
            format!("left {SHIPMENTS} on s.order_id == o.id within s.ship_time in o.order_time + DAY .."),
            "write `within s.ship_time in o.order_time + DAY ..= o.order_time + hours(1)`",
        ),
        (
            FROM,
            format!("left {SHIPMENTS} on s.order_id == o.id within s.ship_time in .. o.order_time"),
            "write `within s.ship_time in o.order_time - hours(1) .. o.order_time`",
        ),
    ] {
        let texts = texts(INPUTS, &format!("{from} {join}; select Out {{ x: 1 }}; output append;"));
        assert_eq!(texts.len(), 1, "{join}: {texts:?}");
        assert_eq!(texts[0].lines().nth(1), Some(&*format!("help: {help}")), "{join}");
    }
}

#[test]
fn an_open_range_keeps_the_rows_of_one_side() {
    for (range, alias) in [
        ("s.ship_time in o.order_time ..", "o"),
        ("s.ship_time in .. o.order_time", "s"),
        ("o.order_time in s.ship_time ..", "s"),
        ("o.order_time in ..= s.ship_time", "o"),
    ] {
        let errors = joined(FROM, &format!("{SHIPMENTS} on s.order_id == o.id within {range}"));
        let expected = format!(
            "rows of `{alias}` stay in state for ever: this range bounds those of the other side alone"
        );
        assert_eq!(errors, [expected], "{range}");
    }
}

#[test]
fn within_is_over_the_watermarks_columns_of_both_sides() {
    for (from, shipments, range, rule) in [
        (
            FROM,
            "join s in shipments",
            "s.ship_time in o.order_time ..= o.order_time + DAY",
            "`within` needs watermarks on both sides, and `s` has none",
        ),
        (
            "from o in orders;",
            SHIPMENTS,
            "s.ship_time in o.order_time ..= o.order_time + DAY",
            "`within` needs watermarks on both sides, and `o` has none",
        ),
        (
            FROM,
            SHIPMENTS,
            "s.x in o.order_time ..= o.order_time + DAY",
            "`within` is over the watermarks' columns, and that of `s` is `s.ship_time`",
        ),
        (
            FROM,
            SHIPMENTS,
            "s.ship_time in o.x ..= o.order_time + DAY",
            "`within` is over the watermarks' columns, and that of `o` is `o.order_time`",
        ),
        (
            FROM,
            SHIPMENTS,
            "s.ship_time in s.ship_time ..= s.ship_time + DAY",
            "`s.ship_time` is of the same side as the time that has to be in the range",
        ),
        (
            FROM,
            SHIPMENTS,
            "NOW in o.order_time ..= o.order_time + DAY",
            "`NOW` is the event time of neither side",
        ),
        (
            FROM,
            SHIPMENTS,
            "s.ship_time in o.order_time ..= o.order_time + o.x",
            "how far apart two rows may be is the same for all, and `o.x` depends on a row",
        ),
        (
            FROM,
            SHIPMENTS,
            "s.ship_time in o.order_time + hours(2) ..= o.order_time + hours(1)",
            "no event time is in this range: it ends before it begins",
        ),
        (
            FROM,
            SHIPMENTS,
            "s.ship_time in o.order_time .. o.order_time",
            "no event time is in this range: it ends before it begins",
        ),
    ] {
        let errors = joined(from, &format!("{shipments} on s.order_id == o.id within {range}"));
        assert_eq!(errors, [rule], "{range}");
    }
    let equal = joined(FROM, &format!("{SHIPMENTS} on s.ship_time == o.order_time {WITHIN}"));
    assert_eq!(equal, ["`within` says nothing here: the event times of both sides are equal already"]);
}

#[test]
fn a_later_join_goes_by_the_event_time_of_any_row_that_is_there() {
    let inputs = "orders: Order, shipments: Shipment, payments: Payment";
    let first = |kind: &str| format!("{FROM} {kind}{SHIPMENTS} on s.order_id == o.id {WITHIN};");
    let second = |base: &str| {
        format!(
            "join p in payments watermark(p.at, DELAY) on p.id == o.id within p.at in {base} ..= {base} + DAY; select Out {{ x: 1 }}; output append;"
        )
    };
    let errors = |kind: &str, base: &str| errors_with(inputs, &format!("{} {}", first(kind), second(base)));
    assert_eq!(errors("", "o.order_time"), [""; 0]);
    assert_eq!(errors("", "s.ship_time"), [""; 0]);
    assert_eq!(errors("left ", "o.order_time"), [""; 0]);
    assert_eq!(errors("right ", "s.ship_time"), [""; 0]);
    for (kind, base) in [("left ", "s.ship_time"), ("right ", "o.order_time"), ("full ", "s.ship_time")] {
        let errors = errors(kind, base);
        assert_eq!(errors.len(), 1, "{kind}{base}: {errors:?}");
    }
    let two = format!(
        "{} join p in payments watermark(p.at, DELAY) on p.id == o.id within p.at in o.order_time ..= s.ship_time; select Out {{ x: 1 }}; output append;",
        first("")
    );
    assert_eq!(
        errors_with(inputs, &two),
        ["both ends of `within` are over one event time, and `s.ship_time` is another"]
    );
}
