//! The rules as a table: each query with the first line of every error that it has to give. How the errors look
//! to a user, and that rustc adds nothing to them, is in `ui-tests`.

use proc_macro2::TokenStream;

use crate::query::{check, parse};
use crate::report::Report;

/// The first line of each error in a query of these clauses.
pub(super) fn errors(clauses: &str) -> Vec<String> {
    errors_with("rows: Row", clauses)
}

/// The same in a query of these inputs.
pub(super) fn errors_with(inputs: &str, clauses: &str) -> Vec<String> {
    let texts = texts(inputs, clauses);
    texts.iter().map(|text| text.lines().next().unwrap_or_default().to_owned()).collect()
}

/// Each error in a query of these inputs and clauses, whole.
pub(super) fn texts(inputs: &str, clauses: &str) -> Vec<String> {
    let source = format!("query Q({inputs}) -> Out {{ {clauses} }}");
    let tokens: TokenStream = source.parse().expect("the query is Rust tokens");
    let mut report = Report::default();
    if let Some(query) = parse::parse_query(tokens, &mut report) {
        let draft = check::place_clauses(&query, &mut report);
        check::check(&draft, &mut report);
    }
    report.texts()
}

/// Source clauses, with or without a watermark.
pub(super) const FROM: [&str; 2] = ["from r in rows;", "from r in rows watermark(r.at, minutes(1));"];

#[test]
fn the_support_matrix_is_sparks() {
    // Shape; then for append, update and complete: allowed without a watermark, allowed with one.
    let matrix = [
        ("rows", "select Out { x: r.x };", [(true, true), (true, true), (false, false)]),
        ("global", "select Out { x: count() };", [(false, false), (true, true), (true, true)]),
        (
            "keys",
            "group by r.x unbounded; select Out { x: r.x };",
            [(false, false), (true, true), (true, true)],
        ),
        (
            "window",
            "group by window(r.at, minutes(5)), r.x; select Out { x: r.x };",
            [(false, true), (false, true), (false, true)],
        ),
        (
            "instant",
            "group by r.at, r.x; select Out { x: r.x };",
            [(false, true), (false, true), (false, true)],
        ),
        (
            "session",
            "group by session(r.at, minutes(5)), r.x; select Out { x: r.x };",
            [(false, true), (false, false), (false, true)],
        ),
        (
            "unbounded session",
            "group by session(r.other, r.gap), r.x unbounded; select Out { x: r.x };",
            [(false, false), (false, false), (true, true)],
        ),
        (
            "dedup",
            "dedup by r.x, r.at; select Out { x: r.x };",
            [(false, true), (false, true), (false, false)],
        ),
        (
            "unbounded dedup",
            "dedup by r.x unbounded; select Out { x: r.x };",
            [(true, true), (true, true), (false, false)],
        ),
        (
            "dedup within the watermark",
            "dedup by r.x within watermark; select Out { x: r.x };",
            [(false, true), (false, true), (false, false)],
        ),
        (
            "dedup, then a window",
            "dedup by r.id unbounded; group by window(r.at, minutes(5)), r.x; select Out { x: r.x };",
            [(false, true), (false, true), (false, true)],
        ),
        (
            "dedup, then keys",
            "dedup by r.id unbounded; group by r.x unbounded; select Out { x: r.x };",
            [(false, false), (true, true), (true, true)],
        ),
        (
            "dedup, then a global aggregation",
            "dedup by r.id unbounded; select Out { x: count() };",
            [(false, false), (true, true), (true, true)],
        ),
        (
            "dedup, then a session",
            "dedup by r.id unbounded; group by session(r.at, r.gap), r.x; select Out { x: r.x };",
            [(false, true), (false, false), (false, true)],
        ),
    ];
    for (shape, clauses, modes) in matrix {
        for (mode, (without, with)) in ["append", "update", "complete"].into_iter().zip(modes) {
            for (from, allowed) in FROM.into_iter().zip([without, with]) {
                let errors = errors(&format!("{from} {clauses} output {mode};"));
                assert_eq!(errors.is_empty(), allowed, "{shape}, {mode}, {from}: {errors:?}");
                // In complete mode without an aggregation, the missing watermark is a second mistake.
                let mistakes = 1 + usize::from(mode == "complete" && shape.starts_with("dedup"));
                assert!(
                    errors.len() <= mistakes,
                    "one mistake is one error: {shape}, {mode}, {from}: {errors:?}"
                );
            }
        }
    }
}

#[test]
fn unbounded_is_asked_for_where_no_watermark_closes_the_groups() {
    let unbounded = "these groups stay in state for ever: no watermark closes them";
    for from in FROM {
        assert_eq!(
            errors(&format!("{from} group by r.x; select Out {{ x: r.x }}; output update;")),
            [unbounded]
        );
    }
    let window = "group by window(r.at, minutes(5)) unbounded; select Out { x: count() }; output";
    assert_eq!(errors(&format!("{} {window} update;", FROM[0])), [""; 0]);
    assert_eq!(
        errors(&format!("{} {window} update;", FROM[1])),
        ["`unbounded` isn't true here: the watermark closes these groups"]
    );
    assert_eq!(errors(&format!("{} {window} complete;", FROM[1])), [""; 0]);
}

#[test]
fn a_window_is_closed_by_the_watermark_of_its_own_column() {
    let of = |time: &str| {
        errors(&format!(
            "{} let t = r.at; group by window({time}, minutes(5)); select Out {{ x: count() }}; output append;",
            FROM[1]
        ))
    };
    assert_eq!(of("r.at"), [""; 0]);
    assert_eq!(of("(r.at)"), [""; 0]);
    assert_eq!(of("t"), [""; 0]);
    assert_eq!(of("r.other").len(), 1);
    assert_eq!(of("r.at + hours(1)").len(), 1);
}

#[test]
fn a_group_in_a_window_is_closed_by_its_window_alone() {
    for interval in ["window", "session"] {
        let errors = errors(&format!(
            "{} group by {interval}(r.other, minutes(5)), r.at, r.x; select Out {{ x: count() }}; output append;",
            FROM[1]
        ));
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(
            errors[0].starts_with(&format!("`output append` needs a {interval} over the watermark's column")),
            "{errors:?}"
        );
    }
}

#[test]
fn what_select_names_is_a_key_or_in_an_aggregate() {
    let select = |field: &str| {
        errors(&format!(
            "{} let y = r.y; group by window(r.at, minutes(5)) as w, r.x as key, y; select Out {{ x: {field} }}; output append;",
            FROM[1]
        ))
    };
    for allowed in [
        "r.x",
        "key",
        "y",
        "w.start",
        "sum(r.z)",
        "sum(r.z + y)",
        "f(r.x, sum(r.z))",
        "r.x.len()",
        "CONSTANT",
        "format!(\"{} {key}\", r.x)",
        "vec![r.x; 2]",
        "xs.map(|r| r.z)",
        "match key { r => r.z }",
        "window(r.at, minutes(5))",
        "self::f(r.x)",
    ] {
        assert_eq!(select(allowed), [""; 0], "{allowed}");
    }
    for refused in
        ["r.z", "r", "f(r.z)", "r.z.len()", "format!(\"{}\", r.z)", "format!(\"{r:?}\")", "my!(a => r.z)"]
    {
        let errors = select(refused);
        assert_eq!(errors.len(), 1, "{refused}: {errors:?}");
        assert!(errors[0].contains("is neither grouped nor aggregated"), "{refused}: {errors:?}");
    }
    assert_eq!(select("r.z + r.z").len(), 1, "one column is one mistake");
    assert_eq!(select("r.z + r.a").len(), 2);
}

#[test]
fn aggregates_are_refused_before_there_are_groups() {
    for clause in ["where sum(r.x) > 1;", "let s = count();", "explode x in collect_list(r.x);"] {
        let errors = errors(&format!("from r in rows; {clause} select Out {{ x: r.x }}; output append;"));
        assert_eq!(errors.len(), 1, "{clause}: {errors:?}");
        assert!(errors[0].contains("there are no groups yet"), "{errors:?}");
    }
}

#[test]
fn calls_of_aggregates_have_the_arguments_they_need() {
    for call in
        ["count(r.x, r.y)", "sum()", "max_by(r.x)", "aggregate(r.x)", "aggregate::<M>()", "sum(max(r.x))"]
    {
        let errors = errors(&format!("from r in rows; select Out {{ x: {call} }}; output update;"));
        assert_eq!(errors.len(), 1, "{call}: {errors:?}");
    }
}

#[test]
fn windows_are_checked_where_they_are_literals() {
    let window = |arguments: &str| {
        errors(&format!(
            "{} group by window(r.at, {arguments}); select Out {{ x: count() }}; output append;",
            FROM[1]
        ))
    };
    for allowed in [
        "minutes(5)",
        "W",
        "minutes(5), slide = minutes(5)",
        "minutes(5), slide = S",
        "W, slide = S, start = O",
        "minutes(5), start = minutes(-4)",
        "Duration::from_secs(5)",
    ] {
        assert_eq!(window(allowed), [""; 0], "{allowed}");
    }
    for refused in [
        "minutes(0)",
        "minutes(-1)",
        "minutes(5), slide = minutes(6)",
        "minutes(5), slide = seconds(0)",
        "minutes(5), start = minutes(5)",
        "minutes(5), slide = minutes(1), start = minutes(-1)",
        "r.width",
        "minutes(5), slide = seconds(r.x)",
    ] {
        assert_eq!(window(refused).len(), 1, "{refused}");
    }
}

#[test]
fn independent_mistakes_all_show() {
    let errors = errors(
        "from r in rows watermark(r.at, minutes(-1)); where count() > 1; where r.;
         group by window(r.at, minutes(0)), r.x; select Out { x: r.y }; output apend;",
    );
    assert_eq!(errors.len(), 6, "{errors:#?}");
}

#[test]
fn more_keys_or_aggregates_than_tuples_hold_are_refused() {
    let keys = |number: usize| (0..number).map(|n| format!("r.k{n}")).collect::<Vec<_>>().join(", ");
    let grouped = |number| {
        errors(&format!(
            "from r in rows; group by {} unbounded; select Out {{ x: 1 }}; output update;",
            keys(number)
        ))
    };
    assert_eq!(grouped(12), [""; 0]);
    assert_eq!(grouped(13), ["a query groups by at most 12 keys"]);
    let sums = |number: usize| (0..number).map(|n| format!("sum(r.k{n})")).collect::<Vec<_>>().join(" + ");
    let summed =
        |number| errors(&format!("from r in rows; select Out {{ x: {} }}; output update;", sums(number)));
    assert_eq!(summed(144), [""; 0]);
    assert_eq!(summed(145), ["a query has at most 144 aggregates"]);
}
