//! Where rows come from: inputs, unions, other queries, and late rows.

use syn::{Ident, Type};

use super::bounds::{head, time_of};
use super::{similar, with_help};
use crate::query::ast::{Kind, QuerySource};
use crate::query::relation::Relation;
use crate::query::text::text;

pub(crate) fn unexpected_in_source(kind: Kind, word: &Ident) -> String {
    let clause = kind.name();
    let rule = format!("`{clause}` has no part `{word}`");
    let parts: &[&str] =
        if kind == Kind::Join { &["watermark", "late", "on"] } else { &["union", "watermark", "late"] };
    match similar(&word.to_string(), parts.iter().copied()) {
        Some(meant) => format!("{rule}; did you mean `{meant}`?"),
        None if kind == Kind::Join => {
            with_help(rule, "after the input there may be `watermark(…)` and `late into NAME`, and then `on`")
        }
        None => with_help(
            rule,
            "after the input there may be `union OTHER`, `watermark(row.timestamp, minutes(10))` and `late into NAME`",
        ),
    }
}

pub(crate) fn source_part_order(kind: Kind) -> String {
    with_help(
        format!("`{}` has one `watermark(…)` and then one `late into NAME`", kind.name()),
        "write each once, in this order",
    )
}

pub(crate) fn watermark_of_a_query(query: &QuerySource) -> String {
    let path = text(&query.path);
    with_help(
        format!("`query {path}` has a watermark already: that of `{path}` goes on with its rows"),
        "remove this one",
    )
}

pub(crate) fn late_of_a_query(query: &QuerySource) -> String {
    let path = text(&query.path);
    with_help(
        format!(
            "what `{path}` puts out is no input's row any more; rows of it that are late are only counted"
        ),
        format!("write `late into` behind the watermark in `{path}`, for the rows that it reads"),
    )
}

pub(crate) const UNION_OF_QUERIES: &str = "`union` takes inputs of the head\nhelp: declare an input, and feed it with what the other query puts out";

pub(crate) fn union_in_join(first: &Ident) -> String {
    with_help(
        "a join reads one input",
        format!(
            "put `from row in {first} union …;` in a query of its own, and join that: `join row in query OTHER on …;`"
        ),
    )
}

pub(crate) fn late_without_name() -> String {
    with_help("`late` needs its `into` and a name for the late rows", "write `late into late_rows`")
}

pub(crate) fn input_read_twice(name: &Ident, row: &Type) -> String {
    with_help(
        format!("`{name}` is read already: each input of a query has one place"),
        format!(
            "declare a second input, `query NAME({name}: {row}, other: {row})`, and give both the same source",
            row = text(row)
        ),
    )
}

pub(crate) fn query_read_twice(query: &QuerySource) -> String {
    with_help(
        format!("`query {}` is read already: each input of a query has one place", text(&query.path)),
        "write a second query of the same rows, and read that here",
    )
}

pub(crate) fn query_name_taken(query: &QuerySource) -> String {
    let name = &query.name;
    with_help(
        format!("`query {}` is an input called `{name}`, and so is another one", text(&query.path)),
        format!("give the input `{name}` in the head another name"),
    )
}

pub(crate) fn static_in_from(name: &Ident, union: bool) -> String {
    if union {
        return with_help(
            format!("`{name}` is static, and a union is made of streams"),
            format!("remove `static` from `{name}` in the head, or leave it out of the union"),
        );
    }
    with_help(
        format!("`{name}` is static, and a query goes along a stream"),
        format!(
            "remove `static` from `{name}` in the head, or read a stream and look up rows: `join row in {name} on …;`"
        ),
    )
}

pub(crate) fn union_of_other_rows(name: &Ident, row: &str, first: &Ident, of_first: &str) -> String {
    with_help(
        format!(
            "a union is made of rows of one type, and `{name}` has `{row}` where `{first}` has `{of_first}`"
        ),
        format!("declare it as `{name}: {of_first}`, or make a query that turns one into the other"),
    )
}

pub(crate) fn watermark_of_another(alias: &Ident, other: &Ident) -> String {
    with_help(
        format!("a watermark is over a column of its own input, and `{other}` isn't of it"),
        format!("write, for instance, `watermark({alias}.timestamp, minutes(10))`"),
    )
}

pub(crate) fn late_name_taken(name: &Ident) -> String {
    with_help(
        format!("the name `{name}` is taken: an input or other late rows are called so"),
        "choose another one",
    )
}

pub(crate) fn late_name_reserved(name: &Ident) -> String {
    with_help(
        format!("late rows can't be called `{name}`: the query's builder has a method of that name"),
        format!("choose another one, for instance `late into late_{name}`"),
    )
}

pub(crate) fn late_without_watermark(relation: &Relation, name: &Ident) -> String {
    let (head, time) = (head(relation), time_of(relation));
    let end = if relation.join.is_some() { " on …;" } else { ";" };
    with_help(
        "`late into` needs a watermark on this input: without one no row is late",
        format!("write `{head} watermark({time}, minutes(10)) late into {name}{end}`"),
    )
}

pub(crate) const LATE_ROWS_STAY: &str =
    "no row is late here: no clause of this query drops rows that the watermark has passed\nhelp: remove it";

pub(crate) fn inner_query_not_append(query: &QuerySource) -> String {
    let path = text(&query.path);
    with_help(
        format!(
            "`{path}` changes rows that it has put out, and a query that reads it couldn't take them back"
        ),
        format!("write `output append` in `{path}`"),
    )
}

pub(crate) fn no_event_time_of_query(query: &QuerySource, column: &Ident) -> String {
    let path = text(&query.path);
    with_help(
        format!("`{column}` is no event time of `{path}`, so no watermark passes it"),
        format!(
            "use the column that `{path}` selects its window, session or watermark's column into, or select one there; of several keys it is the last"
        ),
    )
}
