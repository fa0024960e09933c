//! Which clauses a query has, and the names in it.

use syn::{Expr, Ident};

use super::{alternatives, similar, with_help};
use crate::query::ast::{Join, JoinKind, Kind, Query};
use crate::query::text::text;

pub(crate) fn duplicate_clause(kind: Kind) -> String {
    let rule = format!("a query has one `{}` clause", kind.name());
    match kind {
        Kind::GroupBy | Kind::Process | Kind::OrderBy => {
            with_help(rule, "put all keys in one clause, separated by commas")
        }
        Kind::Having => with_help(rule, "join the conditions with `&&`"),
        _ => rule,
    }
}

pub(crate) fn clause_out_of_order(kind: Kind, before: Kind) -> String {
    let rule = format!("`{}` stands before `{}`", kind.name(), before.name());
    match kind {
        Kind::Where => with_help(rule, "move it there; a condition on groups is written `having`"),
        _ => with_help(rule, "move it there"),
    }
}

pub(crate) fn missing_clause(kind: Kind, query: &Query) -> String {
    match kind {
        Kind::From => {
            let input =
                query.inputs.first().map_or_else(|| "input".to_owned(), |input| input.name.to_string());
            with_help("this query has no `from` clause", format!("begin it with `from row in {input};`"))
        }
        Kind::Output => with_help(
            "this query has no `output` clause",
            "end it with `output append;`, `output update;` or `output complete;`",
        ),
        _ => with_help(
            format!("this query has no `{}` clause", kind.name()),
            format!("add `{} {} {{ … }};`", kind.name(), text(&query.output)),
        ),
    }
}

pub(crate) fn unknown_input(name: &Ident, known: &[String]) -> String {
    let rule = format!("no input `{name}` in this query");
    match similar(&name.to_string(), known.iter().map(String::as_str)) {
        Some(meant) => format!("{rule}; did you mean `{meant}`?"),
        None if known.is_empty() => with_help(rule, format!("declare it: `query NAME({name}: Row)`")),
        None => with_help(rule, format!("its head declares {}", alternatives(known))),
    }
}

pub(crate) fn unused_input(name: &Ident, is_static: bool) -> String {
    let clause =
        if is_static { format!("join row in {name} on …;") } else { format!("from row in {name};") };
    with_help(format!("no clause reads the input `{name}`"), format!("write `{clause}`, or remove it"))
}

pub(crate) fn duplicate_input(name: &Ident) -> String {
    format!("the input `{name}` is declared twice")
}

pub(crate) fn duplicate_name(name: &Ident) -> String {
    with_help(format!("the name `{name}` is taken in this query"), "choose another one")
}

pub(crate) fn gone(name: &Ident, join: &Join) -> String {
    let clause = join.kind.name();
    let asks = format!("`{name}` isn't there after `{clause}`, which only asks whether a partner exists");
    match join.kind {
        JoinKind::Anti => with_help(asks, format!("leave it out: after `{clause}` there is no row `{name}`")),
        JoinKind::Semi => with_help(
            asks,
            format!("write `join` if you need columns of `{name}`; then a row comes once for each partner"),
        ),
        _ => with_help(
            format!("`{name}` isn't there after `{clause}`: the row that it is computed of may be missing"),
            "write its `let` after the join, where that row is an `Option`",
        ),
    }
}

pub(crate) fn interval_name_taken(function: &str) -> String {
    with_help(
        format!("a key is called `{function}`, and so is `{function}(…)` unless it is given another name"),
        format!("write `{function}(…) as {}`", &function[..1]),
    )
}

pub(crate) fn duplicate_key(key: &Expr) -> String {
    format!("the query groups by `{}` already", text(key))
}
