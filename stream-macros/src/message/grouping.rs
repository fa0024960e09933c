//! Aggregates and keys.

use syn::Ident;

use super::{alternatives, similar, with_help};
use crate::query::aggregate;
use crate::query::ast::Kind;
use crate::query::split::KeyVariable;
use crate::query::text::text;

pub(crate) fn aggregate_before_groups(call: &Ident, kind: Kind) -> String {
    let rule =
        format!("`{call}` aggregates the rows of a group, and in `{}` there are no groups yet", kind.name());
    match kind {
        Kind::Where => with_help(rule, "write a condition on groups as `having`, after `select`"),
        _ => with_help(
            rule,
            format!("use it in `select` or `having`; a function of your own is called `self::{call}(…)`"),
        ),
    }
}

pub(crate) fn nested_aggregate(outer: &Ident, inner: &Ident) -> String {
    with_help(
        format!("`{inner}` can't stand inside `{outer}`: an aggregate takes a value of each row"),
        "aggregate the result of this query in a second query",
    )
}

pub(crate) fn aggregate_arguments(name: &Ident, given: usize) -> String {
    let given = match given {
        0 => "no argument".to_owned(),
        1 => "one argument".to_owned(),
        more => format!("{more} arguments"),
    };
    with_help(
        format!("`{name}` can't be called with {given}"),
        format!("write {}", alternatives(&aggregate::usages(name))),
    )
}

pub(crate) fn aggregate_without_type() -> String {
    with_help(
        "`aggregate` needs the type of your aggregate",
        "write `aggregate::<MyAggregate>(value)`, where `MyAggregate` implements `Aggregate`",
    )
}

pub(crate) fn too_many_aggregates(most: usize) -> String {
    with_help(format!("a query has at most {most} aggregates"), "spread them over two queries")
}

pub(crate) fn too_many_keys(most: usize) -> String {
    with_help(format!("a query groups by at most {most} keys"), "combine some of them in one value")
}

pub(crate) fn not_grouped(column: &str, keys: &[KeyVariable]) -> String {
    let rule = format!("`{column}` is neither grouped nor aggregated");
    let texts: Vec<_> = keys.iter().filter(|key| !key.is_interval).map(|key| text(&key.expr)).collect();
    match similar(column, texts.iter().map(String::as_str)) {
        Some(meant) => format!("{rule}; did you mean `{meant}`?"),
        None => with_help(
            rule,
            format!(
                "add it to `group by`, or take one of the group's values: `first({column})`, `max({column})`"
            ),
        ),
    }
}

pub(crate) const HAVING_WITHOUT_AGGREGATION: &str = "`having` filters groups, and this query has none\nhelp: write a condition on rows as `where`, before `select`";

pub(crate) const SELECT_WITH_REST: &str =
    "`select` lists every field of the result\nhelp: name the remaining fields instead of `..`";

pub(crate) const SUPERFLUOUS_UNBOUNDED: &str =
    "`unbounded` isn't true here: the watermark closes these groups\nhelp: remove it";
