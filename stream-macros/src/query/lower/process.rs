//! `process by`: rows go to the service's own processor, each with its event time and its key.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::Ident;

use super::row::{End, all, lower_call, lower_event_time, lower_keys, lower_rows};
use super::target::Target;
use super::{at, local, mixed, reference, runtime};
use crate::query::ast::Process;
use crate::query::plan::Plan;

/// The rows, what is to process them, and the row function, `.push(…).process::<Append>(…)`.
///
/// The processor comes first and by itself: what is wrong with it is said there and nowhere else.
pub(super) fn lower_process(plan: &Plan, process: &Process) -> TokenStream {
    let runtime = runtime(mixed());
    let (rows, processor) = (local("rows"), local("processor"));
    let input = lower_rows(plan, plan.last_stretch());
    let checked = lower_processor(plan, process, &rows);
    let target = Target::of_process(plan);
    let end = lower_push(plan, process, &target);
    let function = lower_call(plan, plan.last_stretch(), &target, mixed(), &end);
    let mode = local(plan.mode.type_name());
    quote_spanned! {mixed()=>
        let #rows = #input;
        let #processor = #checked;
        #rows #function.process::<#runtime::#mode>(Self::INFO, #processor)
    }
}

/// `rows.processor(Rule).checked().takes_rows().result::<Alert>().emits()`, each underlined where its mistake is.
fn lower_processor(plan: &Plan, process: &Process, rows: &Ident) -> TokenStream {
    let (value, output) = (&process.processor, &plan.query.output);
    // Where a method isn't there, rustc underlines all that stands before it.
    let rows = Ident::new(&rows.to_string(), at(value));
    let checked = quote_spanned!(at(value)=> #rows.processor(#value).checked().takes_rows());
    quote_spanned!(at(output)=> #checked.result::<#output>().emits())
}

/// `op.process(event_time, &click.user_id, click);`
fn lower_push(plan: &Plan, process: &Process, target: &Target) -> End {
    let (runtime, op, row) = (runtime(mixed()), &target.last, plan.from().alias);
    let time = match plan.from().watermark {
        Some(watermark) => {
            lower_event_time(plan, Plan::read_by(plan.last_stretch()), &watermark.keyword, &watermark.column)
        }
        None => quote_spanned!(mixed()=> ::core::option::Option::None::<#runtime::Timestamp>),
    };
    let key = match process.keys.as_slice() {
        [only] => reference(only).to_token_stream(),
        keys => lower_keys(&process.keyword, &keys.iter().collect::<Vec<_>>()),
    };
    // A key of another type than the processor's is underlined here.
    let method = Ident::new("process", at(&process.keyword));
    let code = quote_spanned!(mixed()=> #op.#method(#time, #key, #row););
    let mut exprs = all(&process.keys);
    row.to_tokens(&mut exprs);
    End { code, exprs }
}
