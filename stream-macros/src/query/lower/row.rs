//! The row function: `where`, `let`, `explode`, and what a row does to groups or to the result.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprCall, GenericArgument, Ident, PathArguments, Type};

use super::{at, constants, finish, local, mixed, reference, runtime, tuple, tuple_at};
use crate::query::aggregate;
use crate::query::check::PER_TUPLE;
use crate::query::expr::{bare_ident, mentions, peeled, same};
use crate::query::plan::{Plan, Step};
use crate::query::split::{Aggregate, Split};

/// `.group_by(|click, groups: &mut Groups<…>| { … })`, with the input in front.
pub(super) fn lower_grouping(plan: &Plan, split: &Split) -> TokenStream {
    let (runtime, groups) = (runtime(mixed()), local("groups"));
    let windowing = lower_windowing(plan);
    let observe = lower_observe(plan, &groups);
    let update = lower_update(plan, split, &groups);
    let steps = lower_steps(&plan.steps, false, update);
    let (from, alias) = (lower_from(plan), lower_alias(plan, &[&observe, &steps]));
    quote_spanned! {mixed()=>
        #from.group_by(|#alias, #groups: &mut #runtime::Groups<#windowing, _, _>| {
            #observe
            #steps
        })
    }
}

/// `.select(|click, out: &mut Emitter<Out>| { … }).output::<Append>(…)`, with the input in front.
pub(super) fn lower_selection(plan: &Plan) -> TokenStream {
    let (runtime, out) = (runtime(mixed()), local("out"));
    let (row, output) = (local("row"), &plan.query.output);
    let observe = lower_observe(plan, &out);
    let selected = if bare_ident(&plan.select.row) == Some(&plan.from.alias) {
        let view = &plan.select.row;
        let span = at(view);
        let runtime = super::runtime(span);
        quote_spanned!(span=> <#output as #runtime::Schema>::from_view(#view))
    } else {
        finish::lower_row(&plan.select.row).into_token_stream()
    };
    let emit = quote_spanned! {mixed()=>
        let #row: #output = #selected;
        #out.emit(#row);
    };
    let steps = lower_steps(&plan.steps, false, emit);
    let (from, alias) = (lower_from(plan), lower_alias(plan, &[&observe, &steps]));
    let mode = local(plan.mode.type_name());
    // What is wrong with the result's type is shown at that type.
    let (select, finish) = (Ident::new("select", at(output)), Ident::new("output", at(output)));
    quote_spanned! {mixed()=>
        #from
            .#select(|#alias, #out: &mut #runtime::Emitter<#output>| {
                #observe
                #steps
            })
            .#finish::<#runtime::#mode>(Self::INFO)
    }
}

fn lower_from(plan: &Plan) -> TokenStream {
    let row = &plan.input.row;
    let (span, runtime) = (at(row), runtime(at(row)));
    quote_spanned!(span=> #runtime::from::<#row, { Self::COLUMNS }>())
}

/// The alias, or `_` if nothing in the row function names it.
fn lower_alias(plan: &Plan, body: &[&TokenStream]) -> TokenStream {
    let alias = &plan.from.alias;
    if body.iter().any(|tokens| mentions((*tokens).clone(), alias)) {
        alias.to_token_stream()
    } else {
        quote_spanned!(mixed()=> _)
    }
}

/// The watermark sees every row, whatever `where` says. Its column is read once, for the window too.
fn lower_observe(plan: &Plan, operator: &Ident) -> TokenStream {
    let Some(watermark) = plan.watermark() else { return TokenStream::new() };
    let time = local("event_time");
    let value = event_time(&watermark.keyword, &watermark.column);
    let observe = Ident::new("observe", plan.split.as_ref().and_then(blamed).unwrap_or_else(mixed));
    quote_spanned! {mixed()=>
        let #time = #value;
        #operator.#observe(#time);
    }
}

/// `event_time(click.timestamp)`, where the function is underlined at a keyword of the query's.
fn event_time(keyword: &impl ToTokens, column: &Expr) -> TokenStream {
    let span = at(keyword);
    let runtime = runtime(span);
    quote_spanned!(span=> #runtime::event_time(#column))
}

/// The steps from the outside in: everything after an `explode` is inside its loop.
fn lower_steps(steps: &[Step], in_loop: bool, end: TokenStream) -> TokenStream {
    let Some((step, rest)) = steps.split_first() else { return end };
    match step {
        Step::Where(clause) => {
            let (keep, condition) = (local("keep"), &clause.condition);
            let bool = quote_spanned!(at(&clause.keyword)=> ::core::primitive::bool);
            let skip =
                if in_loop { quote_spanned!(mixed()=> continue) } else { quote_spanned!(mixed()=> return) };
            let rest = lower_steps(rest, in_loop, end);
            quote_spanned! {mixed()=>
                let #keep: #bool = #condition;
                if !#keep {
                    #skip;
                }
                #rest
            }
        }
        Step::Let(clause) => {
            let (name, value) = (&clause.name, &clause.value);
            let ty = clause.ty.as_ref().map(|ty| quote_spanned!(mixed()=> : #ty));
            let rest = lower_steps(rest, in_loop, end);
            quote_spanned! {mixed()=>
                let #name #ty = #value;
                #rest
            }
        }
        Step::Explode(clause) => {
            let (name, items) = (&clause.name, &clause.items);
            let rest = lower_steps(rest, true, end);
            quote_spanned! {mixed()=>
                for #name in #items {
                    #rest
                }
            }
        }
    }
}

fn lower_windowing(plan: &Plan) -> TokenStream {
    let runtime = runtime(mixed());
    match (constants::window(plan), plan.event_time_key) {
        (Some(window), _) => constants::windowing(window),
        (None, Some(_)) => quote_spanned!(mixed()=> #runtime::Instants<_>),
        (None, None) => quote_spanned!(mixed()=> #runtime::Unwindowed),
    }
}

/// The keys that stand in the tuple: neither the window nor the event time that is the group's label.
pub(super) fn is_plain_key(plan: &Plan, expr: &Expr) -> bool {
    match (constants::window(plan), plan.event_time_key) {
        (Some(window), _) => *expr != Expr::Call(window.call.clone()),
        (None, Some(key)) => key.expr != *expr,
        (None, None) => true,
    }
}

/// Evaluates the aggregates' arguments once, then updates the row's group or, in its windows, groups.
fn lower_update(plan: &Plan, split: &Split, groups: &Ident) -> TokenStream {
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
    let keys = split.keys.iter().filter(|key| is_plain_key(plan, &key.expr));
    let keys: Vec<_> = keys.collect();
    // A key that can't be one is reported at the tuple: at the key, if it is alone.
    let span = match (keys.as_slice(), plan.group_by) {
        ([only], _) => only.expr.to_token_stream().span(),
        (_, Some(clause)) => clause.keyword.span(),
        (_, None) => mixed(),
    };
    let keys = tuple_at(span, keys.iter().map(|key| reference(&key.expr)));
    let (method, time) = match (constants::window(plan), plan.event_time_key) {
        (Some(window), Some(_)) if plan.watermark().is_some_and(|mark| same(&window.time, &mark.column)) => {
            ("update", local("event_time").into_token_stream())
        }
        (Some(window), _) => ("update", event_time(&window.call.func, &window.time)),
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
