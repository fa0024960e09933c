//! A join with a static input: rows are looked up in its table, within the row function.

use std::ops::Range;

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Expr;

use super::row::{End, all, exprs_of, lower_keys, lower_steps, skip};
use super::{at, local, mixed, runtime};
use crate::query::ast::{Input, Join, JoinKind};
use crate::query::expr::mentions;
use crate::query::plan::{JoinPlan, Plan};
use crate::query::relation::Origin;

/// `.with((lookup::<Product, _, _>(catalog, |p, slot: &mut KeySlot<_>| slot.set((&p.product_id,))),))`
pub(super) fn lower_tables(plan: &Plan, stretch: usize) -> Option<TokenStream> {
    let joins = of_stretch(plan, stretch);
    if joins.is_empty() {
        return None;
    }
    let runtime = runtime(mixed());
    let lookups = joins.into_iter().map(|join| {
        let relation = plan.joined(join);
        let Origin::Static(Input { name, row, .. }) = relation.origin else { return TokenStream::new() };
        let alias = relation.alias;
        let (slot, keys) = (local("slot"), keys(join, |key| key.right));
        let set = syn::Ident::new("set", at(&join.clause.on));
        let span = at(row);
        let in_row = super::runtime(span);
        let function = quote_spanned!(span=> #in_row::lookup::<#row, _, _>);
        quote_spanned! {mixed()=>
            #function(#name, |#alias, #slot: &mut #runtime::KeySlot<_>| #slot.#set(#keys))
        }
    });
    Some(quote_spanned!(mixed()=> .with((#(#lookups,)*))))
}

/// The joins of a stretch with static inputs.
fn of_stretch<'p, 'a>(plan: &'p Plan<'a>, stretch: usize) -> Vec<&'p JoinPlan<'a>> {
    let steps = plan.stretch(stretch);
    let is_static = |join: &&JoinPlan| matches!(plan.joined(join).origin, Origin::Static(_));
    plan.joins.iter().filter(|join| steps.contains(&join.step)).filter(is_static).collect()
}

fn keys<'a>(
    join: &JoinPlan<'a>,
    side: impl Fn(&crate::query::join::Equality<'a>) -> &'a Expr,
) -> TokenStream {
    lower_keys(&join.clause.on, &join.keys.iter().map(side).collect::<Vec<_>>())
}

/// `for p in input.tables.0.matches((&e.product_id,)) { … }`, and what other kinds of joins make of it.
pub(super) fn lower_lookup(
    plan: &Plan,
    clause: &Join,
    rest: Range<usize>,
    in_loop: bool,
    end: &End,
) -> TokenStream {
    let step = rest.start - 1;
    let Some(join) = plan.joins.iter().find(|join| join.step == step) else { return TokenStream::new() };
    let number = of_stretch(plan, plan.stretch_of(step)).iter().take_while(|other| other.step < step).count();
    let (runtime, input, table) = (runtime(mixed()), local("input"), Literal::usize_unsuffixed(number));
    let keys = keys(join, |key| key.left);
    let matches = syn::Ident::new("matches", at(&clause.on));
    let mut rows = quote_spanned!(mixed()=> #input.tables.#table.#matches(#keys));
    let alias = plan.joined(join).alias;
    let conditions = &join.rest;
    let used_in = |tokens: TokenStream| {
        if mentions(tokens, alias) { alias.to_token_stream() } else { quote_spanned!(mixed()=> _) }
    };
    let pattern = used_in(all(conditions.iter().copied()));
    match clause.kind {
        JoinKind::Semi | JoinKind::Anti => {
            let is_unwanted = match (clause.kind, conditions.is_empty()) {
                (JoinKind::Semi, true) => quote_spanned!(mixed()=> #rows.next().is_none()),
                (JoinKind::Semi, false) => quote_spanned!(mixed()=> !#rows.any(|#pattern| #(#conditions)&&*)),
                (_, true) => quote_spanned!(mixed()=> #rows.next().is_some()),
                (_, false) => quote_spanned!(mixed()=> #rows.any(|#pattern| #(#conditions)&&*)),
            };
            let skip = skip(in_loop);
            let rest = lower_steps(plan, rest, in_loop, end);
            quote_spanned! {mixed()=>
                if #is_unwanted {
                    #skip;
                }
                #rest
            }
        }
        kind => {
            let row = used_in(exprs_of(plan, rest.clone(), end));
            let rest = lower_steps(plan, rest, true, end);
            if !conditions.is_empty() {
                rows = quote_spanned!(mixed()=> #rows.filter(|&#pattern| #(#conditions)&&*));
            }
            if kind == JoinKind::Left {
                rows = quote_spanned!(mixed()=> #runtime::or_null(#rows));
            }
            quote_spanned! {mixed()=>
                for #row in #rows {
                    #rest
                }
            }
        }
    }
}
