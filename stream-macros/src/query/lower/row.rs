//! The row function: `where`, `let`, `explode`, and what a row does to groups or to the result.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprCall, GenericArgument, Ident, PathArguments, Type};

use super::target::Target;
use super::{at, finish, local, mixed, reference, runtime, tuple, tuple_at};
use crate::query::aggregate;
use crate::query::ast::{Dedup, Interval, Retention};
use crate::query::check::PER_TUPLE;
use crate::query::expr::{bare_ident, mentions, peeled};
use crate::query::plan::{Plan, Step};
use crate::query::split::{Aggregate, Split};

/// `.group_by(|click, groups: &mut Groups<…>| { … })`, with the input in front.
pub(super) fn lower_grouping(plan: &Plan, split: &Split) -> TokenStream {
    let target = Target::of_groups(plan);
    let update = lower_update(plan, split, &target.last);
    lower_function(plan, &target, mixed(), update)
}

/// `.select(|click, out: &mut Emitter<Out>| { … }).output::<Append>(…)`, with the input in front.
pub(super) fn lower_selection(plan: &Plan) -> TokenStream {
    let (row, output) = (local("row"), &plan.query.output);
    let target = Target::of_rows(plan);
    let selected = if bare_ident(&plan.select.row) == Some(&plan.from.alias) {
        let view = &plan.select.row;
        let span = at(view);
        let runtime = super::runtime(span);
        quote_spanned!(span=> <#output as #runtime::Schema>::from_view(#view))
    } else {
        finish::lower_row(&plan.select.row).into_token_stream()
    };
    let out = &target.last;
    let emit = quote_spanned! {mixed()=>
        let #row: #output = #selected;
        #out.emit(#row);
    };
    // What is wrong with the result's type is shown at that type.
    let function = lower_function(plan, &target, at(output), emit);
    let (runtime, mode) = (runtime(mixed()), local(plan.mode.type_name()));
    let finish = Ident::new("output", at(output));
    quote_spanned!(mixed()=> #function.#finish::<#runtime::#mode>(Self::INFO))
}

/// The input and its row function, which ends in `end`. `place` is where the method is underlined.
fn lower_function(plan: &Plan, target: &Target, place: Span, end: TokenStream) -> TokenStream {
    let Target { variable, ty, .. } = target;
    let observe = lower_observe(plan);
    let reading =
        if observe.is_empty() { quote_spanned!(mixed()=> _) } else { local("input").into_token_stream() };
    let runtime = runtime(mixed());
    let steps = lower_steps(plan, &plan.steps, false, end);
    let (from, alias) = (lower_from(plan), lower_alias(plan, &[&observe, &steps]));
    let method = Ident::new(target.method, place);
    quote_spanned! {mixed()=>
        #from.#method(|#alias, #reading: &mut #runtime::Reading, #variable: &mut #ty| {
            #observe
            #steps
        })
    }
}

fn lower_from(plan: &Plan) -> TokenStream {
    let row = &plan.input.row;
    let (span, runtime) = (at(row), runtime(at(row)));
    quote_spanned!(span=> #runtime::from::<#row, { Self::COLUMNS }>(&[0]))
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
fn lower_observe(plan: &Plan) -> TokenStream {
    let Some(watermark) = plan.watermark() else { return TokenStream::new() };
    let (input, time) = (local("input"), local("event_time"));
    let value = event_time(&watermark.keyword, &watermark.column);
    quote_spanned! {mixed()=>
        let #time = #value;
        #input.observe(#time);
    }
}

/// `event_time(click.timestamp)`, where the function is underlined at a keyword of the query's.
fn event_time(keyword: &impl ToTokens, column: &Expr) -> TokenStream {
    let span = at(keyword);
    let runtime = runtime(span);
    quote_spanned!(span=> #runtime::event_time(#column))
}

/// The steps from the outside in: everything after an `explode` is inside its loop.
fn lower_steps(plan: &Plan, steps: &[Step], in_loop: bool, end: TokenStream) -> TokenStream {
    let Some((step, rest)) = steps.split_first() else { return end };
    match step {
        Step::Where(clause) => {
            let (keep, condition) = (local("keep"), &clause.condition);
            let bool = quote_spanned!(at(&clause.keyword)=> ::core::primitive::bool);
            let skip =
                if in_loop { quote_spanned!(mixed()=> continue) } else { quote_spanned!(mixed()=> return) };
            let rest = lower_steps(plan, rest, in_loop, end);
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
            let rest = lower_steps(plan, rest, in_loop, end);
            quote_spanned! {mixed()=>
                let #name #ty = #value;
                #rest
            }
        }
        Step::Explode(clause) => {
            let (name, items) = (&clause.name, &clause.items);
            let rest = lower_steps(plan, rest, true, end);
            quote_spanned! {mixed()=>
                for #name in #items {
                    #rest
                }
            }
        }
        // No loop is around it: `explode` stands behind `dedup by`.
        Step::Dedup(clause) => {
            let admit = lower_admit(plan, clause);
            let rest = lower_steps(plan, rest, in_loop, end);
            quote_spanned! {mixed()=>
                if !#admit {
                    return;
                }
                #rest
            }
        }
    }
}

/// Whether the row is the first of its key: `op.admit(event_time, 0, (&click.id, &click.timestamp))`.
fn lower_admit(plan: &Plan, clause: &Dedup) -> TokenStream {
    let (runtime, op) = (runtime(mixed()), local("op"));
    let keys = lower_keys(&clause.keyword, &clause.keys.iter().collect::<Vec<_>>());
    let time = if plan.watermark().is_some() {
        local("event_time").into_token_stream()
    } else {
        quote_spanned!(mixed()=> ::core::option::Option::None::<#runtime::Timestamp>)
    };
    // A key that can't be one is underlined here, too.
    let place = at(&clause.keyword);
    let (admit, unbounded) = (Ident::new("admit", place), Ident::new("admit_unbounded", place));
    match &clause.retention {
        None => quote_spanned!(mixed()=> #op.#admit(#time, 0, #keys)),
        Some(Retention::WithinWatermark { .. }) => {
            quote_spanned!(mixed()=> #op.#admit(#time, Self::DELAY.as_micros(), #keys))
        }
        Some(Retention::Unbounded(_)) => quote_spanned!(mixed()=> #op.#unbounded(#time, #keys)),
    }
}

/// The tuple of keys. A key that can't be one is reported at the tuple: at the key, if it is alone.
fn lower_keys(keyword: &Ident, keys: &[&Expr]) -> TokenStream {
    let span = match keys {
        [only] => only.to_token_stream().span(),
        _ => keyword.span(),
    };
    tuple_at(span, keys.iter().map(|key| reference(key)))
}

/// The keys that stand in the tuple: neither the window or session nor the event time that is the group's label.
pub(super) fn is_plain_key(plan: &Plan, expr: &Expr) -> bool {
    match (plan.interval(), plan.event_time_key) {
        (Some(interval), _) => *expr != Expr::Call(interval.call().clone()),
        (None, Some(key)) => key.expr != *expr,
        (None, None) => true,
    }
}

/// Evaluates the aggregates' arguments once, then updates the row's group or, in its windows, groups.
fn lower_update(plan: &Plan, split: &Split, groups: &TokenStream) -> TokenStream {
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
    let time = if plan.is_watermark_column(interval.time()) {
        local("event_time").into_token_stream()
    } else {
        event_time(&interval.call().func, interval.time())
    };
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
