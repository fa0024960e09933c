//! What a row does to its group: the aggregates' arguments, evaluated once, and the update of each accumulator.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Expr, ExprCall, GenericArgument, Ident, PathArguments, Type};

use super::row::{lower_event_time, lower_keys};
use super::{at, local, mixed, reference, runtime, tuple};
use crate::query::aggregate;
use crate::query::ast::Interval;
use crate::query::check::PER_TUPLE;
use crate::query::expr::peeled;
use crate::query::plan::Plan;
use crate::query::split::{Aggregate, Split};

/// The keys that stand in the tuple: neither the window or session nor the event time that is the group's label.
pub(super) fn is_plain_key(plan: &Plan, expr: &Expr) -> bool {
    match (plan.interval(), plan.event_time_key) {
        (Some(interval), _) => *expr != Expr::Call(interval.call().clone()),
        (None, Some(key)) => key.expr != *expr,
        (None, None) => true,
    }
}

/// Evaluates the aggregates' arguments once, then updates the row's group or, in its windows, groups.
pub(super) fn lower_update(plan: &Plan, split: &Split, groups: &TokenStream) -> TokenStream {
    let acc = local("acc");
    let (mut arguments, mut updates) = (TokenStream::new(), TokenStream::new());
    let mut types = Vec::new();
    for (index, aggregate) in split.aggregates.iter().enumerate() {
        let span = at(&aggregate.call.func);
        let mut values = Vec::new();
        for (number, argument) in aggregate.call.args.iter().enumerate() {
            if aggregate.function.name == aggregate::CUSTOM {
                // By value: its input may be a tuple made on the spot.
                values.push(argument.to_token_stream());
            } else if is_place(argument) {
                values.push(reference(argument).to_token_stream());
            } else {
                let name = if number == 0 { format!("value_{index}") } else { format!("by_{index}") };
                let (mut name, value) = (local(&name), reference(argument));
                arguments.extend(quote_spanned!(mixed()=> let #name = #value;));
                name.set_span(at(argument));
                values.push(name.to_token_stream());
            }
        }
        let place = accumulator(&acc, index, split.aggregates.len());
        updates.extend(quote_spanned!(span=> #place.update(#(#values),*);));
        types.push(accumulator_type(aggregate));
    }
    let types = nested(types);
    let acc = if split.aggregates.is_empty() { quote_spanned!(mixed()=> _) } else { acc.into_token_stream() };
    let keys: Vec<_> =
        split.keys.iter().map(|key| &key.expr).filter(|expr| is_plain_key(plan, expr)).collect();
    let keys = plan.group_by.map_or_else(|| tuple(keys.iter()), |clause| lower_keys(&clause.keyword, &keys));
    let (method, time) = match (plan.interval(), plan.event_time_key) {
        (Some(interval), _) => ("update", lower_interval(plan, interval)),
        (None, Some(key)) => ("update_at", key.expr.to_token_stream()),
        (None, None) => ("update_untimed", TokenStream::new()),
    };
    let place = blamed(split).or_else(|| Some(at(&plan.group_by?.keyword))).unwrap_or_else(mixed);
    let (method, time) =
        (Ident::new(method, place), (!time.is_empty()).then(|| quote_spanned!(mixed()=> #time,)));
    quote_spanned! {mixed()=>
        #arguments
        #groups.#method(#time #keys, |#acc: &mut #types| {
            #updates
        });
    }
}

/// The event time of a window; that of a session and its gap.
fn lower_interval(plan: &Plan, interval: &Interval) -> TokenStream {
    let time =
        lower_event_time(plan, Plan::read_by(plan.last_stretch()), &interval.call().func, interval.time());
    match interval {
        Interval::Window(_) => time,
        Interval::Session(session) => {
            let gap = &session.gap;
            quote_spanned!(mixed()=> #time, #gap)
        }
    }
}

/// Where calls are underlined that fail if an accumulator is none: at the service's own aggregate, which alone
/// can be that. Errors at one place about one thing are shown once.
pub(super) fn blamed(split: &Split) -> Option<Span> {
    let own = split.aggregates.iter().find(|aggregate| aggregate.function.name == aggregate::CUSTOM);
    own.map(|own| at(&own.call.func))
}

/// Whether an expression only names a place, so that it costs nothing to evaluate it where it is used. Errors
/// about it are then underlined in full.
fn is_place(expr: &Expr) -> bool {
    match peeled(expr) {
        Expr::Path(_) => true,
        Expr::Field(field) => is_place(&field.base),
        _ => false,
    }
}

/// `CountDistinct<_>`
fn accumulator_type(aggregate: &Aggregate) -> TokenStream {
    let span = at(&aggregate.call.func);
    let (runtime, name) = (runtime(span), Ident::new(aggregate.function.accumulator, span));
    if let Some(own) = own_type(&aggregate.call) {
        return quote_spanned!(span=> #runtime::expr::#name<#own>);
    }
    match aggregate.function.inferred {
        0 => quote_spanned!(span=> #runtime::expr::#name),
        1 => quote_spanned!(span=> #runtime::expr::#name<_>),
        _ => quote_spanned!(span=> #runtime::expr::#name<_, _>),
    }
}

/// The `T` of `aggregate::<T>(…)`.
fn own_type(call: &ExprCall) -> Option<&Type> {
    let Expr::Path(path) = &*call.func else { return None };
    let PathArguments::AngleBracketed(list) = &path.path.segments.last()?.arguments else { return None };
    match list.args.first()? {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    }
}

/// `acc.3`, or `acc.1.3` if there are more accumulators than one tuple holds.
pub(super) fn accumulator(acc: &Ident, index: usize, number: usize) -> TokenStream {
    let inner = syn::Index { index: (index % PER_TUPLE) as u32, span: mixed() };
    if number <= PER_TUPLE {
        return quote_spanned!(mixed()=> #acc.#inner);
    }
    let outer = syn::Index { index: (index / PER_TUPLE) as u32, span: mixed() };
    quote_spanned!(mixed()=> #acc.#outer.#inner)
}

/// The tuple type of the accumulators, nested once if one tuple can't hold them.
fn nested(types: Vec<TokenStream>) -> TokenStream {
    if types.len() <= PER_TUPLE { tuple(types) } else { tuple(types.chunks(PER_TUPLE).map(tuple)) }
}
