//! What stands beside the errors of a query: the same public items, so that code which uses the query is
//! checked as usual, and the expressions of its clauses, so that rustc checks them and completion works.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{Expr, Ident};

use super::aggregate;
use super::ast::{Clause, Input, Kind, Mode};
use super::expr::{bare_path, mentions};
use super::lower::{Surface, at, lower_surface, reference, runtime};
use super::plan::{Draft, Step};
use super::text::text;

/// Lowers a query with mistakes.
pub(crate) fn lower(draft: &Draft) -> TokenStream {
    let mixed = proc_macro2::Span::mixed_site();
    let (runtime, query) = (runtime(mixed), draft.query);
    let mode = draft.output.given().map_or(Mode::Append, |output| output.mode);
    let mut inputs: Vec<&Input> = Vec::new();
    for input in &query.inputs {
        if !inputs.iter().any(|other| other.name == input.name) {
            inputs.push(input);
        }
    }
    let Some(row) = inputs.first().map(|input| &input.row) else {
        return lower_surface(
            &Surface { query, inputs: &[], mode },
            &TokenStream::new(),
            &TokenStream::new(),
            &TokenStream::new(),
        );
    };
    let (name, output) = (text(&query.name), &query.output);
    let mode_name = Ident::new(mode.type_name(), mixed);
    let info = quote_spanned! {mixed=>
        const INFO: #runtime::PlanInfo = #runtime::PlanInfo {
            query: #name,
            inputs: &[],
            clauses: &[],
            operator: ::core::option::Option::None,
            select: "",
            having: ::core::option::Option::None,
            mode: #runtime::Mode::#mode_name,
        };
    };
    let plan = quote_spanned! {mixed=>
        #runtime::from::<#row, { ::core::primitive::u128::MAX }>()
            .select(|_, _: &mut #runtime::Emitter<#output>| {})
            .output::<#runtime::#mode_name>(Self::INFO)
    };
    let bodies = lower_bodies(draft).unwrap_or_default();
    lower_surface(&Surface { query, inputs: &inputs, mode }, &info, &plan, &bodies)
}

/// A function that is never called and holds the expressions over a row.
fn lower_bodies(draft: &Draft) -> Option<TokenStream> {
    let mixed = proc_macro2::Span::mixed_site();
    let runtime = runtime(mixed);
    let (alias, row) = (&draft.from.given()?.alias, &draft.input()?.row);
    let mut unknown = broken_names(draft);
    let column = draft.watermark().map(|watermark| discard(&watermark.column, &unknown));
    let mut statements: TokenStream = column.into_iter().flatten().collect();
    let mut depth = Vec::new();
    for step in &draft.steps {
        let (expr, name) = (step.expr(), step.name());
        if !is_checkable(expr, &unknown) {
            unknown.extend(name.cloned());
            continue;
        }
        match step {
            Step::Where(clause) => {
                let bool = quote_spanned!(at(&clause.keyword)=> ::core::primitive::bool);
                statements.extend(quote_spanned!(mixed=> let _: #bool = #expr;));
            }
            Step::Let(clause) => {
                let ty = clause.ty.as_ref().map(|ty| quote_spanned!(mixed=> : #ty));
                statements.extend(quote_spanned!(mixed=> let #name #ty = #expr;));
            }
            Step::Explode(_) => {
                // What follows is inside the loop.
                depth.push((std::mem::take(&mut statements), *step));
            }
        }
    }
    let keys = draft.group_by.given().into_iter().flat_map(|clause| &clause.keys);
    let keys = keys.map(|key| key.window.as_ref().map_or(&key.expr, |window| &window.time));
    statements.extend(keys.filter_map(|key| discard(key, &unknown)));
    let select = draft.select.given().map(|clause| &clause.row);
    let having = draft.having.given().map(|clause| &clause.condition);
    let arguments = select.into_iter().chain(having).flat_map(aggregate::arguments);
    statements.extend(arguments.filter_map(|argument| discard(&argument, &unknown)));
    if let (Some(Expr::Struct(row)), Some(false)) = (select, draft.aggregates()) {
        statements.extend(row.fields.iter().filter_map(|field| discard(&field.expr, &unknown)));
    }
    for (before, step) in depth.into_iter().rev() {
        let (name, items) = (step.name(), step.expr());
        statements = quote_spanned!(mixed=> #before for #name in #items { #statements });
    }
    Some(quote_spanned! {mixed=>
        #[allow(warnings, clippy::all, clippy::pedantic)]
        fn clauses(#alias: <#row as #runtime::Schema>::View<'_>) {
            #statements
        }
    })
}

/// `let _ = &expr;`, if the expression means something on its own.
fn discard(expr: &Expr, unknown: &[Ident]) -> Option<TokenStream> {
    let (span, value) = (at(expr), reference(expr));
    is_checkable(expr, unknown).then(|| quote_spanned!(span=> let _ = #value;))
}

/// Whether rustc would report nothing about the expression but the user's own mistakes: no aggregate and no
/// window in it, which aren't functions, and no name whose clause is broken.
fn is_checkable(expr: &Expr, unknown: &[Ident]) -> bool {
    let is_window = |call: &Expr| matches!(call, Expr::Call(call) if bare_path(&call.func).is_some_and(|f| f == "window"));
    aggregate::calls(expr).is_empty()
        && !is_window(expr)
        && !unknown.iter().any(|name| mentions(expr.to_token_stream(), name))
}

/// The names that broken clauses would have given.
fn broken_names(draft: &Draft) -> Vec<Ident> {
    let broken = draft.query.clauses.iter().filter_map(|clause| match clause {
        Clause::Broken(broken) => match broken.kind {
            // A clause with an unknown keyword may have been meant as one of these.
            None | Some(Kind::Let | Kind::Explode) => Some(broken.rest.clone()),
            Some(_) => None,
        },
        _ => None,
    });
    broken
        .filter_map(|rest| match rest.into_iter().nth(1) {
            Some(TokenTree::Ident(name)) => Some(name),
            _ => None,
        })
        .collect()
}
