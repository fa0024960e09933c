//! The plan as data.

use std::fmt::Write;

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Expr;

use super::stretch::constant;
use super::{columns, constants, local, mixed, runtime, selected};
use crate::query::ast::{
    Dedup, Input, Interval, Join, Mode, OrderBy, OrderKey, Process, Retention, Source, Within,
};
use crate::query::expr::peeled;
use crate::query::join::{Bounds, Side};
use crate::query::plan::{DedupPlan, JoinPlan, Plan};
use crate::query::relation::{EventTime, Origin, Relation};
use crate::query::split::Split;
use crate::query::step::{Step, expand_lets};
use crate::query::text::{text, text_by_inputs};

/// `const INFO: PlanInfo = …;`
pub(super) fn lower_info(plan: &Plan) -> TokenStream {
    let runtime = runtime(mixed());
    let (query, mode) = (text(&plan.query.name), local(plan.mode.type_name()));
    let inputs = plan.streams().into_iter().map(|input| lower_input(plan, input));
    let (mut operators, mut queries) = (Vec::new(), Vec::new());
    let mut read = |relation: usize, operators: &[TokenStream]| {
        if let Some(query) = plan.relations[relation].query() {
            let (name, path) = (text(&query.name), &query.path);
            let before = Literal::usize_unsuffixed(operators.len());
            let columns = lower_columns(plan, relation);
            queries.push(quote_spanned! {mixed()=>
                #runtime::QueryInfo { name: #name, operators_before: #before, columns: #columns, plan: &#path::INFO }
            });
        }
    };
    read(0, &operators);
    for stretch in 0..=plan.last_stretch() {
        let steps = plan.stretch(stretch);
        let dedups = plan.dedups.iter().filter(|dedup| steps.contains(&dedup.step));
        operators.extend(dedups.map(|dedup| lower_dedup(plan, dedup)));
        if let Some(join) = plan.stream_joins().get(stretch) {
            read(join.relation, &operators);
            operators.push(lower_join(plan, join));
        }
    }
    operators.extend(plan.process.map(|process| lower_processor(plan, process)));
    operators.extend(plan.split.as_ref().map(|split| lower_aggregation(plan, split)));
    let clauses = plan.steps.iter().map(|step| lower_step(plan, *step));
    let from = lower_rows(plan, 0);
    let joins = plan.joins.iter().map(|join| lower_join_info(plan, join));
    let statics = plan.query.inputs.iter().filter(|input| input.fixed.is_some()).map(|input| {
        let (name, row) = (text(&input.name), text(&input.row));
        quote_spanned!(mixed()=> (#name, #row))
    });
    let select = plan.select.map_or_else(String::new, |select| as_written(plan, &select.row));
    let selected = selected::lower_selected(plan);
    let having = option(plan.having.map(|having| as_written(plan, &having.condition)));
    let order_by = option(plan.order_by.map(order_keys));
    let limit = option(plan.limit.map(|_| limit_constant()));
    operators.extend(plan.limit.filter(|_| plan.mode == Mode::Append).map(|_| lower_limit()));
    let (vis, times) = (&plan.query.vis, &plan.event_times);
    quote_spanned! {mixed()=>
        #[doc(hidden)]
        #vis const EVENT_TIMES: &'static [&'static ::core::primitive::str] = &[#(#times),*];
        #[doc(hidden)]
        #vis const INFO: #runtime::PlanInfo = #runtime::PlanInfo {
            query: #query,
            inputs: &[#(#inputs),*],
            queries: &[#(#queries),*],
            statics: &[#(#statics),*],
            from: #from,
            joins: &[#(#joins),*],
            clauses: &[#(#clauses),*],
            operators: &[#(#operators),*],
            select: #select,
            selected: #selected,
            having: #having,
            order_by: #order_by,
            limit: #limit,
            mode: #runtime::Mode::#mode,
        };
    }
}

/// `views desc, page`
fn order_keys(clause: &OrderBy) -> String {
    let key = |key: &OrderKey| {
        let expr = text(&key.expr);
        if key.descending { format!("{expr} desc") } else { expr }
    };
    clause.keys.iter().map(key).collect::<Vec<_>>().join(", ")
}

fn limit_constant() -> TokenStream {
    let limit = local("LIMIT");
    quote_spanned!(mixed()=> Self::#limit)
}

/// The count of a `limit`, whose clause leaves the number out, with which it may go on when that has changed.
fn lower_limit() -> TokenStream {
    let runtime = runtime(mixed());
    quote_spanned! {mixed()=>
        #runtime::OperatorInfo {
            name: "globalLimit",
            clause: "limit",
            window: ::core::option::Option::None,
            within: ::core::option::Option::None,
            aggregates: &[],
            event_time_key: false,
        }
    }
}

pub(super) fn as_written(plan: &Plan, tokens: impl ToTokens) -> String {
    let aliases: Vec<_> =
        plan.relations.iter().map(|relation| (relation.alias, relation.input_name())).collect();
    text_by_inputs(tokens, &aliases)
}

fn option(value: Option<impl ToTokens>) -> TokenStream {
    value.map_or_else(
        || quote!(::core::option::Option::None),
        |value| quote!(::core::option::Option::Some(#value)),
    )
}

fn lower_input(plan: &Plan, input: &Input) -> TokenStream {
    let runtime = runtime(mixed());
    let (name, row) = (text(&input.name), text(&input.row));
    let reads = |relation: &Relation| relation.source.names().contains(&input.name);
    let relation = plan.relations.iter().position(reads).unwrap_or_default();
    let watermark = option(plan.relations[relation].watermark.map(|watermark| {
        let alias = plan.relations[relation].alias;
        let column = text_by_inputs(&watermark.column, &[(alias, &input.name)]);
        let delay = constant("DELAY", relation);
        quote_spanned!(mixed()=> #runtime::WatermarkInfo { column: #column, delay: Self::#delay })
    }));
    let columns = lower_columns(plan, relation);
    let late = option(plan.relations[relation].late.map(|late| text(&late.name)));
    quote_spanned! {mixed()=>
        #runtime::InputInfo {
            name: #name,
            row: #row,
            watermark: #watermark,
            late: #late,
            columns: #columns,
        }
    }
}

fn lower_columns(plan: &Plan, relation: usize) -> TokenStream {
    option(columns::columns(plan, relation).map(|columns| quote!(&[#(#columns),*])))
}

/// Where the rows of a relation come from: `RowsInfo::Inputs(&[0])`
fn lower_rows(plan: &Plan, relation: usize) -> TokenStream {
    let runtime = runtime(mixed());
    match &plan.relations[relation].origin {
        Origin::Static(input) => {
            let mut statics = plan.query.inputs.iter().filter(|input| input.fixed.is_some());
            let number = statics.position(|other| other.name == input.name).unwrap_or_default();
            let number = Literal::usize_unsuffixed(number);
            quote_spanned!(mixed()=> #runtime::RowsInfo::Static(#number))
        }
        Origin::Query(_) => {
            let queries = plan.relations[..relation].iter().filter_map(Relation::query);
            let number = Literal::usize_unsuffixed(queries.count());
            quote_spanned!(mixed()=> #runtime::RowsInfo::Query(#number))
        }
        Origin::Streams(_) | Origin::Unknown => {
            let inputs = plan.input_numbers(relation).into_iter().map(Literal::usize_unsuffixed);
            quote_spanned!(mixed()=> #runtime::RowsInfo::Inputs(&[#(#inputs),*]))
        }
    }
}

fn lower_join_info(plan: &Plan, join: &JoinPlan) -> TokenStream {
    let runtime = runtime(mixed());
    let (clause, rows) = (Literal::usize_unsuffixed(join.step), lower_rows(plan, join.relation));
    let name = |time: &EventTime| text(plan.relations[time.relation()].input_name());
    let times = option(match &join.bounds {
        Bounds::Range(range) => {
            let (left, right) = (name(&range.left), name(&range.right));
            let (time, base) = if range.time_side == Side::Left { (left, right) } else { (right, left) };
            Some(quote_spanned!(mixed()=> (#time, #base)))
        }
        Bounds::Key { .. } | Bounds::None => None,
    });
    quote_spanned!(mixed()=> #runtime::JoinInfo { clause: #clause, rows: #rows, times: #times })
}

/// `left join shipments on shipments.id == orders.id within …`
fn join_clause(plan: &Plan, clause: &Join) -> String {
    let source = match &clause.source {
        Source::Inputs(names) => names.iter().map(text).collect::<Vec<_>>().join(" union "),
        Source::Query(query) => format!("query {}", text(&query.path)),
    };
    // A `let` stands for its value, on which the state depends.
    let step = plan.joins.iter().find(|join| std::ptr::eq(join.clause, clause)).map_or(0, |join| join.step);
    let expanded = |expr: &Expr| as_written(plan, expand_lets(&plan.steps[..step], expr));
    let mut written = format!("{} {source} on {}", clause.kind.name(), expanded(&clause.condition));
    if let Some(Within { time, range, .. }) = &clause.within {
        let (time, range) = (expanded(time), expanded(&Expr::Range(range.clone())));
        let _ = write!(written, " within {time} in {range}");
    }
    if clause.unbounded.is_some() {
        written.push_str(" unbounded");
    }
    written
}

fn lower_join(plan: &Plan, join: &JoinPlan) -> TokenStream {
    let runtime = runtime(mixed());
    let text = join_clause(plan, join.clause);
    let bounded = !matches!(join.bounds, Bounds::None);
    let within = option(matches!(join.bounds, Bounds::Range(_)).then(|| {
        let within = constant("WITHIN", join.relation);
        quote_spanned!(mixed()=> Self::#within)
    }));
    quote_spanned! {mixed()=>
        #runtime::OperatorInfo {
            name: "symmetricHashJoin",
            clause: #text,
            window: ::core::option::Option::None,
            within: #within,
            aggregates: &[],
            event_time_key: #bounded,
        }
    }
}

fn lower_step(plan: &Plan, step: Step) -> String {
    match step {
        Step::Join(clause) => join_clause(plan, clause),
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
            within: ::core::option::Option::None,
            aggregates: &[],
            event_time_key: #bounded,
        }
    }
}

/// What a checkpoint depends on is the processor's type and its key, not how the processor is made.
fn lower_processor(plan: &Plan, process: &Process) -> TokenStream {
    let runtime = runtime(mixed());
    let keys = keys_as_written(plan, process.keys.iter());
    let clause = format!("process by {keys} with {}", processor_name(&process.processor));
    let has_timers_of_event_time = plan.relations.iter().any(Relation::has_watermark);
    quote_spanned! {mixed()=>
        #runtime::OperatorInfo {
            name: "transformWithStateExec",
            clause: #clause,
            window: ::core::option::Option::None,
            within: ::core::option::Option::None,
            aggregates: &[],
            event_time_key: #has_timers_of_event_time,
        }
    }
}

/// The name of a processor's type, as far as it is written: `Rule` in `Rule`, `rules::Rule { limit: 3 }`, `Rule::new(3)` and
/// `Rule::new(3).strict()`. Else `…`.
fn processor_name(value: &Expr) -> String {
    let of_path = |path: &syn::Path| {
        let is_type = |name: &str| name.starts_with(char::is_uppercase);
        let names = path.segments.iter().rev().map(|segment| segment.ident.to_string());
        names.into_iter().find(|name| is_type(name))
    };
    let name = match peeled(value) {
        Expr::Path(path) => of_path(&path.path),
        Expr::Struct(row) => of_path(&row.path),
        Expr::Call(call) => return processor_name(&call.func),
        Expr::MethodCall(call) => return processor_name(&call.receiver),
        _ => None,
    };
    name.unwrap_or_else(|| "…".to_owned())
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
            within: ::core::option::Option::None,
            aggregates: &[#(#aggregates),*],
            event_time_key: #event_time_key,
        }
    }
}
