//! Joins: an equality to find partners by, and for two streams a state that is bounded.

use quote::ToTokens;

use crate::message;
use crate::query::ast::{Join, JoinKind};
use crate::query::draft::Draft;
use crate::query::join::{Condition, End, TimeRange, condition, event_time, key_bounds, range_bounds};
use crate::query::relation::{Origin, Relation};
use crate::report::Report;

use super::grouping::MAX_KEYS;
use super::window::literal_micros;

pub(super) fn check_joins(draft: &Draft, report: &mut Report) {
    if draft.from.given().is_none() {
        return;
    }
    let relations = draft.relations();
    for ((at, join), relation) in draft.joins().zip(relations.iter().skip(1)) {
        let condition = condition(draft, at, join);
        check_keys(draft, join, &condition, report);
        match relation.origin {
            Origin::Static(_) => check_static(join, report),
            Origin::Streams(_) | Origin::Query(_) if draft.time_is_clear() => {
                check_bounds(&Joined { draft, at, join, relation, condition: &condition }, report);
            }
            _ => {}
        }
    }
}

/// Partners are found by key: without any, each row would be compared with all.
fn check_keys(draft: &Draft, join: &Join, condition: &Condition, report: &mut Report) {
    if condition.keys.is_empty() {
        let earlier = draft.from.given().map(|from| &from.alias);
        report.error(&join.condition, message::join_without_key(join, earlier));
    }
    if let Some(excess) = condition.keys.get(MAX_KEYS) {
        report.error(excess.right, message::too_many_join_keys(MAX_KEYS));
    }
}

/// A static input is there as a whole: it isn't late, no row of it waits, and none of it comes out by itself.
fn check_static(join: &Join, report: &mut Report) {
    if matches!(join.kind, JoinKind::Right | JoinKind::Full) {
        report.error(&join.keyword, message::static_preserved(join));
    }
    let watermark = join.watermark.as_ref().map(|part| (&part.keyword, "watermark"));
    let late = join.late.as_ref().map(|part| (&part.keyword, "late into"));
    let within = join.within.as_ref().map(|part| (&part.keyword, "within"));
    let unbounded = join.unbounded.as_ref().map(|word| (word, "unbounded"));
    for (word, part) in [watermark, late, within, unbounded].into_iter().flatten() {
        report.error(word, message::static_part(part, join));
    }
}

/// A join of two streams, at its place.
struct Joined<'a, 'b> {
    draft: &'b Draft<'a>,
    at: usize,
    join: &'a Join,
    relation: &'b Relation<'a>,
    condition: &'b Condition<'a>,
}

/// Rows of both sides wait for partners until the watermark says that none can come.
fn check_bounds(joined: &Joined, report: &mut Report) {
    let Joined { draft, at, join, condition, .. } = joined;
    let range = match join.within.as_ref().map(|within| range_bounds(draft, *at, within)).transpose() {
        Ok(range) => range,
        Err(problem) => {
            report.error(problem.place(), message::within_problem(&problem));
            return;
        }
    };
    let of_key = key_bounds(draft, *at, join, &condition.keys).is_some();
    if let Some(within) = join.within.as_ref().filter(|_| of_key) {
        report.error(&within.keyword, message::SUPERFLUOUS_WITHIN);
    }
    let of_range = range.as_ref().is_some_and(|range| range.lower.is_some() && range.upper.is_some());
    if let Some(range) = &range {
        check_order(range, join, report);
    }
    match &join.unbounded {
        Some(word) if of_key || of_range => report.error(word, message::SUPERFLUOUS_UNBOUNDED_JOIN),
        Some(word) if join.kind != JoinKind::Inner => {
            report.error(word, message::unbounded_outer(join, &remedy(joined, range.as_ref())));
        }
        None if !of_key && !of_range => {
            let mut clause = join.keyword.to_token_stream();
            clause.extend(join.alias.to_token_stream());
            let remedy = remedy(joined, range.as_ref());
            match (&join.within, &range) {
                (Some(within), Some(range)) => {
                    let stays = half_open_side(joined, range);
                    let place = within.range.to_token_stream();
                    report.error(place, message::half_a_range(join, &stays, &remedy));
                }
                _ => report.error(clause, message::unbounded_join(join, &remedy)),
            }
        }
        _ => {}
    }
}

/// The alias whose rows a range with one end keeps for ever: the lower end is when a row of TIME's side has come
/// too late for any other, the upper end when one of the other side has.
fn half_open_side(joined: &Joined, range: &TimeRange) -> String {
    use crate::query::join::Side;
    let stays = match (range.lower.is_none(), range.time_side) {
        (true, side) => side,
        (false, Side::Left) => Side::Right,
        (false, Side::Right) => Side::Left,
    };
    match stays {
        Side::Right => joined.relation.alias.to_string(),
        Side::Left => {
            let relations = joined.draft.relations();
            relations[range.left.relation()].alias.to_string()
        }
    }
}

/// The clauses that would bound the join.
fn remedy(joined: &Joined, range: Option<&TimeRange>) -> String {
    let Joined { draft, at, join, relation, condition } = joined;
    if let (Some(within), Some(range)) = (&join.within, range) {
        return message::with_both_ends(within, range.lower.is_none());
    }
    let Some(left) = draft.timed_relation(*at, None) else { return message::AFTER_FULL_JOIN.to_owned() };
    // An equality of event times lacks no more than a watermark.
    for equality in &condition.keys {
        let times = [equality.left, equality.right].map(|expr| event_time(draft, *at, expr).is_some());
        match times {
            [true, false] if !relation.has_watermark() => {
                return message::watermark_of(relation, equality.right);
            }
            [false, true] => {
                let named = draft.timed_relation(*at, Some(equality.left)).unwrap_or_else(|| left.clone());
                if !named.has_watermark() {
                    return message::watermark_of(&named, equality.left);
                }
            }
            _ => {}
        }
    }
    message::with_within(&left, relation)
}

/// A range whose ends are literals and lie the wrong way round holds nothing.
fn check_order(range: &TimeRange, join: &Join, report: &mut Report) {
    let micros = |end: &End| match end.offset {
        None => Some(0),
        Some(offset) => literal_micros(offset).map(|micros| if end.negative { -micros } else { micros }),
    };
    let (Some(lower), Some(upper)) = (&range.lower, &range.upper) else { return };
    let (Some(from), Some(until)) = (micros(lower), micros(upper)) else { return };
    if from > until || (from == until && !upper.inclusive) {
        let range = join.within.as_ref().map(|within| &within.range);
        report.error(range, message::EMPTY_RANGE);
    }
}
