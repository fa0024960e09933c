//! What the columns of the result are, as the state of a query that reads this one depends on it.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::Expr;

use super::info::as_written;
use super::mixed;
use crate::query::expr::peeled;
use crate::query::plan::Plan;
use crate::query::step::{expand, expand_lets};

/// `&[("key", "key"), ("total", "sum(amount)")]`: a `let` and the name of a key stand for their values. What has no name is the row that the
/// other columns are from.
pub(super) fn lower_selected(plan: &Plan) -> TokenStream {
    let written = |expr: &Expr| {
        let keys = plan.group_by.into_iter().flat_map(|clause| &clause.keys);
        let named = keys.filter_map(|key| Some((key.name.as_ref()?, &key.expr)));
        let expanded = named.fold(expr.clone(), |expr, (name, value)| expand(expr, name, value));
        as_written(plan, expand_lets(&plan.steps, &expanded))
    };
    let columns: Vec<(String, String)> = match plan.select.map(|select| peeled(&select.row)) {
        None => Vec::new(),
        Some(Expr::Struct(row)) => {
            let name = |member: &syn::Member| match member {
                syn::Member::Named(name) => name.to_string().replace("r#", ""),
                syn::Member::Unnamed(index) => index.index.to_string(),
            };
            let fields = row.fields.iter().map(|field| (name(&field.member), written(&field.expr)));
            fields.chain(row.rest.as_deref().map(|rest| (String::new(), written(rest)))).collect()
        }
        Some(row) => vec![(String::new(), written(row))],
    };
    let columns = columns.iter().map(|(name, value)| quote_spanned!(mixed()=> (#name, #value)));
    quote_spanned!(mixed()=> &[#(#columns),*])
}
