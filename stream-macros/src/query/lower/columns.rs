//! Which columns the query reads, so that decoders skip the others.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};

use super::stretch::constant;
use super::{at, mixed};
use crate::query::ast::{JoinKind, QuerySource};
use crate::query::expr::{AliasUse, alias_uses, optional_uses};
use crate::query::plan::{JoinPlan, Plan};

/// The columns of a relation in the order of their first use; `None` if its row is used as a whole.
pub(super) fn columns(plan: &Plan, relation: usize) -> Option<Vec<String>> {
    // A processor is given the row.
    if plan.relations[relation].late.is_some() || plan.process.is_some() {
        return None;
    }
    let alias = plan.relations[relation].alias;
    let optional_from = optional_from(plan, relation);
    let mut columns: Vec<String> = Vec::new();
    for (step, expr) in plan.exprs() {
        let is_optional = optional_from.is_some_and(|join| step.is_none_or(|step| step > join));
        let tokens = expr.to_token_stream();
        let uses = if is_optional { optional_uses(tokens, alias) } else { alias_uses(tokens, alias) };
        for found in uses {
            let AliasUse::Column(column) = found else { return None };
            let column = column.to_string();
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
    }
    Some(columns)
}

/// The step behind which the row is an `Option`: the outer join that may have made it up.
fn optional_from(plan: &Plan, relation: usize) -> Option<usize> {
    let may_miss = |join: &&JoinPlan| match join.clause.kind {
        JoinKind::Left => join.relation == relation,
        JoinKind::Right => join.relation > relation,
        JoinKind::Full => join.relation >= relation,
        JoinKind::Inner | JoinKind::Semi | JoinKind::Anti => false,
    };
    plan.joins.iter().find(may_miss).map(|join| join.step)
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
