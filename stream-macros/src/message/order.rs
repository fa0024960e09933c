//! `order by` and `limit`.

use syn::Ident;

use super::{alternatives, similar, with_help};
use crate::query::ast::Mode;

pub(crate) fn order_without_by() -> String {
    with_help("`order` needs its `by`", "write `order by column desc;`")
}

pub(crate) fn unexpected_in_order(word: &Ident) -> String {
    let rule = format!("a key of `order by` has no part `{word}`");
    let meant = match word.to_string().as_str() {
        "descending" => Some("desc"),
        "ascending" => Some("asc"),
        other => similar(other, ["asc", "desc"]),
    };
    match meant {
        Some(meant) => format!("{rule}; did you mean `{meant}`?"),
        None => with_help(rule, "after the key there may be `asc` or `desc`"),
    }
}

/// `can_complete`: whether the query may be put out in complete mode.
pub(crate) fn order_of_batches(mode: Mode, can_complete: bool) -> String {
    let help = if can_complete { "write `output complete;`, or remove it" } else { "remove it" };
    with_help(
        format!(
            "`order by` needs `output complete` and an aggregation: in {} mode rows come batch by batch, and later ones would belong before earlier ones",
            mode.name()
        ),
        help,
    )
}

/// `aggregates`: whether the query may be put out in complete mode.
pub(crate) fn limit_of_updates(aggregates: bool) -> String {
    let or_complete = if aggregates { ", or `output complete;`" } else { "" };
    with_help(
        "`limit` can't be used in update mode: it counts rows, and an update isn't another row",
        format!("write `output append;`{or_complete}"),
    )
}

pub(crate) fn order_by_no_field(name: &Ident, fields: &[String]) -> String {
    let rule = format!("`order by` is over the fields of the selected row, and `{name}` is none");
    match similar(&name.to_string(), fields.iter().map(String::as_str)) {
        Some(meant) => format!("{rule}; did you mean `{meant}`?"),
        None if fields.is_empty() => with_help(rule, "add it to `select`"),
        None => with_help(rule, format!("write {}, or add a field to `select`", alternatives(fields))),
    }
}

pub(crate) const ORDER_WITHOUT_FIELDS: &str = "`order by` is over the fields that `select` writes, and this `select` writes none\nhelp: write the row as a struct, `select Result { column: row.column };`";

pub(crate) const NEGATIVE_LIMIT: &str =
    "a limit can't be negative\nhelp: leave `limit` out to put out every row";
