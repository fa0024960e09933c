//! Every text of `stream_query!` that a user can see.
//!
//! The rule comes first, in one sentence, then `help:` with the clause to write. Lower case, no full stop.

use std::fmt::Display;

use syn::{Expr, Ident};

use crate::query::aggregate;
use crate::query::ast::{From, GroupBy, Kind, Mode, Query};
use crate::query::split::KeyVariable;
use crate::query::text::text;

fn with_help(rule: impl Display, help: impl Display) -> String {
    format!("{rule}\nhelp: {help}")
}

/// `a`, `b` or `c`.
fn alternatives<T: Display>(words: &[T]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// The known word that was probably meant: at most a third of its letters differ.
fn similar<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(3) / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.chars().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

// The head

pub(crate) fn query_head() -> String {
    with_help(
        "`stream_query!` holds one query",
        "write `query NAME(input: Row) -> Result { from row in input; … output append; }`",
    )
}

pub(crate) fn query_without_result() -> String {
    with_help("a query names the struct of its result rows", "write `-> Result` after the inputs")
}

pub(crate) fn one_query_a_macro() -> String {
    with_help("`stream_query!` holds one query", "give the next one a `stream_query!` of its own")
}

// Syntax of clauses

fn usage(kind: Kind) -> &'static str {
    match kind {
        Kind::From => "from row in input;",
        Kind::Where => "where row.column == value;",
        Kind::Let => "let name = row.column;",
        Kind::Explode => "explode item in row.column.split(' ');",
        Kind::GroupBy => "group by window(row.timestamp, minutes(5)), row.column;",
        Kind::Select => "select Result { column: row.column };",
        Kind::Having => "having count() > 1;",
        Kind::Output => "output append;",
    }
}

const CLAUSES: &str =
    "a query's clauses are `from`, `where`, `let`, `explode`, `group by`, `select`, `having` and `output`";

pub(crate) fn clause_expected() -> String {
    with_help("a clause is expected here", CLAUSES)
}

pub(crate) fn unknown_clause(keyword: &Ident) -> String {
    let word = keyword.to_string();
    let meant = match word.as_str() {
        "filter" | "and" => Some("where"),
        "map" | "return" | "project" | "yield" => Some("select"),
        "groupby" | "group_by" | "by" => Some("group by"),
        "emit" | "mode" | "output_mode" => Some("output"),
        "flat_map" | "unnest" | "for" => Some("explode"),
        _ => similar(&word, Kind::ALL.map(Kind::keyword))
            .map(|found| if found == "group" { "group by" } else { found }),
    };
    match meant {
        Some(meant) => format!("there is no clause `{word}`; did you mean `{meant}`?"),
        None if word == "watermark" => with_help(
            "`watermark` is part of `from`",
            "write `from row in input watermark(row.timestamp, minutes(10));`",
        ),
        None => with_help(format!("there is no clause `{word}`"), CLAUSES),
    }
}

pub(crate) fn clause_is_empty(kind: Kind) -> String {
    let what = match kind {
        Kind::Where | Kind::Having => "a condition",
        Kind::GroupBy => "at least one key",
        Kind::Select => "a result row",
        _ => "a value",
    };
    with_help(format!("`{}` needs {what}", kind.name()), format!("write, for instance, `{}`", usage(kind)))
}

pub(crate) fn not_an_expression(kind: Kind, error: &syn::Error) -> String {
    format!("this `{}` isn't a Rust expression: {error}", kind.name())
}

pub(crate) fn name_expected(kind: Kind) -> String {
    with_help(
        format!("`{}` needs a name here", kind.name()),
        format!("write, for instance, `{}`", usage(kind)),
    )
}

pub(crate) fn clause_without_end(clause: &str) -> String {
    with_help("every clause ends in `;`", format!("write `;` after this `{clause}`"))
}

pub(crate) fn clause_without_end_before(clause: &str, next: &Ident) -> String {
    with_help("every clause ends in `;`", format!("write `;` after `{clause}`, before this `{next}`"))
}

pub(crate) fn unexpected_after(clause: &str) -> String {
    with_help(format!("the `{clause}` clause is over before this"), "a clause ends in `;`")
}

pub(crate) fn from_without_in(alias: &Ident) -> String {
    with_help("`from` names a row and the input it comes from", format!("write `from {alias} in input;`"))
}

pub(crate) fn explode_without_in(name: &Ident) -> String {
    with_help(
        "`explode` names an item and what it is taken from",
        format!("write `explode {name} in row.column.split(' ');`"),
    )
}

pub(crate) fn unexpected_in_from(word: &Ident) -> String {
    let rule = format!("`from` has no part `{word}`");
    match similar(&word.to_string(), ["watermark"]) {
        Some(meant) => format!("{rule}; did you mean `{meant}`?"),
        None => with_help(rule, "after the input there may be a `watermark(row.timestamp, minutes(10))`"),
    }
}

pub(crate) fn watermark_arguments() -> String {
    with_help(
        "a watermark is an event-time column and how late a row may be",
        "write `watermark(row.timestamp, minutes(10))`",
    )
}

pub(crate) fn let_without_value(name: &Ident) -> String {
    with_help("`let` needs a value", format!("write `let {name} = row.column;`"))
}

pub(crate) fn group_without_by() -> String {
    with_help("`group` needs its `by`", format!("write `{}`", usage(Kind::GroupBy)))
}

pub(crate) fn output_mode() -> String {
    with_help("`output` needs a mode", "write `output append;`, `output update;` or `output complete;`")
}

pub(crate) fn unknown_mode(word: &Ident) -> String {
    let rule = format!("there is no output mode `{word}`");
    match similar(&word.to_string(), Mode::ALL.map(Mode::name)) {
        Some(meant) => format!("{rule}; did you mean `{meant}`?"),
        None => with_help(rule, "write `output append;`, `output update;` or `output complete;`"),
    }
}

// Which clauses there are

pub(crate) fn duplicate_clause(kind: Kind) -> String {
    let rule = format!("a query has one `{}` clause", kind.name());
    match kind {
        Kind::GroupBy => with_help(rule, "put all keys in one clause, separated by commas"),
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

// Names

pub(crate) fn unknown_input(name: &Ident, known: &[String]) -> String {
    let rule = format!("no input `{name}` in this query");
    match similar(&name.to_string(), known.iter().map(String::as_str)) {
        Some(meant) => format!("{rule}; did you mean `{meant}`?"),
        None if known.is_empty() => with_help(rule, format!("declare it: `query NAME({name}: Row)`")),
        None => with_help(rule, format!("its head declares {}", alternatives(known))),
    }
}

pub(crate) fn unused_input(name: &Ident) -> String {
    with_help(
        format!("no clause reads the input `{name}`"),
        format!("write `from row in {name};`, or remove it"),
    )
}

pub(crate) fn duplicate_input(name: &Ident) -> String {
    format!("the input `{name}` is declared twice")
}

pub(crate) fn duplicate_name(name: &Ident) -> String {
    with_help(format!("the name `{name}` is taken in this query"), "choose another one")
}

pub(crate) fn duplicate_key(key: &Expr) -> String {
    format!("the query groups by `{}` already", text(key))
}

// Watermarks and windows

pub(crate) const NEGATIVE_DELAY: &str =
    "a watermark's delay can't be negative\nhelp: `seconds(0)` is a watermark that waits for no late row";

pub(crate) const WIDTH_NOT_POSITIVE: &str = "a window's width must be greater than zero";

pub(crate) const SLIDE_NOT_POSITIVE: &str =
    "a window's slide must be greater than zero\nhelp: leave `slide` out for windows that don't overlap";

/// What assertions on constants say, which can't name the values.
pub(crate) const SLIDE_EXCEEDS_WIDTH: &str =
    "a window's slide can't be greater than its width: rows between two windows would be lost";

pub(crate) const START_EXCEEDS_SLIDE: &str =
    "a window's start must be less than its slide, or its width if it has none";

pub(crate) fn slide_exceeds_width(slide: &Expr, width: &Expr) -> String {
    with_help(
        SLIDE_EXCEEDS_WIDTH,
        format!(
            "a slide of `{}` needs a width of at least that, and this one is `{}`",
            text(slide),
            text(width)
        ),
    )
}

pub(crate) fn start_exceeds_slide(start: &Expr, slide: &Expr) -> String {
    format!(
        "a window's start moves it by less than its slide, and `{}` isn't less than `{}`",
        text(start),
        text(slide)
    )
}

pub(crate) const SECOND_WINDOW: &str =
    "a query groups by one window\nhelp: window the result of this query in a second query";

pub(crate) const WINDOW_OUTSIDE_GROUP_BY: &str =
    "`window(…)` is a key of `group by`\nhelp: write `group by window(…) as w, …;` and use `w` after it";

pub(crate) fn window_arguments(given: usize) -> String {
    let rule = match given {
        0 => "a window needs an event time and a width",
        1 => "a window needs a width beside its event time",
        _ => "a window has an event time, a width, and the options `slide` and `start` by name",
    };
    with_help(rule, "write `window(row.timestamp, minutes(10), slide = minutes(5), start = minutes(1))`")
}

pub(crate) fn window_option(option: &Expr) -> String {
    let rule = format!("a window has no option `{}`", text(option));
    match similar(&text(option), ["slide", "start"]) {
        Some(meant) => format!("{rule}; did you mean `{meant}`?"),
        None => with_help(rule, "there are `slide = …` and `start = …`"),
    }
}

pub(crate) fn window_option_twice(option: &Expr) -> String {
    format!("the option `{}` is given twice", text(option))
}

pub(crate) fn not_constant(what: &str) -> String {
    with_help(
        format!("the {what} is the same for every row and can't depend on one"),
        "write a constant such as `minutes(5)`",
    )
}

// Aggregates and grouping

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
    let texts: Vec<_> = keys.iter().filter(|key| !key.is_window).map(|key| text(&key.expr)).collect();
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

/// `from click in clicks watermark(click.timestamp, minutes(10));`
fn with_watermark(from: &From, column: &str) -> String {
    format!("from {} in {} watermark({column}, minutes(10));", from.alias, from.input)
}

/// The event-time column to propose.
fn event_time(group_by: Option<&GroupBy>, from: &From) -> String {
    let window = group_by.and_then(|clause| clause.keys.iter().find_map(|key| key.window.as_ref()));
    match (&from.watermark, window) {
        (Some(watermark), _) => text(&watermark.column),
        (None, Some(window)) => text(&window.time),
        (None, None) => format!("{}.timestamp", from.alias),
    }
}

/// `group by KEYS unbounded;`
fn with_unbounded(group_by: &GroupBy) -> String {
    let keys: Vec<_> = group_by
        .keys
        .iter()
        .map(|key| match &key.name {
            Some(name) => format!("{} as {name}", text(&key.expr)),
            None => text(&key.expr),
        })
        .collect();
    format!("group by {} unbounded;", keys.join(", "))
}

/// `group by window(COLUMN, minutes(5)), KEYS;`
fn with_window(group_by: &GroupBy, column: &str) -> String {
    let keys = group_by.keys.iter().filter(|key| key.window.is_none()).map(|key| text(&key.expr));
    let all: Vec<_> = std::iter::once(format!("window({column}, minutes(5))")).chain(keys).collect();
    format!("group by {};", all.join(", "))
}

pub(crate) fn append_of_one_group(from: &From) -> String {
    with_help(
        "`output append` can't be used here: the query's only group is never final, because rows keep coming",
        format!(
            "write `output update;`, or `group by window({}, minutes(5));` with a watermark",
            event_time(None, from)
        ),
    )
}

pub(crate) fn append_without_closing(group_by: &GroupBy, from: &From) -> String {
    let column = event_time(Some(group_by), from);
    let window = group_by.keys.iter().find(|key| key.window.is_some());
    match (&from.watermark, window) {
        (None, Some(_)) => with_help(
            "`output append` needs a watermark on this aggregation: a window's row is final only once the watermark passes its end",
            format!("write `{}`", with_watermark(from, &column)),
        ),
        (None, None) => with_help(
            "`output append` needs groups that a watermark closes, and these stay open for ever",
            format!(
                "write `{}` and `{}`, or `output update;`",
                with_watermark(from, &column),
                with_window(group_by, &column)
            ),
        ),
        (Some(_), Some(_)) => with_help(
            format!(
                "`output append` needs a window over the watermark's column: this watermark tells when `{column}` is complete, and closes no other window"
            ),
            format!("write `{}`, or `output update;`", with_window(group_by, &column)),
        ),
        (Some(_), None) => with_help(
            "`output append` needs an event-time key: the watermark closes windows, and these groups are in none",
            format!("write `{}`, or `output update;`", with_window(group_by, &column)),
        ),
    }
}

pub(crate) fn unbounded_groups(group_by: &GroupBy, from: &From) -> String {
    let column = event_time(Some(group_by), from);
    let window = group_by.keys.iter().any(|key| key.window.is_some());
    let bounded = match (&from.watermark, window) {
        (None, true) => with_watermark(from, &column),
        (None, false) => {
            return with_help(
                "these groups stay in state for ever: no watermark closes them",
                format!("write `{}` if their number is small enough to keep", with_unbounded(group_by)),
            );
        }
        (Some(_), _) => with_window(group_by, &column),
    };
    with_help(
        "these groups stay in state for ever: no watermark closes them",
        format!("write `{bounded}`, or `{}` to keep them all", with_unbounded(group_by)),
    )
}

pub(crate) const COMPLETE_WITHOUT_AGGREGATION: &str = "`output complete` needs an aggregation: the whole result of this query would be every row there ever was\nhelp: write `output append;`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_few_wrong_letters_is_recognised() {
        assert_eq!(similar("click", ["clicks", "orders"]), Some("clicks"));
        assert_eq!(similar("apend", ["append", "update", "complete"]), Some("append"));
        assert_eq!(similar("banana", ["append", "update", "complete"]), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
