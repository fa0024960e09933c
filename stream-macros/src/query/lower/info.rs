//! The plan as data.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::Expr;

use super::{columns, constants, local, mixed, runtime};
use crate::query::ast::{Dedup, Interval, Retention};
use crate::query::plan::{DedupPlan, Plan};
use crate::query::split::Split;
use crate::query::step::{Step, expand_lets};
use crate::query::text::{text, text_without_alias};

/// `const INFO: PlanInfo = …;`
pub(super) fn lower_info(plan: &Plan) -> TokenStream {
    let runtime = runtime(mixed());
    let (query, mode) = (text(&plan.query.name), local(plan.mode.type_name()));
    let input = lower_input(plan);
    let clauses = plan.steps.iter().map(|step| lower_step(plan, *step));
    let dedup = plan.dedups.first().map(|dedup| lower_dedup(plan, dedup));
    let aggregation = plan.split.as_ref().map(|split| lower_aggregation(plan, split));
    let operators = dedup.into_iter().chain(aggregation);
    let select = plan.select.map_or_else(String::new, |select| as_written(plan, &select.row));
    let having = option(plan.having.map(|having| as_written(plan, &having.condition)));
    quote_spanned! {mixed()=>
        const INFO: #runtime::PlanInfo = #runtime::PlanInfo {
            query: #query,
            inputs: &[#input],
            clauses: &[#(#clauses),*],
            operators: &[#(#operators),*],
            select: #select,
            having: #having,
            mode: #runtime::Mode::#mode,
        };
    }
}

fn as_written(plan: &Plan, tokens: impl ToTokens) -> String {
    text_without_alias(tokens, plan.from().alias, plan.from().input_name())
}

fn option(value: Option<impl ToTokens>) -> TokenStream {
    value.map_or_else(
        || quote!(::core::option::Option::None),
        |value| quote!(::core::option::Option::Some(#value)),
    )
}

fn lower_input(plan: &Plan) -> TokenStream {
    let runtime = runtime(mixed());
    let (name, row) = (text(plan.from().input_name()), text(plan.from().row()));
    let watermark = option(plan.watermark().map(|watermark| {
        let column = as_written(plan, &watermark.column);
        quote_spanned!(mixed()=> #runtime::WatermarkInfo { column: #column, delay: Self::DELAY })
    }));
    let columns = option(columns::columns(plan).map(|columns| quote!(&[#(#columns),*])));
    quote_spanned! {mixed()=>
        #runtime::InputInfo { name: #name, row: #row, watermark: #watermark, columns: #columns }
    }
}

fn lower_step(plan: &Plan, step: Step) -> String {
    match step {
        Step::Join(clause) => format!("join on {}", as_written(plan, &clause.condition)),
        Step::Where(clause) => format!("where {}", as_written(plan, &clause.condition)),
        Step::Let(clause) => format!("let {} = {}", clause.name, as_written(plan, &clause.value)),
        Step::Explode(clause) => format!("explode {} in {}", clause.name, as_written(plan, &clause.items)),
        Step::Dedup(clause) => dedup_clause(plan, clause),
    }
}

/// Keys as a checkpoint's state depends on them: a `let` stands for its value, and the names of keys, which
/// change nothing, are left out.
fn keys_as_written<'a>(plan: &Plan, keys: impl Iterator<Item = &'a Expr>) -> String {
    let keys: Vec<_> = keys.map(|key| as_written(plan, expand_lets(&plan.steps, key))).collect();
    keys.join(", ")
}

fn dedup_clause(plan: &Plan, clause: &Dedup) -> String {
    let retention = match clause.retention {
        None => "",
        Some(Retention::WithinWatermark { .. }) => " within watermark",
        Some(Retention::Unbounded(_)) => " unbounded",
    };
    format!("dedup by {}{retention}", keys_as_written(plan, clause.keys.iter()))
}

fn lower_dedup(plan: &Plan, dedup: &DedupPlan) -> TokenStream {
    let (runtime, clause) = (runtime(mixed()), dedup.clause);
    let within = matches!(clause.retention, Some(Retention::WithinWatermark { .. }));
    let name = if within { "dedupeWithinWatermark" } else { "dedupe" };
    let (text, bounded) = (dedup_clause(plan, clause), within || dedup.time.is_some());
    quote_spanned! {mixed()=>
        #runtime::OperatorInfo {
            name: #name,
            clause: #text,
            window: ::core::option::Option::None,
            aggregates: &[],
            event_time_key: #bounded,
        }
    }
}

fn lower_aggregation(plan: &Plan, split: &Split) -> TokenStream {
    let runtime = runtime(mixed());
    let keys = keys_as_written(plan, split.keys.iter().map(|key| &key.expr));
    let clause = if keys.is_empty() { "group by ()".to_owned() } else { format!("group by {keys}") };
    let name = match plan.interval() {
        Some(Interval::Session(_)) => "sessionWindowStateStoreSaveExec",
        _ => "stateStoreSave",
    };
    let aggregates = split.aggregates.iter().map(|aggregate| {
        let call = Expr::Call(aggregate.call.clone());
        as_written(plan, expand_lets(&plan.steps, &call))
    });
    let window = option(constants::window(plan).map(|window| {
        let slide = if constants::slide(window).is_some() { local("SLIDE") } else { local("WIDTH") };
        let start = window.start.as_ref().map_or_else(
            || quote_spanned!(mixed()=> #runtime::Duration::ZERO),
            |_| quote_spanned!(mixed()=> Self::START),
        );
        quote_spanned!(mixed()=> (Self::WIDTH, Self::#slide, #start))
    }));
    let event_time_key = plan.event_time_key.is_some();
    quote_spanned! {mixed()=>
        #runtime::OperatorInfo {
            name: #name,
            clause: #clause,
            window: #window,
            aggregates: &[#(#aggregates),*],
            event_time_key: #event_time_key,
        }
    }
}
