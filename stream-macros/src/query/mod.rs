//! The compiler of `stream_query!`: tokens to clauses, clauses to a plan, a plan to code.

pub(crate) mod aggregate;
pub(crate) mod ast;
mod check;
mod draft;
mod expr;
mod fallback;
pub(crate) mod join;
mod lower;
mod parse;
mod plan;
pub(crate) mod relation;
pub(crate) mod split;
mod step;
pub(crate) mod text;

#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;

use crate::report::Report;

/// Compiles a query. With mistakes in it, all of them are reported, and the same items stand beside the
/// errors, so that the rest of the service is still checked.
pub(crate) fn expand(tokens: TokenStream) -> TokenStream {
    let mut report = Report::default();
    let Some(query) = parse::parse_query(tokens, &mut report) else {
        return report.finish();
    };
    let draft = check::place_clauses(&query, &mut report);
    let split = check::check(&draft, &mut report);
    match draft.complete(split) {
        Some(plan) if report.is_empty() => lower::lower(&plan),
        _ => {
            let errors = report.finish();
            let items = fallback::lower(&draft);
            quote::quote!(#errors #items)
        }
    }
}
