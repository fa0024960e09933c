//! The rules of `order by` and `limit`.

use super::rules::errors;

/// The errors of an aggregation in complete mode with these clauses behind `select`.
fn ordered(clauses: &str) -> Vec<String> {
    errors(&format!(
        "from r in rows; group by r.x unbounded; select Out {{ x: r.x, views: count() }}; {clauses} output complete;"
    ))
}

#[test]
fn a_whole_result_is_ordered_and_rows_that_stay_are_counted() {
    let unordered = |mode: &str| {
        format!(
            "`order by` needs `output complete` and an aggregation: in {mode} mode rows come batch by batch, and later ones would belong before earlier ones"
        )
    };
    let updates = "`limit` can't be used in update mode: it counts rows, and an update isn't another row";
    let complete = "`output complete` needs an aggregation: the whole result of this query would be every row there ever was";
    let rows = "select Out { x: r.x };";
    let groups = "group by r.x unbounded; select Out { x: r.x };";
    let windows = "group by window(r.at, D), r.x; select Out { x: r.x };";
    for (shape, ends, mode, expected) in [
        (rows, "limit 3;", "append", vec![]),
        (windows, "limit 3;", "append", vec![]),
        (groups, "order by x;", "complete", vec![]),
        (groups, "limit 3;", "complete", vec![]),
        (groups, "having x > 1; order by x; limit 3;", "complete", vec![]),
        (rows, "order by x;", "append", vec![unordered("append")]),
        (windows, "order by x; limit 3;", "append", vec![unordered("append")]),
        (groups, "order by x;", "update", vec![unordered("update")]),
        (rows, "limit 3;", "update", vec![updates.to_owned()]),
        (groups, "limit 3;", "update", vec![updates.to_owned()]),
        (rows, "order by x; limit 3;", "complete", vec![complete.to_owned()]),
    ] {
        let errors = errors(&format!("from r in rows watermark(r.at, D); {shape} {ends} output {mode};"));
        assert_eq!(errors, expected, "{shape} {ends} {mode}");
    }
}

#[test]
fn rows_are_ordered_by_fields_of_the_result() {
    for allowed in [
        "x",
        "views desc, x asc",
        "x,",
        "std::cmp::Reverse(views)",
        "rank(x, LIMIT)",
        "x.len() * 2 desc",
        "{ let half = views / 2; half }",
        "x.chars().map(|letter| letter).count()",
        "format!(\"{}\", x)",
        "None::<u8>",
    ] {
        assert_eq!(ordered(&format!("order by {allowed};")), [""; 0], "{allowed}");
    }
    let none =
        |name: &str| format!("`order by` is over the fields of the selected row, and `{name}` is none");
    for (refused, expected) in [
        ("view", format!("{}; did you mean `views`?", none("view"))),
        ("r.x", none("r")),
        ("-other", none("other")),
        ("format!(\"{}\", total)", none("total")),
    ] {
        assert_eq!(ordered(&format!("order by {refused};")), [expected], "{refused}");
    }
    assert_eq!(
        errors("from r in rows; group by r.x unbounded; select f(r.x); order by x; output complete;"),
        ["`order by` is over the fields that `select` writes, and this `select` writes none"]
    );
}

#[test]
fn the_ends_of_a_query_are_well_formed() {
    for (clauses, rule) in [
        ("order x;", "`order` needs its `by`"),
        ("order by;", "`order by` needs at least one key"),
        ("order by views desk;", "a key of `order by` has no part `desk`; did you mean `desc`?"),
        ("order by views descending;", "a key of `order by` has no part `descending`; did you mean `desc`?"),
        ("limit;", "`limit` needs a value"),
        ("limit -1;", "a limit can't be negative"),
        ("limit r.x;", "the limit is the same for every row and can't depend on one"),
        ("limit 3; order by x;", "`order by` stands before `limit`"),
        ("limit 3; limit 4;", "a query has one `limit` clause"),
        ("order by x; order by views;", "a query has one `order by` clause"),
        ("sort by x;", "there is no clause `sort`; did you mean `order by`?"),
        ("top 3;", "there is no clause `top`; did you mean `limit`?"),
    ] {
        assert_eq!(ordered(clauses), [rule], "{clauses}");
    }
}
