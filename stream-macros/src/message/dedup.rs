//! `dedup by`.

use syn::{Expr, Ident, Type};

use super::bounds::with_watermark;
use super::{similar, with_help};
use crate::query::ast::{Dedup, From};
use crate::query::text::text;

pub(crate) const EXPLODE_BEFORE_DEDUP: &str = "`explode` stands after `dedup by`: a row goes by its key to where the keys are remembered, and is exploded there\nhelp: write `explode` after `dedup by`";

pub(crate) const SUPERFLUOUS_UNBOUNDED_DEDUP: &str = "`unbounded` isn't true here: the watermark's column is among the keys, and keys that it has passed are dropped\nhelp: remove it";

/// `dedup by KEYS`
fn keys(dedup: &Dedup) -> String {
    let keys: Vec<_> = dedup.keys.iter().map(text).collect();
    format!("dedup by {}", keys.join(", "))
}

pub(crate) fn unbounded_dedup(dedup: &Dedup, from: &From) -> String {
    let keys = keys(dedup);
    match &from.watermark {
        Some(watermark) => with_help(
            "these keys stay in state for ever: the watermark's column isn't among them",
            format!(
                "write `{keys}, {};` if that is the same for all rows of a key, or `{keys} within watermark;`, or `{keys} unbounded;` to keep them all",
                text(&watermark.column)
            ),
        ),
        None => with_help(
            "these keys stay in state for ever: no watermark drops them",
            format!(
                "write `{}` and `{keys} within watermark;`, or `{keys} unbounded;` to keep them all",
                with_watermark(from, &format!("{}.timestamp", from.alias))
            ),
        ),
    }
}

pub(crate) fn within_without_watermark(from: &From) -> String {
    with_help(
        "`within watermark` needs a watermark: its delay is how long a key is remembered",
        format!("write `{}`", with_watermark(from, &format!("{}.timestamp", from.alias))),
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

pub(crate) fn named_dedup_key(key: &Expr, name: &Type) -> String {
    with_help(
        format!("a key of `dedup by` has no name: no clause could use `{}`", text(name)),
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
