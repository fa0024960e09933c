//! What the stages of the lowering ask a plan.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::{Expr, Ident};

use super::{mixed, runtime};
use crate::query::ast::Input;
use crate::query::expr::{mentions, same};
use crate::query::plan::{DedupPlan, JoinPlan, Plan};
use crate::query::relation::{Origin, Relation};

impl<'a> Plan<'a> {
    /// The inputs of the head that are streams; an input's number is its place among them.
    pub(super) fn streams(&self) -> Vec<&'a Input> {
        self.query.inputs.iter().filter(|input| input.fixed.is_none()).collect()
    }

    /// The numbers of the inputs that a relation reads.
    pub(super) fn input_numbers(&self, relation: usize) -> Vec<usize> {
        let Origin::Streams(inputs) = &self.relations[relation].origin else { return Vec::new() };
        let streams = self.streams();
        inputs.iter().filter_map(|input| streams.iter().position(|other| other.name == input.name)).collect()
    }

    /// Whether a name is that of a row.
    pub(super) fn is_alias(&self, name: &Ident) -> bool {
        self.relations.iter().any(|relation| relation.alias == name)
    }

    /// The names that an expression before the step may use.
    pub(super) fn names_before(&self, step: usize) -> Vec<&'a Ident> {
        let joined = self.joins.iter().filter(|join| join.step < step).map(|join| join.relation);
        let aliases = std::iter::once(0).chain(joined).map(|relation| self.relations[relation].alias);
        aliases.chain(self.steps[..step].iter().filter_map(|step| step.variable())).collect()
    }

    /// The event time of what a join without bounds joins to.
    pub(super) fn watermark_before(&self, join: &JoinPlan) -> Option<Expr> {
        Some(self.relations[join.watermark?].watermark?.column.clone())
    }

    /// The event time that a `dedup by` goes by.
    pub(super) fn dedup_time(&self, dedup: &DedupPlan) -> Option<Expr> {
        if let (Some((key, _)), None) = (&dedup.time, &dedup.clause.retention) {
            return dedup.clause.keys.get(*key).cloned();
        }
        Some(self.relations[dedup.watermark?].watermark?.column.clone())
    }

    /// Whether an expression is the watermark's column of a relation as it was written, whose value the row function has at hand.
    pub(super) fn is_at_hand(&self, relation: Option<usize>, time: &Expr) -> bool {
        let watermark = relation.and_then(|relation| self.relations[relation].watermark);
        watermark.is_some_and(|watermark| same(time, &watermark.column))
    }

    /// The relation whose row a stretch is given as it was read, if it is.
    pub(super) fn read_by(stretch: usize) -> Option<usize> {
        (stretch == 0).then_some(0)
    }

    /// Whether a stretch has a `dedup by`.
    pub(super) fn dedups_in(&self, stretch: usize) -> bool {
        let steps = self.stretch(stretch);
        self.dedups.iter().any(|dedup| steps.contains(&dedup.step))
    }

    /// Where the inputs of the query that a relation reads begin: behind the streams of the head, and behind those of the queries before.
    pub(super) fn first_input(&self, relation: usize) -> TokenStream {
        let streams = proc_macro2::Literal::usize_unsuffixed(self.streams().len());
        let before = self.relations[..relation].iter().filter_map(Relation::query).map(|query| &query.path);
        quote_spanned!(mixed()=> #streams #(+ #before::INFO.input_count())*)
    }

    /// The way from the plan to what a relation reads.
    pub(super) fn path(&self, relation: usize) -> TokenStream {
        let runtime = runtime(mixed());
        let joins = self.stream_joins();
        let joined = joins.iter().position(|join| join.relation == relation);
        let mut path = quote_spanned!(mixed()=> #runtime::Here);
        if joined.is_some() {
            path = quote_spanned!(mixed()=> #runtime::Right<#path>);
        }
        for _ in joined.map_or(0, |joined| joined + 1)..joins.len() {
            path = quote_spanned!(mixed()=> #runtime::Left<#path>);
        }
        path
    }

    /// The stretch that a step is in.
    pub(super) fn stretch_of(&self, step: usize) -> usize {
        self.stream_joins().iter().take_while(|join| join.step < step).count()
    }

    /// Whether a name is used behind the first `steps` steps.
    pub(super) fn is_used_behind(&self, steps: usize, name: &Ident) -> bool {
        let behind = self.exprs().into_iter().filter(|(step, _)| step.is_none_or(|step| step >= steps));
        behind.into_iter().any(|(_, expr)| mentions(expr.to_token_stream(), name))
    }

    /// Every expression of the query over rows, one after the other, each with the number of its step; those behind the steps have none.
    pub(super) fn exprs(&self) -> Vec<(Option<usize>, &'a Expr)> {
        let watermark = self.from().watermark.map(|watermark| (Some(0), &watermark.column));
        let steps = self.steps.iter().enumerate();
        let steps =
            steps.flat_map(|(number, step)| step.exprs().into_iter().map(move |expr| (Some(number), expr)));
        let keys = self.group_by.into_iter().flat_map(|clause| &clause.keys).map(|key| &key.expr);
        let select = self.select.map(|clause| &clause.row);
        let having = self.having.map(|clause| &clause.condition);
        let behind = keys.chain(select).chain(having).map(|expr| (None, expr));
        watermark.into_iter().chain(steps).chain(behind).collect()
    }
}
