//! The rules of `process by`.

use super::rules::{errors, errors_with};

#[test]
fn a_processor_is_there_instead_of_an_aggregation_and_its_result() {
    for mode in ["append", "update"] {
        for clauses in [
            "process by r.x with Rule;",
            "where r.ok; let y = r.y; dedup by r.id unbounded; process by y, r.x with Rule::new(LIMIT);",
        ] {
            assert_eq!(errors(&format!("from r in rows; {clauses} output {mode};")), [""; 0]);
        }
    }
    let complete = errors("from r in rows; process by r.x with Rule; output complete;");
    assert_eq!(
        complete,
        [
            "`output complete` can't be used with `process by`: a processor puts out rows as it goes, and there is no whole result to put out again"
        ]
    );
    for (clause, kind) in [
        ("group by r.x unbounded;", "group by"),
        ("select Out { x: r.x };", "select"),
        ("having x > 1;", "having"),
        ("order by x;", "order by"),
        ("limit 3;", "limit"),
    ] {
        let errors = errors(&format!("from r in rows; process by r.x with Rule; {clause} output append;"));
        assert_eq!(
            errors,
            [format!("`{kind}` can't stand beside `process by`: the processor makes the result rows")]
        );
    }
}

#[test]
fn a_processor_takes_rows_of_one_input() {
    for (inputs, join) in [
        ("rows: Row, others: Other", "join o in others on o.x == r.x unbounded;"),
        ("rows: Row, others: static Other", "left join o in others on o.x == r.x;"),
    ] {
        let errors =
            errors_with(inputs, &format!("from r in rows; {join} process by r.x with Rule; output append;"));
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].ends_with("can't stand before `process by`: a processor takes rows of one type"));
    }
}

#[test]
fn keys_and_processor_are_what_they_can_be() {
    let process = |tokens: &str| errors(&format!("from r in rows; process by {tokens}; output append;"));
    for (tokens, rule) in [
        ("r.x, (r.x) with P", "`process by` has the key `(r.x)` already"),
        ("r.x as x with P", "a key of `process by` has no name: no clause could use `x`"),
        (
            "count() with P",
            "`count` aggregates the rows of a group, and in `process by` there are no groups yet",
        ),
        ("window(r.at, minutes(5)) with P", "`window(…)` is a key of `group by`"),
        ("r.x with P::new(r.x)", "the processor is the same for every row and can't depend on one"),
        ("r.x", "`process by` needs `with` and a processor"),
        ("r.x wiht P", "`process by` needs `with` and a processor"),
        ("r.x with", "`process by` needs a key and a processor"),
        ("with P", "`process by` needs a key and a processor"),
    ] {
        assert_eq!(process(tokens), [rule], "{tokens}");
    }
    let keys = (0..13).map(|n| format!("r.k{n}")).collect::<Vec<_>>().join(", ");
    assert_eq!(process(&format!("{keys} with P")), ["a query processes by at most 12 keys"]);
    assert_eq!(errors("from r in rows; process r.x with P; output append;"), ["`process` needs its `by`"]);
}
