//! What a join's condition and `within` say: equality keys, what else has to hold, and how long rows wait.

use std::cmp::Reverse;

use quote::ToTokens;
use syn::{BinOp, Expr, RangeLimits};

use super::ast::{Join, Within};
use super::draft::Draft;
use super::expr::{mentions, peeled};
use super::relation::{EventTime, Relation};
use super::step::expand_lets;

/// `left == right`: a value of what was joined before, and one of the row that the join adds.
#[derive(Clone, Copy)]
pub(crate) struct Equality<'a> {
    pub(crate) left: &'a Expr,
    pub(crate) right: &'a Expr,
}

/// A join's condition, taken apart.
pub(crate) struct Condition<'a> {
    pub(crate) keys: Vec<Equality<'a>>,
    /// What has to hold beside the keys.
    pub(crate) rest: Vec<&'a Expr>,
}

/// What bounds the state of a join of two streams.
pub(crate) enum Bounds<'a> {
    /// The event times of both sides are equal: those of the key with that number.
    Key { key: usize, left: EventTime<'a>, right: EventTime<'a> },
    /// They are in a range of each other.
    Range(Box<TimeRange<'a>>),
    /// Nothing does: `unbounded`, or a join that keeps no rows.
    None,
}

/// The side of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// What was joined before.
    Left,
    /// The row that the join adds.
    Right,
}

/// `within TIME in BASE + LOWER ..= BASE + UPPER`.
pub(crate) struct TimeRange<'a> {
    /// The side that TIME is of; BASE is of the other.
    pub(crate) time_side: Side,
    /// The watermark's columns of the two sides, with every `let` replaced.
    pub(crate) left_time: Expr,
    pub(crate) right_time: Expr,
    pub(crate) left: EventTime<'a>,
    pub(crate) right: EventTime<'a>,
    /// How far TIME is behind BASE at least, inclusive.
    pub(crate) lower: Option<End<'a>>,
    /// How far it is at most.
    pub(crate) upper: Option<End<'a>>,
}

/// An end of a range: BASE, BASE + OFFSET or BASE - OFFSET.
#[derive(Clone, Copy)]
pub(crate) struct End<'a> {
    pub(crate) offset: Option<&'a Expr>,
    pub(crate) negative: bool,
    pub(crate) inclusive: bool,
}

/// Why a `within` bounds nothing.
pub(crate) enum RangeProblem<'a> {
    /// The expression is no watermark's column. The relation is that which it names, if it names one.
    NoEventTime(&'a Expr, Option<Relation<'a>>),
    /// The range is over the event time of the same side.
    SameSide(&'a Expr),
    /// Its ends are over two event times.
    TwoBases(&'a Expr),
    /// The offset depends on the row.
    OffsetOfRow(&'a Expr),
}

/// Takes the condition of the join at that step apart.
pub(crate) fn condition<'a>(draft: &Draft<'a>, at: usize, join: &'a Join) -> Condition<'a> {
    let earlier = draft.names_after(at);
    let names_left = |expr: &Expr| earlier.iter().any(|name| mentions(expr.to_token_stream(), name));
    let names_right = |expr: &Expr| mentions(expr.to_token_stream(), &join.alias);
    let (mut keys, mut rest) = (Vec::new(), Vec::new());
    for conjunct in conjuncts(&join.condition) {
        let Some((one, other)) = equality(conjunct) else {
            rest.push(conjunct);
            continue;
        };
        let of = |expr| (names_left(expr), names_right(expr));
        match (of(one), of(other)) {
            ((true, false), (false, true)) => keys.push(Equality { left: one, right: other }),
            ((false, true), (true, false)) => keys.push(Equality { left: other, right: one }),
            _ => rest.push(conjunct),
        }
    }
    Condition { keys, rest }
}

/// The operands of `&&`.
pub(crate) fn conjuncts(expr: &Expr) -> Vec<&Expr> {
    match peeled(expr) {
        Expr::Binary(binary) if matches!(binary.op, BinOp::And(_)) => {
            let mut all = conjuncts(&binary.left);
            all.extend(conjuncts(&binary.right));
            all
        }
        _ => vec![expr],
    }
}

fn equality(expr: &Expr) -> Option<(&Expr, &Expr)> {
    match peeled(expr) {
        Expr::Binary(binary) if matches!(binary.op, BinOp::Eq(_)) => Some((&binary.left, &binary.right)),
        _ => None,
    }
}

/// The event time that an expression in a join is, and the side that it belongs to.
pub(crate) fn event_time<'a>(draft: &Draft<'a>, at: usize, expr: &Expr) -> Option<(Side, EventTime<'a>)> {
    let number = draft.relations_after(at).len();
    let added = draft.relations().into_iter().nth(number)?;
    let expanded = expand_lets(&draft.steps[..at], expr);
    let right = added.event_time(number, &expanded).map(|time| (Side::Right, time));
    right.or_else(|| Some((Side::Left, draft.event_time_after(at, expr)?)))
}

/// The key that is the event time of both sides. Of several it is the one whose watermarks are the query's own,
/// and then the last. That a column of another query is an event time is only taken for granted in a join that
/// relies on it.
pub(crate) fn key_bounds<'a>(
    draft: &Draft<'a>,
    at: usize,
    join: &Join,
    keys: &[Equality<'a>],
) -> Option<Bounds<'a>> {
    let relies = join.within.is_none() && join.unbounded.is_none();
    let of_queries = |times: [&EventTime; 2]| times.into_iter().filter(|time| time.is_of_query()).count();
    let times = keys.iter().enumerate().filter_map(|(key, equality)| {
        let (_, left) = event_time(draft, at, equality.left)?;
        let (_, right) = event_time(draft, at, equality.right)?;
        (relies || of_queries([&left, &right]) == 0).then_some((key, left, right))
    });
    let best = times.min_by_key(|(key, left, right)| (of_queries([left, right]), Reverse(*key)));
    best.map(|(key, left, right)| Bounds::Key { key, left, right })
}

/// What `within` says.
pub(crate) fn range_bounds<'a>(
    draft: &Draft<'a>,
    at: usize,
    within: &'a Within,
) -> Result<TimeRange<'a>, RangeProblem<'a>> {
    let time_of = |expr: &'a Expr| {
        event_time(draft, at, expr).ok_or_else(|| RangeProblem::NoEventTime(expr, named(draft, at, expr)))
    };
    let (time_side, time) = time_of(&within.time)?;
    let inclusive = matches!(within.range.limits, RangeLimits::Closed(_));
    let ends = [(within.range.start.as_deref(), true), (within.range.end.as_deref(), inclusive)];
    let mut base: Option<(&Expr, EventTime)> = None;
    let mut resolved = [None, None];
    for ((end, inclusive), slot) in ends.into_iter().zip(&mut resolved) {
        let Some(end) = end else { continue };
        let (column, offset, negative) = offset(end);
        let (side, of) = time_of(column)?;
        if side == time_side {
            return Err(RangeProblem::SameSide(column));
        }
        if base.as_ref().is_some_and(|(_, other)| !other.is(&of)) {
            return Err(RangeProblem::TwoBases(column));
        }
        let mut names = draft.names_after(at + 1);
        names.extend(draft.relations_after(at + 1).last().map(|(relation, _)| relation.alias));
        if let Some(offset) = offset
            && names.iter().any(|name| mentions(offset.to_token_stream(), name))
        {
            return Err(RangeProblem::OffsetOfRow(offset));
        }
        base = Some((column, of));
        *slot = Some(End { offset, negative, inclusive });
    }
    // The parser has seen to it that a range has an end.
    let (column, base) = base.ok_or(RangeProblem::SameSide(&within.time))?;
    let expand = |expr| expand_lets(&draft.steps[..at], expr);
    let [lower, upper] = resolved;
    let ((left_time, left), (right_time, right)) = match time_side {
        Side::Left => ((&within.time, time), (column, base)),
        Side::Right => ((column, base), (&within.time, time)),
    };
    Ok(TimeRange {
        time_side,
        left_time: expand(left_time),
        right_time: expand(right_time),
        left,
        right,
        lower,
        upper,
    })
}

/// An end of a range: its event time, and what is added to it or taken from it.
fn offset(end: &Expr) -> (&Expr, Option<&Expr>, bool) {
    match peeled(end) {
        Expr::Binary(binary) if matches!(binary.op, BinOp::Add(_) | BinOp::Sub(_)) => {
            (&binary.left, Some(&binary.right), matches!(binary.op, BinOp::Sub(_)))
        }
        _ => (end, None, false),
    }
}

/// The relation that an expression in a join names.
fn named<'a>(draft: &Draft<'a>, at: usize, expr: &Expr) -> Option<Relation<'a>> {
    let expanded = expand_lets(&draft.steps[..at], expr);
    let mut relations = draft.relations_after(at + 1).into_iter().rev();
    let found = relations.find(|(relation, _)| mentions(expanded.to_token_stream(), relation.alias));
    found.map(|(relation, _)| relation)
}

impl<'a> RangeProblem<'a> {
    /// The expression that is wrong.
    pub(crate) const fn place(&self) -> &'a Expr {
        match self {
            Self::NoEventTime(expr, _)
            | Self::SameSide(expr)
            | Self::TwoBases(expr)
            | Self::OffsetOfRow(expr) => expr,
        }
    }
}
