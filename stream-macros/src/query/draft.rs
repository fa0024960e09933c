//! A query as clauses in their places: what the checks look at.

use std::cmp::Reverse;

use proc_macro2::TokenTree;
use syn::Expr;

use super::aggregate;
use super::ast::{
    Clause, Dedup, From, GroupBy, Having, Key, Kind, Limit, OrderBy, Output, Process, Query, Select,
};
use super::expr::interval_calls;
use super::relation::{EventTime, Relation};
use super::step::Step;

/// A clause that a query has at most once.
pub(crate) enum Slot<'a, T> {
    Absent,
    /// It is there, with a syntax error that has been reported.
    Broken,
    Given(&'a T),
}

impl<'a, T> Slot<'a, T> {
    pub(crate) fn given(&self) -> Option<&'a T> {
        match self {
            Self::Given(clause) => Some(clause),
            Self::Absent | Self::Broken => None,
        }
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// A query whose clauses have found their places, but which may lack some.
pub(crate) struct Draft<'a> {
    pub(crate) query: &'a Query,
    pub(crate) from: Slot<'a, From>,
    pub(crate) steps: Vec<Step<'a>>,
    /// Whether a `join`, or a clause that may be one, is missing from `steps` because it is broken.
    pub(crate) broken_joins: bool,
    pub(crate) group_by: Slot<'a, GroupBy>,
    pub(crate) process: Slot<'a, Process>,
    pub(crate) select: Slot<'a, Select>,
    pub(crate) having: Slot<'a, Having>,
    pub(crate) order_by: Slot<'a, OrderBy>,
    pub(crate) limit: Slot<'a, Limit>,
    pub(crate) output: Slot<'a, Output>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(query: &'a Query) -> Self {
        Self {
            query,
            from: Slot::Absent,
            steps: Vec::new(),
            broken_joins: false,
            group_by: Slot::Absent,
            process: Slot::Absent,
            select: Slot::Absent,
            having: Slot::Absent,
            order_by: Slot::Absent,
            limit: Slot::Absent,
            output: Slot::Absent,
        }
    }

    /// Whether the query aggregates; `None` if a broken clause keeps that unknown.
    pub(crate) fn aggregates(&self) -> Option<bool> {
        let calls = |expr: Option<&Expr>| expr.is_some_and(|expr| !aggregate::calls(expr).is_empty());
        let in_select = calls(self.select.given().map(|select| &select.row));
        let in_having = calls(self.having.given().map(|having| &having.condition));
        if !self.process.is_absent() {
            return Some(false);
        }
        if !self.group_by.is_absent() || in_select || in_having {
            return Some(true);
        }
        matches!(self.select, Slot::Given(_)).then_some(false)
    }

    /// Whether it can be told which watermark closes which groups. It can't where `watermark`, `window` or `session`
    /// stands in the wrong place, a watermark is over what is no column of its input, or a join is broken, each of
    /// which is an error of its own.
    pub(crate) fn time_is_clear(&self) -> bool {
        let stray = self.query.clauses.iter().any(|clause| match clause {
            Clause::Broken(broken) => {
                let first = broken.rest.clone().into_iter().next();
                matches!(first, Some(TokenTree::Ident(word)) if word == "watermark")
            }
            _ => false,
        });
        let (relations, names) = (self.relations(), self.names_of_rows());
        let is_wrong = |relation: &Relation| {
            let column = relation.watermark.map(|watermark| &watermark.column);
            column.is_some_and(|column| !aggregate::calls(column).is_empty())
                || relation.foreign_name(&names).is_some()
        };
        let of_groups = relations.iter().any(is_wrong);
        let in_steps =
            self.steps.iter().flat_map(|step| step.exprs()).any(|expr| !interval_calls(expr).is_empty());
        !stray && !of_groups && !in_steps && !self.broken_joins
    }

    /// The expressions over rows in the clauses behind the steps.
    pub(crate) fn exprs_behind_steps(&self) -> Vec<&'a Expr> {
        let keys = self.group_by.given().into_iter().flat_map(|clause| &clause.keys).map(|key| &key.expr);
        let process = self.process.given().into_iter().flat_map(|clause| &clause.keys);
        let select = self.select.given().map(|clause| &clause.row);
        let having = self.having.given().map(|clause| &clause.condition);
        keys.chain(process).chain(select).chain(having).collect()
    }

    /// The key that the watermark closes groups by: a window or session over an event time, or, without either, an
    /// event time that is a watermark's column.
    pub(crate) fn event_time_key(&self) -> Option<&'a Key> {
        self.closing_key().map(|(key, _)| key)
    }

    /// That key, and its event time.
    pub(crate) fn closing_key(&self) -> Option<(&'a Key, EventTime<'a>)> {
        let keys = &self.group_by.given()?.keys;
        let time = |key: &Key| self.event_time_after(self.steps.len(), key.time());
        match keys.iter().find(|key| key.interval.is_some()) {
            Some(interval) => Some((interval, time(interval)?)),
            None => keys.iter().find_map(|key| match time(key)? {
                time @ EventTime::Watermark(_) => Some((key, time)),
                // Any column of another query would do.
                EventTime::Query { .. } => None,
            }),
        }
    }

    /// Every `dedup by`, with its number among the steps.
    pub(crate) fn dedups(&self) -> impl Iterator<Item = (usize, &'a Dedup)> {
        self.steps.iter().enumerate().filter_map(|(at, step)| match step {
            Step::Dedup(dedup) => Some((at, *dedup)),
            _ => None,
        })
    }

    /// The key of the `dedup by` at that step that is an event time, so that the watermark drops old keys: a
    /// watermark's column, or else, if the clause relies on there being one, the last key that is a column of
    /// another query's rows.
    pub(crate) fn dedup_time(&self, at: usize, dedup: &Dedup) -> Option<(usize, EventTime<'a>)> {
        let relies = dedup.retention.is_none();
        let times = dedup.keys.iter().enumerate().filter_map(|(number, key)| {
            let time = self.event_time_after(at, key).filter(|time| relies || !time.is_of_query())?;
            Some((number, time))
        });
        times.min_by_key(|(number, time)| (time.is_of_query(), Reverse(*number)))
    }

    /// The first of its clauses that keeps state.
    pub(crate) fn stateful(&self) -> Option<Kind> {
        let keeps = |step: &&Step| matches!(step, Step::Dedup(_)) || self.is_stream_join(**step);
        let step = self.steps.iter().find(keeps).map(|step| step.kind());
        let process = (!self.process.is_absent()).then_some(Kind::Process);
        let aggregation = (self.aggregates() == Some(true)).then_some(Kind::GroupBy);
        let limit = (!self.limit.is_absent()).then_some(Kind::Limit);
        step.or(process).or(aggregation).or(limit)
    }
}
