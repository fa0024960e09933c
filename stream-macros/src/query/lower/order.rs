//! The end of a plan: the comparison of two result rows that `order by` is, and `limit`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::{Expr, Ident, Member};

use super::{at, local, mixed, runtime};
use crate::query::ast::{OrderBy, OrderKey};
use crate::query::expr::{bare_ident, bound_names, peeled, place_of};
use crate::query::plan::Plan;

/// `.order_by(|left, right| …).limit(Self::LIMIT)`
pub(super) fn lower_ends(plan: &Plan) -> TokenStream {
    let order_by = plan.order_by.map(|clause| lower_order_by(plan, clause));
    let limit = plan.limit.map(|_| {
        let limit = local("LIMIT");
        quote_spanned!(mixed()=> .limit(Self::#limit))
    });
    quote_spanned!(mixed()=> #order_by #limit)
}

/// `.order_by(|left, right| compare(left, right, |row| &row.views).reverse().then_with(|| …))`
fn lower_order_by(plan: &Plan, clause: &OrderBy) -> TokenStream {
    let (left, right) = (local("left"), local("right"));
    let fields = fields(plan);
    let mut keys = clause.keys.iter().map(|key| lower_key(key, &fields));
    let first = keys.next();
    let others = keys.map(|key| quote_spanned!(mixed()=> .then_with(|| #key)));
    quote_spanned!(mixed()=> .order_by(|#left, #right| #first #(#others)*))
}

/// Which of the rows `left` and `right` comes first by a key.
fn lower_key(key: &OrderKey, fields: &[&Ident]) -> TokenStream {
    // A key that has no order is underlined.
    let span = at(&key.expr);
    let (left, right, runtime) = (local("left"), local("right"), runtime(span));
    let row = Ident::new("row", span);
    let closure = match bare_ident(&key.expr) {
        Some(field) if fields.contains(&field) => quote_spanned!(span=> |#row| &#row.#field),
        _ => lower_computed(&key.expr, fields, &row),
    };
    let reverse = key.descending.then(|| quote_spanned!(mixed()=> .reverse()));
    quote_spanned!(span=> #runtime::compare(#left, #right, #closure) #reverse)
}

/// `|row| { let views = Column::view(&row.views); views / 2 }`: the key sees the fields as any expression sees columns.
fn lower_computed(expr: &Expr, fields: &[&Ident], row: &Ident) -> TokenStream {
    let span = row.span();
    let runtime = runtime(span);
    let bound = bound_names(expr);
    let used = fields.iter().filter_map(|field| place_of(expr.to_token_stream(), field));
    let bindings: Vec<_> = used
        .map(|name| {
            // The key has a variable of that name, and may have no other use of it.
            let allow = bound.contains(&name).then(|| quote_spanned!(span=> #[allow(unused_variables)]));
            quote_spanned!(span=> #allow let #name = #runtime::Column::view(&#row.#name);)
        })
        .collect();
    if bindings.is_empty() {
        quote_spanned!(span=> |_| #expr)
    } else {
        quote_spanned!(span=> |#row| { #(#bindings)* #expr })
    }
}

/// The fields that `select` writes.
fn fields<'a>(plan: &Plan<'a>) -> Vec<&'a Ident> {
    let Some(Expr::Struct(row)) = plan.select.map(|select| peeled(&select.row)) else { return Vec::new() };
    let named = row.fields.iter().filter_map(|field| match &field.member {
        Member::Named(name) => Some(name),
        Member::Unnamed(_) => None,
    });
    named.collect()
}
