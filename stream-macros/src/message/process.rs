//! `process by`.

use syn::{Expr, Ident};

use super::with_help;
use crate::query::ast::{Join, Kind};
use crate::query::text::text;

pub(crate) fn process_without_by() -> String {
    with_help("`process` needs its `by`", "write `process by row.column with MyProcessor;`")
}

pub(crate) fn process_without_with(keys: &[Expr]) -> String {
    let keys: Vec<_> = keys.iter().map(text).collect();
    with_help(
        "`process by` needs `with` and a processor",
        format!("write `process by {} with MyProcessor;`", keys.join(", ")),
    )
}

pub(crate) const COMPLETE_PROCESS: &str = "`output complete` can't be used with `process by`: a processor puts out rows as it goes, and there is no whole result to put out again\nhelp: write `output append;` or `output update;`";

pub(crate) const PROCESSOR_OF_A_ROW: &str = "the processor is the same for every row and can't depend on one\nhelp: it is given each row; write one that does without, such as `MyProcessor`";

pub(crate) fn beside_process(kind: Kind, query: &Ident) -> String {
    with_help(
        format!("`{}` can't stand beside `process by`: the processor makes the result rows", kind.name()),
        format!("remove it, or put it in a second query: `from row in query {query};`"),
    )
}

pub(crate) fn join_before_process(join: &Join) -> String {
    let name = join.kind.name();
    with_help(
        format!("`{name}` can't stand before `process by`: a processor takes rows of one type"),
        format!(
            "put out the rows of the `{name}` in a query of their own, and chain this one: `from row in query OTHER;`"
        ),
    )
}

pub(crate) fn duplicate_process_key(key: &Expr) -> String {
    format!("`process by` has the key `{}` already", text(key))
}

pub(crate) fn too_many_process_keys(most: usize) -> String {
    with_help(format!("a query processes by at most {most} keys"), "combine some of them in one value")
}
