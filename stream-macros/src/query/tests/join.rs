//! The rules of joins: equality keys, modes, static inputs, and what is there after a join.

use super::bounds::{FROM, INPUTS, SHIPMENTS, WITHIN, joined};
use super::rules::errors_with;

/// The errors of a query with a bounded join of that kind, and these clauses behind it.
fn behind(kind: &str, clauses: &str) -> Vec<String> {
    let join = format!("{kind}{SHIPMENTS} on s.order_id == o.id {WITHIN};");
    errors_with(INPUTS, &format!("{FROM} {join} {clauses}"))
}

/// The errors of a query whose orders are joined with a static input.
fn enriched(join: &str) -> Vec<String> {
    let clauses = format!("{FROM} {join}; select Out {{ x: o.x }}; output update;");
    errors_with("orders: Order, catalog: static Product", &clauses)
}

#[test]
fn partners_are_found_by_an_equality_of_both_sides() {
    for condition in [
        "s.x > o.x",
        "s.x == 3",
        "s.x == s.y",
        "s.x + o.x == 3",
        "o.x == 3",
        "f(s, o)",
        "s.x == o.x || s.y == o.y",
    ] {
        let errors = joined(FROM, &format!("{SHIPMENTS} on {condition} {WITHIN}"));
        assert_eq!(errors.len(), 1, "{condition}: {errors:?}");
        assert!(errors[0].starts_with("`join` needs an equality"), "{errors:?}");
    }
    for condition in
        ["s.x == o.x", "f(o.x) == s.x.len()", "(s.x > o.x && (s.y == o.y))", "s.x == 3 && s.y == o.y"]
    {
        assert_eq!(joined(FROM, &format!("{SHIPMENTS} on {condition} {WITHIN}")), [""; 0], "{condition}");
    }
    let keys = (0..13).map(|n| format!("s.k{n} == o.k{n}")).collect::<Vec<_>>().join(" && ");
    assert_eq!(
        joined(FROM, &format!("{SHIPMENTS} on {keys} {WITHIN}")),
        ["a join has at most 12 equalities"]
    );
}

#[test]
fn a_join_of_streams_is_put_out_in_append_mode() {
    let shapes = [
        "select Out { x: 1 };",
        "group by window(o.order_time, hours(1)); select Out { x: count() };",
        "dedup by o.id, o.order_time; select Out { x: 1 };",
    ];
    for shape in shapes {
        assert_eq!(behind("", &format!("{shape} output append;")), [""; 0]);
        for mode in ["update", "complete"] {
            let errors = behind("", &format!("{shape} output {mode};"));
            let rule = format!("`output {mode}` can't be used with a join of two streams");
            assert_eq!(errors.len(), 1, "{errors:?}");
            assert!(errors[0].starts_with(&rule), "{errors:?}");
        }
    }
}

#[test]
fn groups_behind_a_join_are_closed_by_the_event_time_of_a_row_that_is_there() {
    let group = |kind: &str, time: &str| {
        behind(
            kind,
            &format!("group by window({time}, hours(1)); select Out {{ x: count() }}; output append;"),
        )
    };
    for (kind, time) in [
        ("", "o.order_time"),
        ("", "s.ship_time"),
        ("left ", "o.order_time"),
        ("right ", "s.ship_time"),
        ("semi ", "o.order_time"),
        ("anti ", "o.order_time"),
    ] {
        assert_eq!(group(kind, time), [""; 0], "{kind}{time}");
    }
    for (kind, time) in
        [("left ", "s.ship_time"), ("right ", "o.order_time"), ("full ", "o.order_time"), ("", "s.other")]
    {
        let errors = group(kind, time);
        assert_eq!(errors.len(), 1, "{kind}{time}: {errors:?}");
        assert!(errors[0].starts_with("`output append` needs a window"), "{errors:?}");
    }
}

#[test]
fn after_a_semi_or_anti_join_the_other_row_is_gone() {
    for kind in ["semi ", "anti "] {
        for clauses in [
            "where s.x; select Out { x: o.x };",
            "let y = s.x; select Out { x: y };",
            "select Out { x: s.x };",
            "select Out { x: format!(\"{}\", s.x) };",
        ] {
            let errors = behind(kind, &format!("{clauses} output append;"));
            let rule =
                format!("`s` isn't there after `{kind}join`, which only asks whether a partner exists");
            assert_eq!(errors, [rule], "{clauses}");
        }
        // Another `s` is none of the query's.
        assert_eq!(behind(kind, "select Out { x: o.xs.map(|s| s.x) }; output append;"), [""; 0]);
    }
}

#[test]
fn after_a_right_or_full_join_the_values_of_earlier_rows_are_gone() {
    let errors = |kind: &str, clauses: &str| {
        let join = format!("{kind}{SHIPMENTS} on s.order_id == y {WITHIN};");
        errors_with(
            INPUTS,
            &format!("{FROM} let y = o.id; {join} {clauses} select Out {{ x: y }}; output append;"),
        )
    };
    for kind in ["", "left ", "semi ", "anti "] {
        assert_eq!(errors(kind, "where y > 3;"), [""; 0], "{kind}");
    }
    for kind in ["right ", "full "] {
        let rule =
            format!("`y` isn't there after `{kind}join`: the row that it is computed of may be missing");
        assert_eq!(errors(kind, ""), [&*rule]);
        assert_eq!(errors(kind, "where y > 3;"), [&*rule, &*rule]);
    }
}

#[test]
fn what_makes_several_rows_of_one_stands_behind_joins_and_dedup() {
    let inputs = "orders: Order, shipments: Shipment, catalog: static Product";
    let join = format!("{SHIPMENTS} on s.order_id == o.id {WITHIN};");
    let enrich = "join p in catalog on p.id == o.product;";
    let errors =
        |steps: &str| errors_with(inputs, &format!("{FROM} {steps} select Out {{ x: 1 }}; output append;"));
    for allowed in [
        format!(
            "where o.ok; let y = o.y; dedup by y, o.order_time; {join} dedup by s.id, s.ship_time; {enrich} explode x in p.xs;"
        ),
        format!("{join} explode x in o.xs; {enrich}"),
    ] {
        assert_eq!(errors(&allowed), [""; 0], "{allowed}");
    }
    for (refused, rule) in [
        (format!("explode x in o.xs; {join} {enrich}"), "`explode` stands after a join of two streams"),
        (format!("{enrich} {join}"), "a join with a static input stands after a join of two streams"),
        (
            format!("{join} {enrich} dedup by p.id unbounded;"),
            "a join with a static input stands after `dedup by`",
        ),
        (
            format!("{join} explode x in o.xs; dedup by x unbounded; {enrich}"),
            "`explode` stands after `dedup by`",
        ),
        (
            format!("dedup by o.x unbounded; dedup by o.y unbounded; {join} {enrich}"),
            "there is one `dedup by` before a join of two streams, and one behind it",
        ),
    ] {
        let errors = errors(&refused);
        assert_eq!(errors.len(), 1, "{refused}: {errors:?}");
        assert!(errors[0].starts_with(rule), "{refused}: {errors:?}");
    }
}

#[test]
fn within_watermark_behind_a_join_needs_one_watermark() {
    let dedup =
        |kind: &str| behind(kind, "dedup by o.id within watermark; select Out { x: 1 }; output append;");
    for kind in ["left ", "right ", "semi "] {
        assert_eq!(dedup(kind), [""; 0], "{kind}");
    }
    assert_eq!(
        dedup(""),
        ["`within watermark` needs one watermark, and these rows have 2: their delays may differ"]
    );
    assert_eq!(
        dedup("full "),
        ["`within watermark` needs a watermark: its delay is how long a key is remembered"]
    );
}

#[test]
fn a_static_input_is_looked_up_and_nothing_else() {
    for kind in ["", "left ", "semi ", "anti "] {
        assert_eq!(enriched(&format!("{kind}join p in catalog on p.id == o.product && p.x > o.x")), [""; 0]);
    }
    for kind in ["right ", "full "] {
        let errors = enriched(&format!("{kind}join p in catalog on p.id == o.product"));
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(
            errors[0].starts_with(&format!("`{kind}join` can't be used with a static input")),
            "{errors:?}"
        );
    }
    for (parts, part) in [
        ("watermark(p.at, DELAY) on p.id == o.id", "watermark"),
        ("late into late_rows on p.id == o.id", "late into"),
        ("on p.id == o.id within p.at in o.order_time ..= o.order_time + DAY", "within"),
        ("on p.id == o.id unbounded", "unbounded"),
    ] {
        let rule = format!(
            "`{part}` is for streams, and `catalog` is a static input: its rows are there at any time"
        );
        assert_eq!(enriched(&format!("join p in catalog {parts}")), [rule]);
    }
}

#[test]
fn a_broken_join_keeps_the_rules_silent_that_depend_on_it() {
    let group = "group by window(s.ship_time, hours(1)), s.x; select Out { x: count() }; output append;";
    assert_eq!(
        errors_with(
            INPUTS,
            &format!("from o in orders; join s in shipments watermark(s.ship_time); {group}")
        )
        .len(),
        1
    );
    assert_eq!(
        errors_with(INPUTS, &format!("from o in orders; join o in shipments on o.id == o.x; {group}")),
        ["the name `o` is taken in this query"]
    );
}
