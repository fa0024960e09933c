//! `join`.

use quote::ToTokens;
use syn::{Expr, Ident};

use super::bounds::{head, time_of, with_watermark};
use super::syntax::JOIN;
use super::{similar, with_help};
use crate::query::ast::{Join, JoinKind, Within};
use crate::query::join::RangeProblem;
use crate::query::relation::Relation;
use crate::query::text::text;

pub(crate) fn kind_without_join(kind: JoinKind) -> String {
    with_help(
        format!("`{}` needs its `join`", kind.keyword()),
        format!("write `{} other in input on other.id == row.id;`", kind.name()),
    )
}

pub(crate) fn join_without_in(kind: JoinKind, alias: &Ident) -> String {
    let name = kind.name();
    with_help(
        format!("`{name}` names a row and the input it comes from"),
        format!("write `{name} {alias} in input on {alias}.id == row.id;`"),
    )
}

pub(crate) fn join_without_on(kind: JoinKind, alias: &Ident) -> String {
    let name = kind.name();
    with_help(
        format!("`{name}` needs `on` and a condition"),
        format!("write, for instance, `{name} {alias} in input on {alias}.id == row.id;`"),
    )
}

pub(crate) fn unexpected_in_join(word: &Ident) -> String {
    let rule = format!("`join` has no part `{word}`");
    match similar(&word.to_string(), ["within", "unbounded"]) {
        Some(meant) => format!("{rule}; did you mean `{meant}`?"),
        None => with_help(rule, "after the condition there may be `within TIME in RANGE` and `unbounded`"),
    }
}

pub(crate) fn within_without_range() -> String {
    with_help(
        "`within` needs an event time and a range of event times of the other row",
        format!("write, for instance, `{JOIN}`"),
    )
}

pub(crate) fn join_without_key(join: &Join, earlier: Option<&Ident>) -> String {
    let (name, alias) = (join.kind.name(), &join.alias);
    let earlier = earlier.map_or_else(|| "row".to_owned(), ToString::to_string);
    with_help(
        format!(
            "`{name}` needs an equality: partners are found by a key, one side of `{alias}` alone and the other of what stands before"
        ),
        format!("write, for instance, `on {alias}.id == {earlier}.id && …`"),
    )
}

pub(crate) fn too_many_join_keys(most: usize) -> String {
    with_help(format!("a join has at most {most} equalities"), "combine some of them in one value")
}

/// `remedy`: the clauses that would bound the join.
pub(crate) fn unbounded_join(join: &Join, remedy: &str) -> String {
    let rule = format!(
        "these rows stay in state for ever: nothing tells when no partner can come any more{}",
        if join.kind == JoinKind::Inner { "" } else { ", so that the join can't know who has none" }
    );
    with_help(rule, or_unbounded(join, remedy))
}

/// `stays`: the alias whose rows have no end.
pub(crate) fn half_a_range(join: &Join, stays: &str, remedy: &str) -> String {
    with_help(
        format!("rows of `{stays}` stay in state for ever: this range bounds those of the other side alone"),
        or_unbounded(join, remedy),
    )
}

fn or_unbounded(join: &Join, remedy: &str) -> String {
    if join.kind == JoinKind::Inner {
        format!("{remedy}, or `unbounded` to keep them all")
    } else {
        remedy.to_owned()
    }
}

pub(crate) fn unbounded_outer(join: &Join, remedy: &str) -> String {
    let name = join.kind.name();
    with_help(
        format!(
            "`{name}` can't be `unbounded`: it puts out a row when no partner can come any more, and that would never be"
        ),
        remedy,
    )
}

pub(crate) const SUPERFLUOUS_UNBOUNDED_JOIN: &str =
    "`unbounded` isn't true here: rows leave the state when no partner can come any more\nhelp: remove it";

pub(crate) const SUPERFLUOUS_WITHIN: &str =
    "`within` says nothing here: the event times of both sides are equal already\nhelp: remove it";

pub(crate) const EMPTY_RANGE: &str =
    "no event time is in this range: it ends before it begins\nhelp: write the lower end first";

pub(crate) const AFTER_FULL_JOIN: &str =
    "a full join leaves no event time that is always there; join its result in another query";

/// A relation's clause with a watermark over that column.
pub(crate) fn watermark_of(relation: &Relation, column: &Expr) -> String {
    format!("write `{}`", with_watermark(relation, &text(column)))
}

/// `within` over the event times of both sides, and the watermarks that it needs.
pub(crate) fn with_within(left: &Relation, right: &Relation) -> String {
    let (base, time) = (time_of(left), time_of(right));
    let within = format!("within {time} in {base} ..= {base} + hours(1)");
    let missing = [left, right].into_iter().filter(|relation| !relation.has_watermark());
    let missing: Vec<_> = missing
        .map(|relation| format!("`{} watermark({}, minutes(10))`", head(relation), time_of(relation)))
        .collect();
    if missing.is_empty() {
        return format!("write `{within}` after the condition");
    }
    format!("write {} and `{within}` after the condition", missing.join(", "))
}

/// `within` with the end that is missing.
pub(crate) fn with_both_ends(within: &Within, lower_is_missing: bool) -> String {
    let (time, range) = (text(&within.time), &within.range);
    let base = |end: &Option<Box<Expr>>| match end.as_deref() {
        Some(Expr::Binary(binary)) => text(&binary.left),
        Some(other) => text(other),
        None => String::new(),
    };
    let limits = text(range.limits);
    if lower_is_missing {
        format!("write `within {time} in {} - hours(1) {limits} {}`", base(&range.end), text(&range.end))
    } else {
        format!("write `within {time} in {} ..= {} + hours(1)`", text(&range.start), base(&range.start))
    }
}

pub(crate) fn within_problem(problem: &RangeProblem) -> String {
    match problem {
        RangeProblem::NoEventTime(expr, Some(relation)) if !relation.has_watermark() => {
            if relation.is_stream() {
                with_help(
                    format!("`within` needs watermarks on both sides, and `{}` has none", relation.alias),
                    format!("write `{}`", with_watermark(relation, &text(expr))),
                )
            } else {
                with_help(
                    "`within` is over event times of streams, and this is a static input's",
                    "write it as a condition behind `on`",
                )
            }
        }
        RangeProblem::NoEventTime(expr, Some(relation)) => with_help(
            format!(
                "`within` is over the watermarks' columns, and that of `{}` is `{}`",
                relation.alias,
                time_of(relation)
            ),
            format!(
                "write `{time}`, in the range also `{time} + minutes(5)`; what else has to hold of `{}` can be a condition behind `on`",
                text(expr),
                time = time_of(relation),
            ),
        ),
        RangeProblem::NoEventTime(expr, None) => with_help(
            format!("`{}` is the event time of neither side", text(expr)),
            format!("write, for instance, `{JOIN}`"),
        ),
        RangeProblem::SameSide(expr) => with_help(
            format!("`{}` is of the same side as the time that has to be in the range", text(expr)),
            format!("write a range over the event time of the other side, for instance `{JOIN}`"),
        ),
        RangeProblem::TwoBases(expr) => with_help(
            format!("both ends of `within` are over one event time, and `{}` is another", text(expr)),
            "take one of them in `within`, and write the other as a condition behind `on`",
        ),
        RangeProblem::OffsetOfRow(expr) => with_help(
            format!(
                "how far apart two rows may be is the same for all, and `{}` depends on a row",
                text(expr.to_token_stream())
            ),
            "write a constant such as `hours(1)`, and the rest as a condition behind `on`",
        ),
    }
}

pub(crate) fn static_preserved(join: &Join) -> String {
    let (name, alias) = (join.kind.name(), &join.alias);
    with_help(
        format!(
            "`{name}` can't be used with a static input: a row of `{alias}` without a partner would never come out, since one may still come"
        ),
        format!("write `left join {alias} in …`, which keeps the stream's rows, or `join`"),
    )
}

pub(crate) fn static_part(part: &str, join: &Join) -> String {
    let input = &join.source.names()[0];
    with_help(
        format!("`{part}` is for streams, and `{input}` is a static input: its rows are there at any time"),
        "remove it",
    )
}
