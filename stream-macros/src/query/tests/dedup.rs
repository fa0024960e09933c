//! The rules of `dedup by`: what bounds its state, where it stands, and what its keys are.

use super::rules::{FROM, errors};

/// The errors of a query that passes on what `dedup by` lets through.
fn deduplicated(from: &str, clauses: &str) -> Vec<String> {
    errors(&format!("{from} {clauses}; select Out {{ x: r.x }}; output append;"))
}

#[test]
fn the_keys_of_dedup_are_dropped_by_the_watermark_or_the_clause_says_how_long_they_stay() {
    let [without, with] = FROM;
    let unbounded_with =
        ["these keys stay in state for ever: the watermark's column isn't among them"].as_slice();
    let unbounded_without = ["these keys stay in state for ever: no watermark drops them"].as_slice();
    let superfluous = [
        "`unbounded` isn't true here: the watermark's column is among the keys, and keys that it has passed are dropped",
    ]
    .as_slice();
    let within =
        ["`within watermark` needs a watermark: its delay is how long a key is remembered"].as_slice();
    for (from, clauses, expected) in [
        (with, "dedup by r.id, r.at", &[][..]),
        (with, "let t = r.at; dedup by r.id, (t)", &[]),
        (with, "dedup by r.id", unbounded_with),
        (with, "dedup by r.id, r.other", unbounded_with),
        (with, "dedup by r.id unbounded", &[]),
        (with, "dedup by r.id, r.at unbounded", superfluous),
        (with, "dedup by r.id within watermark", &[]),
        (without, "dedup by r.id", unbounded_without),
        (without, "dedup by r.id, r.at", unbounded_without),
        (without, "dedup by r.id, r.at unbounded", &[]),
        (without, "dedup by r.id within watermark", within),
    ] {
        assert_eq!(deduplicated(from, clauses), expected, "{from} {clauses}");
    }
}

#[test]
fn dedup_stands_once_among_the_steps_and_before_explode() {
    let [_, with] = FROM;
    for allowed in [
        "where r.ok; let y = r.y; dedup by y, r.at; let z = r.z; where z",
        "dedup by r.x, r.at; explode z in r.z",
    ] {
        assert_eq!(deduplicated(with, allowed), [""; 0], "{allowed}");
    }
    assert_eq!(
        deduplicated(with, "explode z in r.z; dedup by z, r.at"),
        [
            "`explode` stands after `dedup by`: a row goes by its key to where the keys are remembered, and is exploded there"
        ]
    );
    assert_eq!(
        deduplicated(with, "dedup by r.x, r.at; dedup by r.y, r.at"),
        ["a query has one `dedup by` clause"]
    );
    assert_eq!(
        errors(&format!("{with} group by r.at; dedup by r.at; select Out {{ x: count() }}; output append;")),
        ["`dedup by` stands before `group by`"]
    );
}

#[test]
fn keys_of_dedup_are_values_of_the_row() {
    let [_, with] = FROM;
    for (keys, rule) in [
        ("r.x, r.at, (r.x)", "`dedup by` has the key `(r.x)` already"),
        (
            "count(), r.at",
            "`count` aggregates the rows of a group, and in `dedup by` there are no groups yet",
        ),
        ("window(r.at, minutes(5)) unbounded", "`window(…)` is a key of `group by`"),
        ("r.x as x, r.at", "a key of `dedup by` has no name: no clause could use `x`"),
    ] {
        assert_eq!(deduplicated(with, &format!("dedup by {keys}")), [rule]);
    }
    let keys = |number: usize| (0..number).map(|n| format!("r.k{n}")).collect::<Vec<_>>().join(", ");
    assert_eq!(deduplicated(with, &format!("dedup by {} unbounded", keys(12))), [""; 0]);
    assert_eq!(
        deduplicated(with, &format!("dedup by {} unbounded", keys(13))),
        ["a query deduplicates by at most 12 keys"]
    );
}
