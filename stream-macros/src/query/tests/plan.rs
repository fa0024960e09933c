//! What the plan says of joins, deduplications and the event times of other queries.

use proc_macro2::TokenStream;
use quote::ToTokens;

use crate::query::join::{Bounds, End};
use crate::query::plan::Plan;
use crate::query::relation::{EventTime, Origin};
use crate::query::text::text;
use crate::query::{check, parse};
use crate::report::Report;

const INPUTS: &str = "orders: Order, shipments: Shipment, catalog: static Product";

/// What a look at the plan of a query says.
fn planned<T>(inputs: &str, clauses: &str, look: impl FnOnce(&Plan) -> T) -> T {
    let source = format!("query Q({inputs}) -> Out {{ {clauses} select Out {{ x: 1 }}; output append; }}");
    let tokens: TokenStream = source.parse().expect("the query is Rust tokens");
    let mut report = Report::default();
    let query = parse::parse_query(tokens, &mut report).expect("the head is whole");
    let draft = check::place_clauses(&query, &mut report);
    let split = check::check(&draft, &mut report);
    assert_eq!(report.texts(), Vec::<String>::new());
    look(&draft.complete(split).expect("nothing is missing"))
}

fn end(end: Option<&End>) -> String {
    let Some(end) = end else { return "none".to_owned() };
    let sign = if end.negative { "-" } else { "+" };
    let limit = if end.inclusive { "inclusive" } else { "exclusive" };
    format!("{sign} {} {limit}", end.offset.map_or_else(|| "0".to_owned(), text))
}

/// The bounds of the query's only join.
fn bounds(clauses: &str) -> String {
    planned("orders: Order, shipments: Shipment", clauses, |plan| match &plan.joins[0].bounds {
        Bounds::None => "none".to_owned(),
        Bounds::Key { key, left, right } => {
            format!("key {key} of {} and {}", left.relation(), right.relation())
        }
        Bounds::Range(range) => format!(
            "{} with {}, {:?} from {} to {}",
            text(&range.left_time),
            text(&range.right_time),
            range.time_side,
            end(range.lower.as_ref()),
            end(range.upper.as_ref())
        ),
    })
}

#[test]
fn a_condition_is_keys_from_left_to_right_and_a_rest() {
    let clauses = "from o in orders; let y = o.y; where y;
        join s in shipments on (s.id == o.id && s.x > o.x) && y == s.y && s.kind == 3 unbounded;
        left join p in catalog on p.id == s.product && f(p, o);";
    let joins = planned(INPUTS, clauses, |plan| {
        let parts = plan.joins.iter().map(|join| {
            let keys: Vec<_> =
                join.keys.iter().map(|key| format!("{} = {}", text(key.left), text(key.right))).collect();
            let rest: Vec<_> = join.rest.iter().map(text).collect();
            (join.step, join.relation, keys.join(", "), rest.join(", "))
        });
        parts.collect::<Vec<_>>()
    });
    let expected =
        [(2, 1, "o.id = s.id, y = s.y", "s.x > o.x, s.kind == 3"), (3, 2, "s.product = p.id", "f(p, o)")];
    let expected = expected.map(|(step, relation, keys, rest)| (step, relation, keys.into(), rest.into()));
    assert_eq!(joins, expected);
}

#[test]
fn a_range_says_how_far_the_time_is_behind_that_of_the_other_side() {
    let from = "from o in orders watermark(o.at, hours(2)); let t = o.at;";
    let join = "join s in shipments watermark(s.at, hours(3)) on s.id == o.id";
    for (within, expected) in [
        (
            "within s.at in o.at ..= t + hours(24)",
            "o.at with s.at, Right from + 0 inclusive to + hours(24) inclusive",
        ),
        ("within t in s.at - DAY .. s.at", "o.at with s.at, Left from - DAY inclusive to + 0 exclusive"),
        ("within s.at in o.at + DAY .. unbounded", "o.at with s.at, Right from + DAY inclusive to none"),
        ("within s.at in .. o.at - DAY unbounded", "o.at with s.at, Right from none to - DAY exclusive"),
        ("unbounded", "none"),
    ] {
        assert_eq!(bounds(&format!("{from} {join} {within};")), expected, "{within}");
    }
}

#[test]
fn equal_event_times_are_found_among_the_keys() {
    let from = "from o in orders watermark(o.at, hours(2)); let t = o.at;";
    let join = "join s in shipments watermark(s.at, hours(3)) on";
    assert_eq!(bounds(&format!("{from} {join} s.id == o.id && t == s.at;")), "key 1 of 0 and 1");
}

#[test]
fn relations_know_where_their_rows_come_from() {
    let clauses = "from o in a union b watermark(o.at, D) late into late_rows; dedup by o.x within watermark;
        semi join s in query m::Stats on s.x == o.x within s.end in o.at ..= o.at + D;
        join p in catalog on p.id == o.id;";
    let relations = planned("a: A, b: A, catalog: static Product", clauses, |plan| {
        let parts = plan.relations.iter().map(|relation| {
            let origin = match &relation.origin {
                Origin::Streams(inputs) => format!("streams {}", inputs.len()),
                Origin::Static(_) => "static".to_owned(),
                Origin::Query(query) => format!("query {}", query.path.to_token_stream()),
                Origin::Unknown => "unknown".to_owned(),
            };
            (relation.alias.to_string(), origin, relation.watermark.is_some(), relation.late.is_some())
        });
        parts.collect::<Vec<_>>()
    });
    let expected = [
        ("o", "streams 2", true, true),
        ("s", "query m :: Stats", false, false),
        ("p", "static", false, false),
    ];
    assert_eq!(relations, expected.map(|(alias, origin, w, l)| (alias.to_owned(), origin.to_owned(), w, l)));
}

/// What a query takes to be event times of the queries that it reads.
fn claims(clauses: &str) -> Vec<String> {
    planned("", clauses, |plan| {
        let claims = plan.claims.iter();
        claims.map(|claim| format!("{}.{}", text(&claim.query.path), claim.column)).collect()
    })
}

#[test]
fn the_columns_of_other_queries_that_have_to_be_event_times_are_listed_once() {
    for (clauses, expected) in [
        ("", vec![]),
        ("dedup by s.x unbounded;", vec![]),
        ("dedup by s.x, s.end;", vec!["Stats.end"]),
        ("dedup by s.end, s.x;", vec!["Stats.x"]),
        ("dedup by s.x, s.end; group by window(s.end, hours(1));", vec!["Stats.end"]),
        ("group by session(s.start, hours(1)), s.x;", vec!["Stats.start"]),
        (
            "join t in query Others on t.x == s.x within t.at in s.end .. s.end + D;",
            vec!["Stats.end", "Others.at"],
        ),
        (
            "join t in query Others on t.x == s.x && t.window == s.window;",
            vec!["Stats.window", "Others.window"],
        ),
        ("join t in query Others on t.x == s.x unbounded;", vec![]),
    ] {
        assert_eq!(claims(&format!("from s in query Stats; {clauses}")), expected, "{clauses}");
    }
}

#[test]
fn a_dedup_knows_the_key_that_is_an_event_time() {
    let time = |clauses: &str| {
        planned("rows: Row", &format!("from r in rows watermark(r.at, D); {clauses}"), |plan| {
            plan.dedups[0].time.as_ref().map(|(key, time)| (*key, matches!(time, EventTime::Watermark(0))))
        })
    };
    assert_eq!(time("dedup by r.x, r.at;"), Some((1, true)));
    assert_eq!(time("let t = r.at; dedup by t, r.x;"), Some((0, true)));
    assert_eq!(time("dedup by r.x within watermark;"), None);
}
