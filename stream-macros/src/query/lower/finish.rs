//! The finish function: aggregates to values, `select` to a row, `having` to whether the row is wanted.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::{Expr, ExprMethodCall, Ident, Pat, parse_quote_spanned};

use super::update::{accumulator, blamed, is_plain_key};
use super::{at, local, mixed, runtime, tuple};
use crate::query::aggregate;
use crate::query::expr::{bare_ident, mentions, peeled};
use crate::query::plan::Plan;
use crate::query::split::{KeyVariable, Split};

/// `.select::<Out, Append, _>(INFO, |window, (page,), acc| { … })`.
pub(super) fn lower_finish(plan: &Plan, split: &Split) -> TokenStream {
    let (acc, row, runtime) = (local("acc"), local("row"), runtime(mixed()));
    let (output, mode) = (&plan.query.output, local(plan.mode.type_name()));
    let number = split.aggregates.len();
    let values = split.aggregates.iter().enumerate().map(|(index, aggregate)| {
        let (variable, place) = (&aggregate.variable, accumulator(&acc, index, number));
        quote_spanned!(at(&aggregate.call.func)=> let #variable = #place.finish()?;)
    });
    let selected = lower_row(&split.select);
    let having = lower_having(plan, split);
    let used = |key: &KeyVariable| {
        let mut body = split.select.to_token_stream();
        split.having.to_tokens(&mut body);
        if mentions(body, &key.variable) {
            key.variable.to_token_stream()
        } else {
            quote_spanned!(mixed()=> _)
        }
    };
    let in_tuple = split.keys.iter().filter(|key| is_plain_key(plan, &key.expr));
    let keys = tuple(in_tuple.map(used));
    let label = split.keys.iter().find(|key| !is_plain_key(plan, &key.expr));
    let label = label.map_or_else(|| quote_spanned!(mixed()=> ()), used);
    let values: TokenStream = values.collect();
    let acc = if number == 0 { quote_spanned!(mixed()=> _) } else { acc.into_token_stream() };
    let select = Ident::new("select", blamed(split).unwrap_or_else(mixed));
    quote_spanned! {mixed()=>
        .#select::<#output, #runtime::#mode, _>(Self::INFO, |#label, #keys, #acc| {
            #values
            let #row: #output = #selected;
            #having
            ::core::result::Result::Ok(::core::option::Option::Some(#row))
        })
    }
}

fn lower_having(plan: &Plan, split: &Split) -> Option<TokenStream> {
    let (condition, clause) = (split.having.as_ref()?, plan.having?);
    let keep = local("keep");
    let bool = quote_spanned!(at(&clause.keyword)=> ::core::primitive::bool);
    Some(quote_spanned! {mixed()=>
        let #keep: #bool = #condition;
        if !#keep {
            return ::core::result::Result::Ok(::core::option::Option::None);
        }
    })
}

/// The selected row. A field that is a column as it is takes the column's borrowed form too; any other
/// expression has to have the field's type.
pub(super) fn lower_row(row: &Expr) -> Expr {
    let mut row = row.clone();
    if let Expr::Struct(literal) = &mut row {
        for field in &mut literal.fields {
            if is_column(&field.expr) {
                // The function is underlined at the field's name, the column at itself.
                let span = at(&field.member);
                let (runtime, column) = (runtime(span), &field.expr);
                field.expr = parse_quote_spanned!(span=> #runtime::IntoColumn::into_column(#column));
                let member = at(&field.member);
                field.colon_token.get_or_insert_with(|| syn::Token![:](member));
            }
        }
    }
    row
}

fn is_column(expr: &Expr) -> bool {
    match peeled(expr) {
        // Of which type `None` is, the field says.
        Expr::Path(path) => !path.path.is_ident("None"),
        Expr::Field(field) => is_column(&field.base),
        Expr::Call(call) => aggregate::called(call).is_some(),
        Expr::MethodCall(call) => is_column_of_option(call),
        _ => false,
    }
}

/// `s.map(|s| s.carrier)`, `s.and_then(|s| s.note)`: a column of a row that an outer join may have made up.
fn is_column_of_option(call: &ExprMethodCall) -> bool {
    let (1, Some(Expr::Closure(closure))) = (call.args.len(), call.args.first()) else { return false };
    let (1, Some(Pat::Ident(row))) = (closure.inputs.len(), closure.inputs.first()) else { return false };
    let is_field =
        matches!(peeled(&closure.body), Expr::Field(field) if bare_ident(&field.base) == Some(&row.ident));
    is_field && (call.method == "map" || call.method == "and_then") && bare_ident(&call.receiver).is_some()
}
