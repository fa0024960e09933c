//! A query as clauses in their places: what the checks look at, and what is lowered once they have passed.

use std::slice;

use proc_macro2::TokenTree;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, Ident};

use super::aggregate;
use super::ast::{
    Clause, Dedup, Explode, From, GroupBy, Having, Input, Interval, Key, Kind, Let, Mode, Output, Query,
    Select, Watermark, Where,
};
use super::expr::{bare_ident, interval_calls, same};
use super::split::Split;

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

/// A clause between `from` and `group by`.
#[derive(Clone, Copy)]
pub(crate) enum Step<'a> {
    Where(&'a Where),
    Let(&'a Let),
    Explode(&'a Explode),
    Dedup(&'a Dedup),
}

impl<'a> Step<'a> {
    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Where(_) => Kind::Where,
            Self::Let(_) => Kind::Let,
            Self::Explode(_) => Kind::Explode,
            Self::Dedup(_) => Kind::Dedup,
        }
    }

    /// The expressions of the clause: one, or the keys of `dedup by`.
    pub(crate) fn exprs(self) -> &'a [Expr] {
        match self {
            Self::Where(clause) => slice::from_ref(&clause.condition),
            Self::Let(clause) => slice::from_ref(&clause.value),
            Self::Explode(clause) => slice::from_ref(&clause.items),
            Self::Dedup(clause) => &clause.keys,
        }
    }

    /// The variable that the clause adds to the row.
    pub(crate) fn name(self) -> Option<&'a Ident> {
        match self {
            Self::Where(_) | Self::Dedup(_) => None,
            Self::Let(clause) => Some(&clause.name),
            Self::Explode(clause) => Some(&clause.name),
        }
    }
}

/// A query whose clauses have found their places, but which may lack some.
pub(crate) struct Draft<'a> {
    pub(crate) query: &'a Query,
    pub(crate) from: Slot<'a, From>,
    pub(crate) steps: Vec<Step<'a>>,
    /// Whether a `where`, `let`, `explode`, `dedup by` or unknown clause is missing from `steps` because it is broken.
    pub(crate) broken_steps: bool,
    pub(crate) group_by: Slot<'a, GroupBy>,
    pub(crate) select: Slot<'a, Select>,
    pub(crate) having: Slot<'a, Having>,
    pub(crate) output: Slot<'a, Output>,
}

impl<'a> Draft<'a> {
    /// The input that `from` names.
    pub(crate) fn input(&self) -> Option<&'a Input> {
        let from = self.from.given()?;
        self.query.inputs.iter().find(|input| input.name == from.input)
    }

    pub(crate) fn watermark(&self) -> Option<&'a Watermark> {
        self.from.given()?.watermark.as_ref()
    }

    /// Whether the query aggregates; `None` if a broken clause keeps that unknown.
    pub(crate) fn aggregates(&self) -> Option<bool> {
        let calls = |expr: Option<&Expr>| expr.is_some_and(|expr| !aggregate::calls(expr).is_empty());
        let in_select = calls(self.select.given().map(|select| &select.row));
        let in_having = calls(self.having.given().map(|having| &having.condition));
        if !self.group_by.is_absent() || in_select || in_having {
            return Some(true);
        }
        matches!(self.select, Slot::Given(_)).then_some(false)
    }

    /// Whether it can be told which watermark closes which groups. It can't where `watermark`, `window` or `session`
    /// stands in the wrong place, which is an error of its own.
    pub(crate) fn time_is_clear(&self) -> bool {
        let stray = self.query.clauses.iter().any(|clause| match clause {
            Clause::Broken(broken) => {
                let first = broken.rest.clone().into_iter().next();
                matches!(first, Some(TokenTree::Ident(word)) if word == "watermark")
            }
            _ => false,
        });
        let of_groups =
            self.watermark().is_some_and(|watermark| !aggregate::calls(&watermark.column).is_empty());
        let in_steps =
            self.steps.iter().flat_map(|step| step.exprs()).any(|expr| !interval_calls(expr).is_empty());
        !stray && !of_groups && !in_steps
    }

    /// The names that a row has beside its alias: those of `let` and `explode`.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &'a Ident> {
        self.steps.iter().filter_map(|step| step.name())
    }

    /// The key that the watermark closes groups by: a window or session over the watermark's column, or, without
    /// either, that column.
    pub(crate) fn event_time_key(&self) -> Option<&'a Key> {
        let keys = &self.group_by.given()?.keys;
        let is_interval = |key: &&Key| key.interval.is_some();
        match keys.iter().find(is_interval) {
            Some(interval) => Some(interval).filter(|key| self.is_event_time(key.time())),
            None => keys.iter().find(|key| self.is_event_time(&key.expr)),
        }
    }

    /// Whether an expression is the watermark's column.
    fn is_event_time(&self, expr: &Expr) -> bool {
        self.watermark().is_some_and(|watermark| same(&expand_lets(&self.steps, expr), &watermark.column))
    }

    pub(crate) fn dedup(&self) -> Option<&'a Dedup> {
        dedup(&self.steps)
    }

    /// Whether the watermark's column is one of the keys of `dedup by`, so that the watermark drops old ones.
    pub(crate) fn dedups_by_event_time(&self) -> bool {
        self.dedup().is_some_and(|clause| clause.keys.iter().any(|key| self.is_event_time(key)))
    }

    /// The whole query, if nothing is missing.
    pub(crate) fn complete(&self, split: Option<Split>) -> Option<Plan<'a>> {
        Some(Plan {
            query: self.query,
            input: self.input()?,
            from: self.from.given()?,
            steps: self.steps.clone(),
            group_by: self.group_by.given(),
            event_time_key: self.event_time_key(),
            dedups_by_event_time: self.dedups_by_event_time(),
            select: self.select.given()?,
            having: self.having.given(),
            mode: self.output.given()?.mode,
            split,
        })
    }
}

/// The expression with the names of `let` replaced by what they stand for.
pub(crate) fn expand_lets(steps: &[Step], expr: &Expr) -> Expr {
    let mut expanded = expr.clone();
    // A later `let` may use an earlier one, not the other way round.
    for step in steps.iter().rev() {
        if let Step::Let(clause) = step {
            Substitute(clause).visit_expr_mut(&mut expanded);
        }
    }
    expanded
}

/// Puts the value of a `let` in the place of its name.
struct Substitute<'a>(&'a Let);

impl VisitMut for Substitute<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if bare_ident(expr).is_some_and(|name| *name == self.0.name) {
            *expr = self.0.value.clone();
        } else {
            visit_mut::visit_expr_mut(self, expr);
        }
    }
}

/// A query without mistakes.
pub(crate) struct Plan<'a> {
    pub(crate) query: &'a Query,
    pub(crate) input: &'a Input,
    pub(crate) from: &'a From,
    pub(crate) steps: Vec<Step<'a>>,
    pub(crate) group_by: Option<&'a GroupBy>,
    pub(crate) event_time_key: Option<&'a Key>,
    pub(crate) dedups_by_event_time: bool,
    pub(crate) select: &'a Select,
    pub(crate) having: Option<&'a Having>,
    pub(crate) mode: Mode,
    /// What `select` and `having` become in an aggregation.
    pub(crate) split: Option<Split>,
}

impl<'a> Plan<'a> {
    pub(crate) fn watermark(&self) -> Option<&'a Watermark> {
        self.from.watermark.as_ref()
    }

    pub(crate) fn dedup(&self) -> Option<&'a Dedup> {
        dedup(&self.steps)
    }

    /// The window or session that rows are grouped by.
    pub(crate) fn interval(&self) -> Option<&'a Interval> {
        self.group_by?.keys.iter().find_map(|key| key.interval.as_ref())
    }

    /// Whether an expression is the watermark's column as it was written, whose value the row function has at hand.
    pub(crate) fn is_watermark_column(&self, expr: &Expr) -> bool {
        self.watermark().is_some_and(|watermark| same(expr, &watermark.column))
    }
}

fn dedup<'a>(steps: &[Step<'a>]) -> Option<&'a Dedup> {
    steps.iter().find_map(|step| match step {
        Step::Dedup(clause) => Some(*clause),
        _ => None,
    })
}
