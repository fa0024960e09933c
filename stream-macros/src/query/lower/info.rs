//! The plan as data.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};

use super::{columns, constants, local, mixed, runtime};
use crate::query::plan::{Plan, Step, expand_lets};
use crate::query::split::Split;
use crate::query::text::{text, text_without_alias};

/// `const INFO: PlanInfo = …;`
pub(super) fn lower_info(plan: &Plan) -> TokenStream {
    let runtime = runtime(mixed());
    let (query, mode) = (text(&plan.query.name), local(plan.mode.type_name()));
    let input = lower_input(plan);
    let clauses = plan.steps.iter().map(|step| lower_step(plan, *step));
    let operator = option(plan.split.as_ref().map(|split| lower_operator(plan, split)));
    let select = as_written(plan, &plan.select.row);
    let having = option(plan.having.map(|having| as_written(plan, &having.condition)));
    quote_spanned! {mixed()=>
        const INFO: #runtime::PlanInfo = #runtime::PlanInfo {
            query: #query,
            inputs: &[#input],
            clauses: &[#(#clauses),*],
            operator: #operator,
            select: #select,
            having: #having,
            mode: #runtime::Mode::#mode,
        };
    }
}

fn as_written(plan: &Plan, tokens: impl ToTokens) -> String {
    text_without_alias(tokens, &plan.from.alias, &plan.input.name)
}

fn option(value: Option<impl ToTokens>) -> TokenStream {
    value.map_or_else(
        || quote!(::core::option::Option::None),
        |value| quote!(::core::option::Option::Some(#value)),
    )
}

fn lower_input(plan: &Plan) -> TokenStream {
    let runtime = runtime(mixed());
    let (name, row) = (text(&plan.input.name), text(&plan.input.row));
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
        Step::Where(clause) => format!("where {}", as_written(plan, &clause.condition)),
        Step::Let(clause) => format!("let {} = {}", clause.name, as_written(plan, &clause.value)),
        Step::Explode(clause) => format!("explode {} in {}", clause.name, as_written(plan, &clause.items)),
    }
}

fn lower_operator(plan: &Plan, split: &Split) -> TokenStream {
    let runtime = runtime(mixed());
    // The clause is what a checkpoint's state depends on: a `let` stands for its value in it, and the names of
    // keys, which change nothing, are left out.
    let keys = split.keys.iter().map(|key| as_written(plan, expand_lets(&plan.steps, &key.expr)));
    let keys: Vec<_> = keys.collect();
    let clause =
        if keys.is_empty() { "group by ()".to_owned() } else { format!("group by {}", keys.join(", ")) };
    let aggregates = split.aggregates.iter().map(|aggregate| {
        let call = syn::Expr::Call(aggregate.call.clone());
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
            name: "stateStoreSave",
            clause: #clause,
            window: #window,
            aggregates: &[#(#aggregates),*],
            event_time_key: #event_time_key,
        }
    }
}
