//! A join of two streams: the row functions of its sides end in a key, and a condition says which rows of one key match.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::Expr;

use super::row::End;
use super::stretch::constant;
use super::target::Target;
use super::{at, local, mixed, row, runtime};
use crate::query::ast::{JoinKind, Within};
use crate::query::expr::mentions;
use crate::query::join::{Bounds, Side};
use crate::query::plan::{JoinPlan, Plan};

/// `left.join(LeftOuter, &Self::INFO, right, bounds, |o, s| …)`, which gives the rows of the next stretch.
pub(super) fn lower_join(plan: &Plan, number: usize) -> TokenStream {
    let join = plan.stream_joins()[number];
    let runtime = runtime(mixed());
    let left = lower_left(plan, number, join);
    let right = lower_right(plan, join);
    let bounds = lower_bounds(join);
    let condition = lower_condition(plan, number, join);
    let kind = local(match join.clause.kind {
        JoinKind::Inner => "Inner",
        JoinKind::Left => "LeftOuter",
        JoinKind::Right => "RightOuter",
        JoinKind::Full => "FullOuter",
        JoinKind::Semi => "LeftSemi",
        JoinKind::Anti => "LeftAnti",
    });
    // Keys of different types are no match: that is said at the condition.
    let method = syn::Ident::new("join", at(&join.clause.on));
    quote_spanned!(mixed()=> #left.#method(#runtime::#kind, &Self::INFO, #right, #bounds, #condition))
}

/// The row function of what was joined before.
fn lower_left(plan: &Plan, number: usize, join: &JoinPlan) -> TokenStream {
    let target = Target::of_join(plan, number);
    let keys: Vec<_> = join.keys.iter().map(|key| key.left).collect();
    let end = lower_admit(plan, join, Side::Left, &target.last, &keys);
    row::lower_function(plan, number, &target, mixed(), &end)
}

/// The row function of the row that the join adds.
fn lower_right(plan: &Plan, join: &JoinPlan) -> TokenStream {
    let runtime = runtime(mixed());
    let (op, input) = (local("op"), local("input"));
    let keys: Vec<_> = join.keys.iter().map(|key| key.right).collect();
    let admit = lower_admit(plan, join, Side::Right, &op.to_token_stream(), &keys).code;
    let observe = row::lower_observe(plan, join.relation);
    let input = if observe.is_empty() { quote_spanned!(mixed()=> _) } else { input.into_token_stream() };
    let (rows, alias) = (row::lower_rows(plan, join.relation), plan.joined(join).alias);
    quote_spanned! {mixed()=>
        #rows.push(|#alias, #input: &mut #runtime::Reading<_>, #op: &mut #runtime::JoinKey<_>| {
            #observe
            #admit
        })
    }
}

/// `op.admit(event_time, (&o.order_id,), true);`
fn lower_admit(plan: &Plan, join: &JoinPlan, side: Side, op: &TokenStream, keys: &[&Expr]) -> End {
    let runtime = runtime(mixed());
    let time = match (&join.bounds, side) {
        (Bounds::Range(range), Side::Left) => Some(range.left_time.clone()),
        (Bounds::Range(range), Side::Right) => Some(range.right_time.clone()),
        (Bounds::Key { key, .. }, Side::Left) => Some(join.keys[*key].left.clone()),
        (Bounds::Key { key, .. }, Side::Right) => Some(join.keys[*key].right.clone()),
        // Late rows are dropped all the same.
        (Bounds::None, Side::Right) => plan.joined(join).watermark.map(|watermark| watermark.column.clone()),
        (Bounds::None, Side::Left) => plan.watermark_before(join),
    };
    let read = match side {
        Side::Left => Plan::read_by(plan.stretch_of(join.step)),
        Side::Right => Some(join.relation),
    };
    let alone = join.rest.iter().copied().filter(|condition| side_of(plan, join, condition) == Some(side));
    let alone: Vec<_> = alone.collect();
    let exprs = row::all(time.iter().chain(keys.iter().copied()).chain(alone.iter().copied()));
    let time = match time {
        Some(time) => row::lower_event_time(plan, read, &join.clause.keyword, &time),
        None => quote_spanned!(mixed()=> ::core::option::Option::None::<#runtime::Timestamp>),
    };
    let may_match = conjunction(alone.into_iter().map(ToTokens::to_token_stream));
    let keys = row::lower_keys(&join.clause.on, keys);
    let admit = syn::Ident::new("admit", at(&join.clause.on));
    End { code: quote_spanned!(mixed()=> #op.#admit(#time, #keys, #may_match);), exprs }
}

/// The side that a condition alone depends on.
fn side_of(plan: &Plan, join: &JoinPlan, condition: &Expr) -> Option<Side> {
    let is_right = mentions(condition.to_token_stream(), plan.joined(join).alias);
    let left = plan.names_before(join.step);
    let is_left = left.into_iter().any(|name| mentions(condition.to_token_stream(), name));
    match (is_left, is_right) {
        (true, true) => None,
        (_, false) => Some(Side::Left),
        (false, true) => Some(Side::Right),
    }
}

/// `|o, s| within(…) && …`: what has to hold of two rows of one key.
fn lower_condition(plan: &Plan, number: usize, join: &JoinPlan) -> TokenStream {
    let within = match (&join.bounds, &join.clause.within) {
        (Bounds::Range(range), Some(clause)) => {
            Some(lower_within(clause, &range.left_time, &range.right_time, join, range.time_side))
        }
        _ => None,
    };
    let both = join.rest.iter().filter(|condition| side_of(plan, join, condition).is_none());
    let conditions = within.into_iter().chain(both.map(ToTokens::to_token_stream));
    let condition = conjunction(conditions);
    // The `let`s of the left side's last stretch may be in the condition, too.
    let inside = plan.lower_lets(plan.stretch(number), &condition);
    let mut body = inside.clone();
    body.extend(condition.clone());
    let entered = plan.enter(number, &body);
    let (left, prelude) = (entered.pattern, entered.prelude);
    let alias = plan.joined(join).alias;
    let right = if mentions(condition.clone(), alias) {
        alias.to_token_stream()
    } else {
        quote_spanned!(mixed()=> _)
    };
    if prelude.is_empty() && inside.is_empty() {
        return quote_spanned!(mixed()=> |#left, #right| #condition);
    }
    quote_spanned! {mixed()=>
        |#left, #right| {
            #prelude
            #inside
            #condition
        }
    }
}

/// `within(event_time(s.ship_time), event_time(o.order_time), Self::WITHIN_1)`
fn lower_within(clause: &Within, left: &Expr, right: &Expr, join: &JoinPlan, time_side: Side) -> TokenStream {
    let (runtime, range) = (runtime(mixed()), constant("WITHIN", join.relation));
    let (left, right) = (row::event_time(&clause.keyword, left), row::event_time(&clause.keyword, right));
    let (time, base) = if time_side == Side::Left { (left, right) } else { (right, left) };
    quote_spanned!(mixed()=> #runtime::within(#time, #base, Self::#range))
}

/// The conditions with `&&` between them, each with the user's own tokens; `true` if there is none.
fn conjunction(conditions: impl Iterator<Item = TokenStream>) -> TokenStream {
    let mut all: Option<TokenStream> = None;
    for condition in conditions {
        all = Some(match all {
            None => condition,
            Some(before) => quote_spanned!(mixed()=> #before && #condition),
        });
    }
    all.unwrap_or_else(|| quote_spanned!(mixed()=> true))
}

/// `Bounds::right_within(Self::WITHIN_1)`
fn lower_bounds(join: &JoinPlan) -> TokenStream {
    let (runtime, within) = (runtime(mixed()), constant("WITHIN", join.relation));
    match &join.bounds {
        Bounds::None => quote_spanned!(mixed()=> #runtime::Bounds::NONE),
        Bounds::Key { .. } => quote_spanned!(mixed()=> #runtime::Bounds::SAME_TIME),
        Bounds::Range(range) => {
            let method = local(if range.time_side == Side::Left { "left_within" } else { "right_within" });
            quote_spanned!(mixed()=> #runtime::Bounds::#method(Self::#within))
        }
    }
}
