//! `dedup by`.

use syn::{Expr, Ident, Type};

use super::bounds::{time_of, with_watermark};
use super::{alternatives, similar, with_help};
use crate::query::ast::{Dedup, Kind, QuerySource};
use crate::query::relation::Relation;
use crate::query::text::text;

/// What makes several rows of one, and therefore stands behind what sends a row to its key.
fn fan_out(is_explode: bool) -> (&'static str, &'static str) {
    if is_explode {
        ("`explode`", "is exploded there")
    } else {
        ("a join with a static input", "looks up its partners there")
    }
}

pub(crate) fn fan_out_before_dedup(is_explode: bool) -> String {
    let (clause, what) = fan_out(is_explode);
    with_help(
        format!(
            "{clause} stands after `dedup by`: a row goes by its key to where the keys are remembered, and {what}"
        ),
        format!("write {} after `dedup by`", if is_explode { clause } else { "this join" }),
    )
}

pub(crate) fn fan_out_before_join(is_explode: bool) -> String {
    let (clause, what) = fan_out(is_explode);
    with_help(
        format!(
            "{clause} stands after a join of two streams: a row goes by its key to where it waits for partners, and {what}"
        ),
        format!("write {} after the join of the streams", if is_explode { clause } else { "this join" }),
    )
}

/// `joins`: whether the query has joins, so that there might be a place for a second one.
pub(crate) fn second_dedup(joins: bool) -> String {
    let keys = "put all keys in one clause, separated by commas";
    if joins {
        return with_help(
            "there is one `dedup by` before a join of two streams, and one behind it",
            format!("{keys}, or write this one on the other side of the join"),
        );
    }
    with_help("a query has one `dedup by` clause", keys)
}

pub(crate) const SUPERFLUOUS_UNBOUNDED_DEDUP: &str = "`unbounded` isn't true here: the watermark's column is among the keys, and keys that it has passed are dropped\nhelp: remove it";

/// `dedup by KEYS`
fn keys(dedup: &Dedup) -> String {
    let keys: Vec<_> = dedup.keys.iter().map(text).collect();
    format!("dedup by {}", keys.join(", "))
}

/// `relation`: whose event time a key could be; there is none after a full join.
pub(crate) fn unbounded_dedup(dedup: &Dedup, relation: Option<&Relation>) -> String {
    let keys = keys(dedup);
    let Some(relation) = relation else {
        return with_help(
            "these keys stay in state for ever: a full join leaves no event time that is always there",
            format!("write `{keys} unbounded;` to keep them all, or deduplicate before the join"),
        );
    };
    let within =
        if relation.query().is_some() { String::new() } else { format!("`{keys} within watermark;`, or ") };
    if relation.has_watermark() {
        return with_help(
            match relation.query() {
                Some(query) => format!(
                    "these keys stay in state for ever: no event time of `{}` is among them",
                    text(&query.path)
                ),
                None => {
                    "these keys stay in state for ever: the watermark's column isn't among them".to_owned()
                }
            },
            format!(
                "write `{keys}, {};` if that is the same for all rows of a key, or {within}`{keys} unbounded;` to keep them all",
                time_of(relation)
            ),
        );
    }
    with_help(
        "these keys stay in state for ever: no watermark drops them",
        format!(
            "write `{}` and `{keys} within watermark;`, or `{keys} unbounded;` to keep them all",
            with_watermark(relation, &time_of(relation))
        ),
    )
}

pub(crate) fn within_without_watermark(dedup: &Dedup, relation: Option<&Relation>) -> String {
    with_help(
        "`within watermark` needs a watermark: its delay is how long a key is remembered",
        match relation {
            Some(relation) => format!("write `{}`", with_watermark(relation, &time_of(relation))),
            None => format!(
                "a full join leaves none; write `{} unbounded;`, or deduplicate before the join",
                keys(dedup)
            ),
        },
    )
}

pub(crate) fn within_watermark_of_a_query(dedup: &Dedup, query: &QuerySource, relation: &Relation) -> String {
    let path = text(&query.path);
    with_help(
        format!(
            "`within watermark` needs a watermark of this query's own, and that of `{path}` comes without a delay"
        ),
        format!("put an event time of `{path}` among the keys: `{}, {};`", keys(dedup), time_of(relation)),
    )
}

pub(crate) fn within_two_watermarks(dedup: &Dedup, relations: &[Relation]) -> String {
    let times: Vec<_> = relations.iter().map(time_of).collect();
    let proposals: Vec<_> = times.iter().map(|time| format!("{}, {time};", keys(dedup))).collect();
    with_help(
        format!(
            "`within watermark` needs one watermark, and these rows have {}: their delays may differ",
            relations.len()
        ),
        format!(
            "put an event time among the keys: {}, or deduplicate before the join",
            alternatives(&proposals)
        ),
    )
}

pub(crate) fn duplicate_dedup_key(key: &Expr) -> String {
    format!("`dedup by` has the key `{}` already", text(key))
}

pub(crate) fn too_many_dedup_keys(most: usize) -> String {
    with_help(format!("a query deduplicates by at most {most} keys"), "combine some of them in one value")
}

pub(crate) fn dedup_without_by() -> String {
    with_help("`dedup` needs its `by`", "write `dedup by row.id, row.timestamp;`")
}

pub(crate) fn named_key(kind: Kind, key: &Expr, name: &Type) -> String {
    with_help(
        format!("a key of `{}` has no name: no clause could use `{}`", kind.name(), text(name)),
        format!("write `{}` alone", text(key)),
    )
}

pub(crate) fn within_without_word() -> String {
    with_help("`within` needs its `watermark`", "write `dedup by row.id within watermark;`")
}

pub(crate) fn unexpected_in_dedup(word: &Ident) -> String {
    let rule = format!("`dedup by` has no part `{word}`");
    match similar(&word.to_string(), ["within", "unbounded"]) {
        Some(meant) => format!("{rule}; did you mean `{meant}`?"),
        None => with_help(rule, "after the keys there may be `within watermark` or `unbounded`"),
    }
}
