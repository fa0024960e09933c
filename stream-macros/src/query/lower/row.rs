//! The row function of a stretch: the watermark, then `where`, `let`, `explode`, `dedup by` and static inputs, in order; and at the end what
//! the row is pushed into.

use std::ops::Range;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Ident};

use super::prune;
use super::stretch::{constant, lower_let};
use super::target::Target;
use super::{at, finish, join, local, lookup, mixed, reference, runtime, tuple_at, update};
use crate::query::ast::{Dedup, Retention, Select};
use crate::query::expr::{bare_ident, mentions};
use crate::query::plan::Plan;
use crate::query::split::Split;
use crate::query::step::Step;

/// What a row function ends in.
pub(super) struct End {
    pub(super) code: TokenStream,
    /// The query's own expressions in it. The code has names of its own, which may be spelled like the query's.
    pub(super) exprs: TokenStream,
}

/// `.group_by(|click, groups: &mut Groups<…>| { … })`, with the rows in front.
pub(super) fn lower_grouping(plan: &Plan, split: &Split) -> TokenStream {
    let target = Target::of_groups(plan);
    let keys = split.keys.iter().map(|key| &key.expr);
    let exprs = all(keys.chain(split.aggregates.iter().flat_map(|aggregate| &aggregate.call.args)));
    let end = End { code: update::lower_update(plan, split, &target.last), exprs };
    lower_function(plan, plan.last_stretch(), &target, mixed(), &end)
}

/// `.select(|click, out: &mut Emitter<Out>| { … }).output::<Append>(…)`, with the rows in front.
pub(super) fn lower_selection(plan: &Plan, select: &Select) -> TokenStream {
    let (row, output) = (local("row"), &plan.query.output);
    let target = Target::of_rows(plan);
    let selected = if bare_ident(&select.row).is_some_and(|name| plan.is_alias(name)) {
        let view = &select.row;
        let span = at(view);
        let runtime = super::runtime(span);
        quote_spanned!(span=> <#output as #runtime::Schema>::from_view(#view))
    } else {
        finish::lower_row(&select.row).into_token_stream()
    };
    let out = &target.last;
    let code = quote_spanned! {mixed()=>
        let #row: #output = #selected;
        #out.emit(#row);
    };
    let end = End { code, exprs: select.row.to_token_stream() };
    // What is wrong with the result's type is shown at that type.
    let function = lower_function(plan, plan.last_stretch(), &target, at(output), &end);
    let (runtime, mode) = (runtime(mixed()), local(plan.mode.type_name()));
    let finish = Ident::new("output", at(output));
    quote_spanned!(mixed()=> #function.#finish::<#runtime::#mode>(Self::INFO))
}

/// The rows of a stretch and its row function, which ends in `end`. `place` is where the method is underlined.
pub(super) fn lower_function(
    plan: &Plan,
    stretch: usize,
    target: &Target,
    place: Span,
    end: &End,
) -> TokenStream {
    let rows = match stretch.checked_sub(1) {
        None => {
            let (rows, prune) = (lower_rows(plan, 0), prune::lower_prune(plan));
            quote_spanned!(mixed()=> #rows #prune)
        }
        Some(before) => join::lower_join(plan, before),
    };
    let function = lower_call(plan, stretch, target, place, end);
    quote_spanned!(mixed()=> #rows #function)
}

/// `.push(|click, input: &mut Reading<_>, op: &mut …| { … })`, with the static inputs in front.
pub(super) fn lower_call(
    plan: &Plan,
    stretch: usize,
    target: &Target,
    place: Span,
    end: &End,
) -> TokenStream {
    let observe = if stretch == 0 { lower_observe(plan, 0) } else { TokenStream::new() };
    let tables = lookup::lower_tables(plan, stretch);
    let is_used = !observe.is_empty() || tables.is_some();
    let input = if is_used { local("input").into_token_stream() } else { quote_spanned!(mixed()=> _) };
    let runtime = runtime(mixed());
    let steps = lower_steps(plan, plan.stretch(stretch), false, end);
    let entered = plan.enter(stretch, &exprs_of(plan, plan.stretch(stretch), end));
    let (pattern, prelude) = (entered.pattern, entered.prelude);
    let Target { variable, ty, .. } = target;
    let method = Ident::new(target.method, place);
    quote_spanned! {mixed()=>
        #tables.#method(|#pattern, #input: &mut #runtime::Reading<_>, #variable: &mut #ty| {
            #prelude
            #observe
            #steps
        })
    }
}

/// `from::<Click, { Self::COLUMNS }>(&[0])`
pub(super) fn lower_rows(plan: &Plan, relation: usize) -> TokenStream {
    let columns = constant("COLUMNS", relation);
    let of = &plan.relations[relation];
    if let Some(query) = of.query() {
        let (path, first) = (&query.path, plan.first_input(relation));
        let (span, name) = (at(path), &query.name);
        let runtime = runtime(span);
        return quote_spanned! {span=>
            #runtime::from_query::<_, _, { Self::#columns }>(#path::__claim(#name), #first)
        };
    }
    let inputs = plan.input_numbers(relation).into_iter().map(proc_macro2::Literal::usize_unsuffixed);
    let row = of.row();
    let (span, runtime) = (at(&row), runtime(at(&row)));
    let keep_late = of.late.map(|_| quote_spanned!(span=> .keep_late()));
    quote_spanned!(span=> #runtime::from::<#row, { Self::#columns }>(&[#(#inputs),*]) #keep_late)
}

/// The watermark sees every row, whatever `where` says. Its column is read once, for the window too.
pub(super) fn lower_observe(plan: &Plan, relation: usize) -> TokenStream {
    let Some(watermark) = plan.relations[relation].watermark else { return TokenStream::new() };
    let (input, time) = (local("input"), local("event_time"));
    let value = event_time(&watermark.keyword, &watermark.column);
    quote_spanned! {mixed()=>
        let #time = #value;
        #input.observe(#time);
    }
}

/// An event time: the one that the watermark has read, if the row is that of the relation `read`, or else the expression.
pub(super) fn lower_event_time(
    plan: &Plan,
    read: Option<usize>,
    keyword: &impl ToTokens,
    time: &Expr,
) -> TokenStream {
    if plan.is_at_hand(read, time) {
        local("event_time").into_token_stream()
    } else {
        event_time(keyword, time)
    }
}

/// `event_time(click.timestamp)`, where the function is underlined at a keyword of the query's.
pub(super) fn event_time(keyword: &impl ToTokens, column: &Expr) -> TokenStream {
    let span = at(keyword);
    let runtime = runtime(span);
    quote_spanned!(span=> #runtime::event_time(#column))
}

/// `continue` or `return`: the row goes no further.
pub(super) fn skip(in_loop: bool) -> TokenStream {
    if in_loop { quote_spanned!(mixed()=> continue) } else { quote_spanned!(mixed()=> return) }
}

/// The query's own expressions from there on, up to the end of the stretch.
pub(super) fn exprs_of(plan: &Plan, steps: Range<usize>, end: &End) -> TokenStream {
    let watermark = plan.from().watermark.filter(|_| steps.start == 0).map(|watermark| &watermark.column);
    let times = plan.dedups.iter().filter(|dedup| steps.contains(&dedup.step));
    let times: Vec<_> = times.filter_map(|dedup| plan.dedup_time(dedup)).collect();
    let exprs = plan.steps[steps].iter().flat_map(|step| step.exprs());
    let mut all = all(watermark.into_iter().chain(exprs).chain(&times));
    all.extend(end.exprs.clone());
    all
}

/// Expressions, parted from each other.
pub(super) fn all<'a>(exprs: impl IntoIterator<Item = &'a Expr>) -> TokenStream {
    exprs.into_iter().map(|expr| quote_spanned!(mixed()=> #expr;)).collect()
}

/// The steps from the outside in: everything after an `explode` is inside its loop.
pub(super) fn lower_steps(plan: &Plan, steps: Range<usize>, in_loop: bool, end: &End) -> TokenStream {
    let Some(step) = plan.steps[steps.clone()].first() else { return end.code.clone() };
    let rest = steps.start + 1..steps.end;
    match step {
        Step::Join(clause) => lookup::lower_lookup(plan, clause, rest, in_loop, end),
        Step::Where(clause) => {
            let (keep, condition) = (local("keep"), &clause.condition);
            let bool = quote_spanned!(at(&clause.keyword)=> ::core::primitive::bool);
            let skip = skip(in_loop);
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
            let is_used_here = mentions(exprs_of(plan, rest.clone(), end), &clause.name);
            // It is evaluated where it is used; where it never is, rustc has something to say about it.
            let value =
                (is_used_here || !plan.is_used_behind(rest.end, &clause.name)).then(|| lower_let(clause));
            let rest = lower_steps(plan, rest, in_loop, end);
            quote_spanned!(mixed()=> #value #rest)
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
        // No loop is around it: `explode` and static inputs stand behind `dedup by`.
        Step::Dedup(clause) => {
            let admit = lower_admit(plan, steps.start, clause);
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
fn lower_admit(plan: &Plan, step: usize, clause: &Dedup) -> TokenStream {
    let (runtime, op) = (runtime(mixed()), local("op"));
    let Some(dedup) = plan.dedups.iter().find(|dedup| dedup.step == step) else { return TokenStream::new() };
    let read = Plan::read_by(plan.stretch_of(step));
    let keys = lower_keys(&clause.keyword, &clause.keys.iter().collect::<Vec<_>>());
    // A key that can't be one is underlined here, too.
    let place = at(&clause.keyword);
    let (admit, unbounded) = (Ident::new("admit", place), Ident::new("admit_unbounded", place));
    let time = match plan.dedup_time(dedup) {
        Some(time) => lower_event_time(plan, read, &clause.keyword, &time),
        None => quote_spanned!(mixed()=> ::core::option::Option::None::<#runtime::Timestamp>),
    };
    match &clause.retention {
        None => quote_spanned!(mixed()=> #op.#admit(#time, 0, #keys)),
        Some(Retention::WithinWatermark { .. }) => {
            let delay = constant("DELAY", dedup.watermark.unwrap_or_default());
            quote_spanned!(mixed()=> #op.#admit(#time, Self::#delay.as_micros(), #keys))
        }
        Some(Retention::Unbounded(_)) => quote_spanned!(mixed()=> #op.#unbounded(#time, #keys)),
    }
}

/// The tuple of keys. A key that can't be one is reported at the tuple: at the key, if it is alone.
pub(super) fn lower_keys(keyword: &Ident, keys: &[&Expr]) -> TokenStream {
    let span = match keys {
        [only] => only.to_token_stream().span(),
        _ => keyword.span(),
    };
    tuple_at(span, keys.iter().map(|key| reference(key)))
}
