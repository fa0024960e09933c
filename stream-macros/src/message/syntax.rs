//! What the parser says.

use syn::Ident;

use super::{similar, with_help};
use crate::query::ast::{Kind, Mode};

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

fn usage(kind: Kind) -> &'static str {
    match kind {
        Kind::From => "from row in input;",
        Kind::Join => "join other in input on other.id == row.id;",
        Kind::Where => "where row.column == value;",
        Kind::Let => "let name = row.column;",
        Kind::Explode => "explode item in row.column.split(' ');",
        Kind::Dedup => "dedup by row.id, row.timestamp;",
        Kind::GroupBy => "group by window(row.timestamp, minutes(5)), row.column;",
        Kind::Process => "process by row.column with MyProcessor;",
        Kind::Select => "select Result { column: row.column };",
        Kind::Having => "having count() > 1;",
        Kind::OrderBy => "order by column desc;",
        Kind::Limit => "limit 10;",
        Kind::Output => "output append;",
    }
}

/// A join with all of its parts.
pub(super) const JOIN: &str = "join other in input watermark(other.timestamp, minutes(10)) on other.id == row.id within other.timestamp in row.timestamp ..= row.timestamp + hours(1);";

const CLAUSES: &str = "a query's clauses are `from`, `join`, `where`, `let`, `explode`, `dedup by`, `group by`, `process by`, `select`, `having`, `order by`, `limit` and `output`";

pub(crate) fn clause_expected() -> String {
    with_help("a clause is expected here", CLAUSES)
}

pub(crate) fn unknown_clause(keyword: &Ident) -> String {
    let word = keyword.to_string();
    let meant = match word.as_str() {
        "filter" | "and" => Some("where"),
        "map" | "return" | "project" | "yield" => Some("select"),
        "groupby" | "group_by" | "by" | "window" | "session" => Some("group by"),
        "emit" | "mode" | "output_mode" => Some("output"),
        "distinct" | "unique" | "deduplicate" | "drop_duplicates" => Some("dedup by"),
        "flat_map" | "unnest" | "for" => Some("explode"),
        "inner" | "cross" | "outer" | "lookup" => Some("join"),
        "sort" | "sort_by" | "orderby" | "order_by" => Some("order by"),
        "top" | "take" | "first" => Some("limit"),
        "transform" | "map_groups" | "with" => Some("process by"),
        _ => similar(&word, Kind::ALL.map(Kind::keyword))
            .and_then(|found| Kind::ALL.into_iter().find(|kind| kind.keyword() == found).map(Kind::name)),
    };
    match meant {
        Some(meant) => format!("there is no clause `{word}`; did you mean `{meant}`?"),
        None if word == "watermark" => with_help(
            "`watermark` is part of `from`",
            "write `from row in input watermark(row.timestamp, minutes(10));`",
        ),
        None if word == "late" => with_help(
            "`late into` is part of the `from` or `join` whose late rows it names",
            "write `from row in input watermark(row.timestamp, minutes(10)) late into late_rows;`",
        ),
        None if word == "union" => {
            with_help("`union` is part of `from`", "write `from row in input union other_input;`")
        }
        None if word == "on" || word == "within" => {
            with_help(format!("`{word}` is part of `join`"), format!("leave out the `;` before it: `{JOIN}`"))
        }
        None => with_help(format!("there is no clause `{word}`"), CLAUSES),
    }
}

pub(crate) fn clause_is_empty(kind: Kind) -> String {
    let what = match kind {
        Kind::Where | Kind::Having | Kind::Join => "a condition",
        Kind::Dedup | Kind::GroupBy | Kind::OrderBy => "at least one key",
        Kind::Process => "a key and a processor",
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
