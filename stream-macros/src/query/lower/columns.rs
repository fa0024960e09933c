//! Which columns the query reads, so that decoders skip the others.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};

use super::{at, mixed};
use crate::query::expr::{AliasUse, alias_uses};
use crate::query::plan::Plan;

/// The columns in the order of their first use; `None` if the row is used as a whole.
pub(super) fn columns(plan: &Plan) -> Option<Vec<String>> {
    let mut columns = Vec::new();
    for found in alias_uses(expressions(plan), plan.from().alias) {
        let AliasUse::Column(column) = found else { return None };
        let column = column.to_string();
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    Some(columns)
}

/// Every expression of the query, one after the other.
fn expressions(plan: &Plan) -> TokenStream {
    let watermark = plan.watermark().map(|watermark| &watermark.column);
    let steps = plan.steps.iter().flat_map(|step| step.exprs());
    let keys = plan.group_by.into_iter().flat_map(|clause| &clause.keys).map(|key| &key.expr);
    let having = plan.having.map(|clause| &clause.condition);
    let all = watermark
        .into_iter()
        .chain(steps)
        .chain(keys)
        .chain(plan.select.map(|clause| &clause.row))
        .chain(having);
    let mut tokens = TokenStream::new();
    for expr in all {
        expr.to_tokens(&mut tokens);
        // Keeps the last token of one from being read together with the first of the next.
        syn::Token![;](mixed()).to_tokens(&mut tokens);
    }
    tokens
}

pub(super) fn lower_columns(plan: &Plan) -> TokenStream {
    let row = plan.from().row();
    let set = columns(plan).map_or_else(
        || quote_spanned!(mixed()=> ::core::primitive::u128::MAX),
        |names| quote_spanned!(at(&row)=> <#row>::__columns(&[#(#names),*])),
    );
    quote_spanned! {mixed()=>
        const COLUMNS: ::core::primitive::u128 = #set;
    }
}
