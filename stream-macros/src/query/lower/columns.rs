//! Which columns the query reads, so that decoders skip the others.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};

use super::stretch::constant;
use super::{at, mixed};
use crate::query::ast::QuerySource;
use crate::query::expr::{AliasUse, alias_uses};
use crate::query::plan::Plan;

/// The columns of a relation in the order of their first use; `None` if its row is used as a whole.
pub(super) fn columns(plan: &Plan, relation: usize) -> Option<Vec<String>> {
    // A processor is given the row.
    if plan.relations[relation].late.is_some() || plan.process.is_some() {
        return None;
    }
    let mut columns = Vec::new();
    for found in alias_uses(expressions(plan), plan.relations[relation].alias) {
        let AliasUse::Column(column) = found else { return None };
        let column = column.to_string();
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    Some(columns)
}

/// Every expression of the query over rows, one after the other.
fn expressions(plan: &Plan) -> TokenStream {
    let watermark = plan.from().watermark.map(|watermark| &watermark.column);
    let steps = plan.steps.iter().flat_map(|step| step.exprs());
    let keys = plan.group_by.into_iter().flat_map(|clause| &clause.keys).map(|key| &key.expr);
    let select = plan.select.map(|clause| &clause.row);
    let having = plan.having.map(|clause| &clause.condition);
    let all = watermark.into_iter().chain(steps).chain(keys).chain(select).chain(having);
    let mut tokens = TokenStream::new();
    for expr in all {
        expr.to_tokens(&mut tokens);
        // Keeps the last token of one from being read together with the first of the next.
        syn::Token![;](mixed()).to_tokens(&mut tokens);
    }
    tokens
}

/// `const COLUMNS: u128 = …;` for each stream.
pub(super) fn lower_columns(plan: &Plan) -> TokenStream {
    let streams = (0..plan.relations.len()).filter(|relation| plan.relations[*relation].is_stream());
    let constants = streams.map(|relation| {
        let (name, of) = (constant("COLUMNS", relation), &plan.relations[relation]);
        let set = match (columns(plan, relation), of.query(), of.row()) {
            (Some(names), Some(QuerySource { path, .. }), _) => {
                quote_spanned!(at(path)=> #path::__columns(&[#(#names),*]))
            }
            (Some(names), None, Some(row)) => quote_spanned!(at(row)=> <#row>::__columns(&[#(#names),*])),
            _ => quote_spanned!(mixed()=> ::core::primitive::u128::MAX),
        };
        quote_spanned!(mixed()=> const #name: ::core::primitive::u128 = #set;)
    });
    constants.collect()
}
