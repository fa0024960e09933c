//! A query without mistakes, with everything about it that can be known before types: what is lowered.

use quote::ToTokens;
use syn::Expr;

use super::ast::{
    Dedup, GroupBy, Having, Interval, Join, Key, Limit, Mode, OrderBy, Process, Query, QuerySource, Select,
};
use super::draft::Draft;
use super::expr::{bare_ident, peeled, same};
use super::join::{self, Bounds, Equality};
use super::relation::{EventTime, Relation, column_of};
use super::split::Split;
use super::step::Step;

/// A query without mistakes.
pub(crate) struct Plan<'a> {
    pub(crate) query: &'a Query,
    /// The rows that clauses can name: that of `from`, then one for each join. Event times name them by number.
    pub(crate) relations: Vec<Relation<'a>>,
    pub(crate) steps: Vec<Step<'a>>,
    /// The joins among the steps, in order.
    pub(crate) joins: Vec<JoinPlan<'a>>,
    /// Every `dedup by` among the steps, in order.
    pub(crate) dedups: Vec<DedupPlan<'a>>,
    pub(crate) group_by: Option<&'a GroupBy>,
    pub(crate) event_time_key: Option<&'a Key>,
    /// What is there instead of `group by` and `select`.
    pub(crate) process: Option<&'a Process>,
    /// There unless `process` is.
    pub(crate) select: Option<&'a Select>,
    pub(crate) having: Option<&'a Having>,
    pub(crate) order_by: Option<&'a OrderBy>,
    pub(crate) limit: Option<&'a Limit>,
    pub(crate) mode: Mode,
    /// What `select` and `having` become in an aggregation.
    pub(crate) split: Option<Split>,
    /// What the query takes to be event times of the queries that it reads.
    pub(crate) claims: Vec<Claim<'a>>,
    /// The columns of the result that are event times, for a query that reads this one.
    pub(crate) event_times: Vec<String>,
}

/// A join, resolved.
pub(crate) struct JoinPlan<'a> {
    pub(crate) clause: &'a Join,
    /// Its number among the steps.
    pub(crate) step: usize,
    /// The number of the relation that it adds. Its origin tells a stream from a static input.
    pub(crate) relation: usize,
    pub(crate) keys: Vec<Equality<'a>>,
    /// What has to hold beside the keys.
    pub(crate) rest: Vec<&'a Expr>,
    pub(crate) bounds: Bounds<'a>,
    /// The number of the relation before it whose event time is always there, for a join without bounds: its rows may be late all the same.
    pub(crate) watermark: Option<usize>,
}

/// A `dedup by`, resolved.
pub(crate) struct DedupPlan<'a> {
    pub(crate) clause: &'a Dedup,
    /// Its number among the steps.
    pub(crate) step: usize,
    /// The number of the key that is an event time, and which; then the watermark drops keys that it has passed.
    pub(crate) time: Option<(usize, EventTime<'a>)>,
    /// The number of the relation whose watermark makes rows late, and says how long `within watermark` is.
    pub(crate) watermark: Option<usize>,
}

/// The column has to be an event time of that query's result, which types tell and the macro can't.
#[derive(Clone)]
pub(crate) struct Claim<'a> {
    pub(crate) query: &'a QuerySource,
    pub(crate) column: syn::Ident,
}

impl<'a> Draft<'a> {
    /// The whole query, if nothing is missing.
    pub(crate) fn complete(&self, split: Option<Split>) -> Option<Plan<'a>> {
        self.from.given()?;
        let (process, select) = (self.process.given(), self.select.given());
        if process.is_none() && select.is_none() {
            return None;
        }
        let mut plan = Plan {
            query: self.query,
            relations: self.relations(),
            steps: self.steps.clone(),
            joins: self.joins().enumerate().map(|(number, (at, join))| self.join(number, at, join)).collect(),
            dedups: self.dedups().map(|(step, clause)| self.dedup(step, clause)).collect(),
            group_by: self.group_by.given(),
            event_time_key: self.event_time_key(),
            process,
            select,
            having: self.having.given(),
            order_by: self.order_by.given(),
            limit: self.limit.given(),
            mode: self.output.given()?.mode,
            split,
            claims: Vec::new(),
            event_times: self.event_times(),
        };
        plan.claims = plan.claims(self.closing_key().map(|(_, time)| time));
        Some(plan)
    }

    /// The columns of the result that a later row has no earlier value of than the watermark: the window, session or instant that groups are
    /// closed by, its end, and without groups the watermarks' columns.
    fn event_times(&self) -> Vec<String> {
        let Some(select) = self.select.given() else { return Vec::new() };
        let is_time = |expr: &Expr| match self.event_time_key() {
            Some(key) => {
                let ended = match peeled(expr) {
                    Expr::Field(field)
                        if key.interval.is_some() && field.member.to_token_stream().to_string() == "end" =>
                    {
                        &field.base
                    }
                    _ => expr,
                };
                let name = key.name.as_ref().map_or_else(
                    || key.interval.as_ref().map(|interval| interval.function().to_owned()),
                    |name| Some(name.to_string()),
                );
                same(ended, &key.expr)
                    || bare_ident(ended).is_some_and(|ident| name.is_some_and(|name| *ident == name))
            }
            None => {
                let time = self.event_time_after(self.steps.len(), expr);
                self.aggregates() == Some(false) && matches!(time, Some(EventTime::Watermark(_)))
            }
        };
        match peeled(&select.row) {
            Expr::Struct(row) => {
                let times = row.fields.iter().filter(|field| is_time(&field.expr));
                times.map(|field| field.member.to_token_stream().to_string().replace("r#", "")).collect()
            }
            row => {
                let mut relations = self.watermarked_after(self.steps.len()).into_iter();
                let relation = relations.find(|relation| bare_ident(row) == Some(relation.alias));
                let column =
                    relation.and_then(|relation| column_of(&relation.watermark?.column, relation.alias));
                column.into_iter().map(|column| column.to_string().replace("r#", "")).collect()
            }
        }
    }

    fn dedup(&self, step: usize, clause: &'a Dedup) -> DedupPlan<'a> {
        DedupPlan {
            clause,
            step,
            time: self.dedup_time(step, clause),
            watermark: self.first_watermarked(step),
        }
    }

    /// The number of the first relation with a `watermark` of its own whose row is always there after the first `steps` steps.
    fn first_watermarked(&self, steps: usize) -> Option<usize> {
        let present =
            self.watermarked_after(steps).into_iter().find(|relation| relation.watermark.is_some())?;
        self.relations().iter().position(|relation| relation.alias == present.alias)
    }

    fn join(&self, number: usize, step: usize, clause: &'a Join) -> JoinPlan<'a> {
        let join::Condition { keys, rest } = join::condition(self, step, clause);
        let relation = number + 1;
        let bounds = if self.relations().get(relation).is_some_and(Relation::is_stream_join) {
            let range = clause.within.as_ref().and_then(|within| join::range_bounds(self, step, within).ok());
            let of_range = || range.map_or(Bounds::None, |range| Bounds::Range(Box::new(range)));
            join::key_bounds(self, step, clause, &keys).unwrap_or_else(of_range)
        } else {
            Bounds::None
        };
        let watermark = self.first_watermarked(step);
        JoinPlan { clause, step, relation, keys, rest, bounds, watermark }
    }
}

impl<'a> Plan<'a> {
    /// What the query relies on columns of other queries for.
    fn claims(&self, closing: Option<EventTime<'a>>) -> Vec<Claim<'a>> {
        let of_joins = self.joins.iter().flat_map(|join| match &join.bounds {
            Bounds::Key { left, right, .. } => vec![left.clone(), right.clone()],
            Bounds::Range(range) => vec![range.left.clone(), range.right.clone()],
            Bounds::None => Vec::new(),
        });
        let of_dedups = self.dedups.iter().filter_map(|dedup| Some(dedup.time.as_ref()?.1.clone()));
        let mut claims: Vec<Claim> = Vec::new();
        for time in of_joins.chain(of_dedups).chain(closing) {
            if let EventTime::Query { query, column, .. } = time
                && !claims.iter().any(|claim| std::ptr::eq(claim.query, query) && claim.column == column)
            {
                claims.push(Claim { query, column });
            }
        }
        claims
    }

    /// The row that `from` names.
    pub(crate) fn from(&self) -> &Relation<'a> {
        &self.relations[0]
    }

    /// The window or session that rows are grouped by.
    pub(crate) fn interval(&self) -> Option<&'a Interval> {
        self.group_by?.keys.iter().find_map(|key| key.interval.as_ref())
    }
}
