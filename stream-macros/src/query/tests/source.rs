//! The rules of what a query reads: inputs, unions, other queries, and late rows.

use super::rules::{errors, errors_with, texts};

const SELECT: &str = "select Out { x: 1 }; output append;";

/// The errors of a query that reads `PageStats`.
fn chained(clauses: &str) -> Vec<String> {
    errors_with("", &format!("from s in query stats::PageStats; {clauses}"))
}

#[test]
fn each_input_is_read_once() {
    assert_eq!(errors_with("a: A, b: A", &format!("from r in a union b; {SELECT}")), [""; 0]);
    for (inputs, clauses, rule) in [
        ("a: A", "from r in b;", "no input `b` in this query"),
        ("a: A, b: A", "from r in a;", "no clause reads the input `b`"),
        ("a: A, b: static A", "from r in a;", "no clause reads the input `b`"),
        ("a: A", "from r in a union a;", "`a` is read already: each input of a query has one place"),
        (
            "a: A",
            "from r in a; join s in a on s.x == r.x unbounded;",
            "`a` is read already: each input of a query has one place",
        ),
        ("a: A, a: A", "from r in a;", "the input `a` is declared twice"),
    ] {
        assert_eq!(errors_with(inputs, &format!("{clauses} {SELECT}")), [rule], "{clauses}");
    }
}

#[test]
fn an_input_that_a_broken_clause_names_may_be_read_there() {
    let clauses = "from r in a; join s in b on s.; join t in c on; ";
    assert_eq!(errors_with("a: A, b: B, c: static C", &format!("{clauses} {SELECT}")).len(), 2);
}

#[test]
fn a_union_is_made_of_streams_of_one_row_type() {
    let union = |inputs: &str| errors_with(inputs, &format!("from r in a union b; {SELECT}"));
    assert_eq!(union("a: m::A<T>, b: m :: A < T >"), [""; 0]);
    assert_eq!(
        union("a: A, b: B"),
        ["a union is made of rows of one type, and `b` has `B` where `a` has `A`"]
    );
    assert_eq!(union("a: A, b: static A"), ["`b` is static, and a union is made of streams"]);
    assert_eq!(
        errors_with("a: static A", &format!("from r in a; {SELECT}")),
        ["`a` is static, and a query goes along a stream"]
    );
}

#[test]
fn another_query_is_an_input_of_its_name_in_snake_case() {
    assert_eq!(chained(SELECT), [""; 0]);
    assert_eq!(
        errors_with("page_stats: Row", &format!("from s in query PageStats; {SELECT}")),
        ["`query PageStats` is an input called `page_stats`, and so is another one"]
    );
    assert_eq!(
        chained(&format!("join t in query stats::PageStats on t.x == s.x; {SELECT}")),
        ["`query stats::PageStats` is read already: each input of a query has one place"]
    );
    assert_eq!(
        chained(&format!("join t in query other::PageStats on t.x == s.x; {SELECT}")),
        ["`query other::PageStats` is an input called `page_stats`, and so is another one"]
    );
    // `query` is a name like any other where no path follows it.
    for clauses in ["from r in query;", "from r in query watermark(r.at, D);", "from r in query union other;"]
    {
        let inputs = if clauses.contains("other") { "query: Row, other: Row" } else { "query: Row" };
        assert_eq!(errors_with(inputs, &format!("{clauses} {SELECT}")), [""; 0], "{clauses}");
    }
}

#[test]
fn the_watermark_of_another_query_comes_with_its_rows() {
    for clauses in [
        "group by window(s.window, hours(1)), s.x; select Out { x: count() };",
        "group by session(s.at, hours(1)), s.x; select Out { x: count() };",
        "let t = s.at; group by window(t, hours(1)); select Out { x: count() };",
        "dedup by s.x, s.window; select Out { x: 1 };",
        "dedup by s.x unbounded; select Out { x: 1 };",
        "process by s.x with P; ",
    ] {
        assert_eq!(chained(&format!("{clauses} output append;")), [""; 0], "{clauses}");
    }
    for (clauses, rule) in [
        (
            "group by s.x; select Out { x: count() };",
            "`output append` needs an event-time key: the watermark closes windows, and these groups are in none",
        ),
        (
            "group by window(f(s.x), hours(1)); select Out { x: count() };",
            "`output append` needs a window over the watermark's column: this watermark tells when `s.window` is complete, and closes no other window",
        ),
        (
            "select Out { x: count() };",
            "`output append` can't be used here: the query's only group is never final, because rows keep coming",
        ),
        (
            "dedup by f(s.x); select Out { x: 1 };",
            "these keys stay in state for ever: no event time of `stats::PageStats` is among them",
        ),
        (
            "dedup by s.x within watermark; select Out { x: 1 };",
            "`within watermark` needs a watermark of this query's own, and that of `stats::PageStats` comes without a delay",
        ),
    ] {
        assert_eq!(chained(&format!("{clauses} output append;")), [rule], "{clauses}");
    }
    assert_eq!(
        errors_with("", &format!("from s in query PageStats watermark(s.at, hours(1)); {SELECT}")),
        ["`query PageStats` has a watermark already: that of `PageStats` goes on with its rows"]
    );
}

#[test]
fn what_keeps_state_behind_another_query_is_put_out_in_append_mode() {
    for (clauses, what) in [
        ("group by window(s.window, hours(1)); select Out { x: count() };", "an aggregation"),
        ("dedup by s.x, s.window; select Out { x: 1 };", "`dedup by`"),
        ("process by s.x with P;", "`process by`"),
        ("select Out { x: 1 }; limit 3;", "`limit`"),
    ] {
        let errors = chained(&format!("{clauses} output update;"));
        let rule = format!(
            "`output update` can't be used here: {what} stands behind another query, and takes its rows as final"
        );
        assert_eq!(errors, [rule], "{clauses}");
    }
    assert_eq!(chained("where s.ok; select Out { x: s.x }; output update;"), [""; 0]);
}

#[test]
fn late_rows_have_a_watermark_and_a_clause_that_drops_them() {
    let late = |watermark: &str, clauses: &str| {
        errors(&format!("from r in rows {watermark} late into late_rows; {clauses}"))
    };
    let watermark = "watermark(r.at, minutes(1))";
    for clauses in [
        "group by window(r.at, minutes(5)); select Out { x: count() }; output append;",
        "group by window(r.at, minutes(5)); select Out { x: count() }; output update;",
        "group by session(r.at, minutes(5)), r.x; select Out { x: count() }; output append;",
        "group by r.at; select Out { x: count() }; output append;",
        "dedup by r.x unbounded; select Out { x: 1 }; output append;",
        "process by r.x with P; output append;",
    ] {
        assert_eq!(late(watermark, clauses), [""; 0], "{clauses}");
    }
    for clauses in [
        "select Out { x: 1 }; output append;",
        "select Out { x: count() }; output update;",
        "group by r.x unbounded; select Out { x: count() }; output update;",
        "group by window(r.at, minutes(5)); select Out { x: count() }; output complete;",
    ] {
        let errors = late(watermark, clauses);
        assert_eq!(errors.len(), 1, "{clauses}: {errors:?}");
        assert!(errors[0].starts_with("no row is late here"), "{errors:?}");
    }
    assert_eq!(
        late("", "dedup by r.x unbounded; select Out { x: 1 }; output append;"),
        ["`late into` needs a watermark on this input: without one no row is late"]
    );
}

#[test]
fn late_rows_have_a_name_of_their_own() {
    let inputs = "orders: Order, shipments: Shipment";
    let late = |first: &str, second: &str| {
        errors_with(
            inputs,
            &format!(
                "from o in orders watermark(o.at, D) late into {first};
                 join s in shipments watermark(s.at, D) late into {second} on s.at == o.at; {SELECT}"
            ),
        )
    };
    assert_eq!(late("late_orders", "late_shipments"), [""; 0]);
    let taken = |name: &str| format!("the name `{name}` is taken: an input or other late rows are called so");
    assert_eq!(late("shipments", "late_shipments"), [taken("shipments")]);
    assert_eq!(late("late_rows", "late_rows"), [taken("late_rows")]);
    for method in ["to", "checkpoint", "trigger", "start", "idle_after", "watermark_policy"] {
        let rule =
            format!("late rows can't be called `{method}`: the query's builder has a method of that name");
        assert_eq!(late(method, "late_shipments"), [rule]);
    }
}

#[test]
fn a_watermark_is_over_a_column_of_its_own_input() {
    let texts = texts(
        "orders: Order, shipments: Shipment",
        &format!(
            "from o in orders watermark(o.at, D);
             join s in shipments watermark(o.at, D) on s.id == o.id within s.at in o.at ..= o.at + D; {SELECT}"
        ),
    );
    assert_eq!(
        texts,
        [
            "a watermark is over a column of its own input, and `o` isn't of it\nhelp: write, for instance, `watermark(s.timestamp, minutes(10))`"
        ]
    );
}
