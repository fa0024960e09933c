//! What stands beside the errors of a query: the same public items, so that code which uses the query is
//! checked as usual, and the expressions of its clauses, so that rustc checks them and completion works.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{Expr, Ident};

use super::aggregate;
use super::ast::{Clause, Explode, Input, Key, Kind, Let, Mode, Where};
use super::expr::{interval_calls, mentions};
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
            operators: &[],
            select: "",
            having: ::core::option::Option::None,
            mode: #runtime::Mode::#mode_name,
        };
    };
    let plan = quote_spanned! {mixed=>
        #runtime::from::<#row, { ::core::primitive::u128::MAX }>(&[0])
            .select(|_, _: &mut #runtime::Reading, _: &mut #runtime::Emitter<#output>| {})
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
        let mut exprs = step.exprs().iter();
        if !exprs.all(|expr| is_checkable(expr, &unknown)) {
            unknown.extend(step.name().cloned());
            continue;
        }
        match step {
            Step::Where(Where { keyword, condition }) => {
                let bool = quote_spanned!(at(keyword)=> ::core::primitive::bool);
                statements.extend(quote_spanned!(mixed=> let _: #bool = #condition;));
            }
            Step::Let(Let { name, ty, value, .. }) => {
                let ty = ty.as_ref().map(|ty| quote_spanned!(mixed=> : #ty));
                statements.extend(quote_spanned!(mixed=> let #name #ty = #value;));
            }
            Step::Explode(clause) => {
                // What follows is inside the loop.
                depth.push((std::mem::take(&mut statements), *clause));
            }
            Step::Dedup(clause) => {
                statements.extend(clause.keys.iter().filter_map(|key| discard(key, &unknown)));
            }
        }
    }
    let keys = draft.group_by.given().into_iter().flat_map(|clause| &clause.keys);
    let gaps = keys.clone().filter_map(|key| Some(&key.session()?.gap));
    statements.extend(keys.map(Key::time).chain(gaps).filter_map(|key| discard(key, &unknown)));
    let select = draft.select.given().map(|clause| &clause.row);
    let having = draft.having.given().map(|clause| &clause.condition);
    let arguments = select.into_iter().chain(having).flat_map(aggregate::arguments);
    statements.extend(arguments.filter_map(|argument| discard(&argument, &unknown)));
    if let (Some(Expr::Struct(row)), Some(false)) = (select, draft.aggregates()) {
        statements.extend(row.fields.iter().filter_map(|field| discard(&field.expr, &unknown)));
    }
    for (before, Explode { name, items, .. }) in depth.into_iter().rev() {
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

/// Whether rustc would report nothing about the expression but the user's own mistakes: no aggregate, window or
/// session in it, which aren't functions, and no name whose clause is broken.
fn is_checkable(expr: &Expr, unknown: &[Ident]) -> bool {
    aggregate::calls(expr).is_empty()
        && interval_calls(expr).is_empty()
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
