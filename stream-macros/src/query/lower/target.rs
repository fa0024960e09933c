//! What a row function pushes into: the query's first operator, which holds those behind it.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::Ident;

use super::update::blamed;
use super::{constants, local, mixed, runtime};
use crate::query::ast::Interval;
use crate::query::plan::Plan;

/// The second parameter of a row function.
pub(super) struct Target {
    /// The method that is given the row function. Without `dedup by` each operator has one of its own where it
    /// can, which keeps rustc's errors short.
    pub(super) method: &'static str,
    pub(super) variable: Ident,
    pub(super) ty: TokenStream,
    /// The last operator, as an expression: where rows go that no `dedup by` holds back.
    pub(super) last: TokenStream,
}

impl Target {
    /// The target of an aggregation.
    pub(super) fn of_groups(plan: &Plan) -> Self {
        // An accumulator that is none is wrong in these types, too.
        let span = plan.split.as_ref().and_then(blamed).unwrap_or_else(mixed);
        let runtime = runtime(span);
        if matches!(plan.interval(), Some(Interval::Session(_))) {
            if plan.dedups_in(plan.last_stretch()) {
                let worker = quote_spanned!(span=> #runtime::SessionWorker<_, _>);
                return Self::deduplicated(span, &worker, |op| quote_spanned!(mixed()=> #op.next.sessions()));
            }
            let ty = quote_spanned!(span=> #runtime::Sessions<_, _>);
            return Self::only("push", "sessions", ty);
        }
        let windowing = windowing(plan);
        if plan.dedups_in(plan.last_stretch()) {
            let worker = quote_spanned!(span=> #runtime::AggregateWorker<#windowing, _, _>);
            return Self::deduplicated(span, &worker, |op| quote_spanned!(mixed()=> #op.next.groups()));
        }
        let runtime = super::runtime(mixed());
        Self::only("group_by", "groups", quote_spanned!(mixed()=> #runtime::Groups<#windowing, _, _>))
    }

    /// The target of a query whose rows go through.
    pub(super) fn of_rows(plan: &Plan) -> Self {
        let (runtime, output) = (runtime(mixed()), &plan.query.output);
        let emitter = quote_spanned!(mixed()=> #runtime::Emitter<#output>);
        if plan.dedups_in(plan.last_stretch()) {
            return Self::deduplicated(mixed(), &emitter, |op| quote_spanned!(mixed()=> #op.next));
        }
        Self::only("select", "out", emitter)
    }

    /// The target of the row function in front of a join.
    pub(super) fn of_join(plan: &Plan, stretch: usize) -> Self {
        let runtime = runtime(mixed());
        let key = quote_spanned!(mixed()=> #runtime::JoinKey<_>);
        if plan.dedups_in(stretch) {
            return Self::deduplicated(mixed(), &key, |op| quote_spanned!(mixed()=> #op.next));
        }
        Self::only("push", "op", key)
    }

    /// The target of a query with a processor.
    pub(super) fn of_process(plan: &Plan) -> Self {
        let runtime = runtime(mixed());
        let processing = quote_spanned!(mixed()=> #runtime::Processing<_>);
        if plan.dedups_in(plan.last_stretch()) {
            return Self::deduplicated(mixed(), &processing, |op| quote_spanned!(mixed()=> #op.next));
        }
        Self::only("push", "op", processing)
    }

    fn only(method: &'static str, variable: &str, ty: TokenStream) -> Self {
        let variable = local(variable);
        let last = quote_spanned!(mixed()=> #variable);
        Self { method, variable, ty, last }
    }

    fn deduplicated(span: Span, next: &TokenStream, last: impl FnOnce(&Ident) -> TokenStream) -> Self {
        let (variable, runtime) = (local("op"), runtime(span));
        let ty = quote_spanned!(span=> #runtime::Deduplicated<_, #next>);
        let last = last(&variable);
        Self { method: "push", variable, ty, last }
    }
}

/// How rows are grouped by time, as a type.
fn windowing(plan: &Plan) -> TokenStream {
    let runtime = runtime(mixed());
    match (constants::window(plan), plan.event_time_key) {
        (Some(window), _) => constants::windowing(window),
        (None, Some(_)) => quote_spanned!(mixed()=> #runtime::Instants<_>),
        (None, None) => quote_spanned!(mixed()=> #runtime::Unwindowed),
    }
}
