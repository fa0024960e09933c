//! The keys of an aggregation, and whether its state is bounded.

use quote::ToTokens;

use crate::message;
use crate::query::ast::{Interval, Mode};
use crate::query::draft::Draft;
use crate::query::relation::Relation;
use crate::report::Report;

/// Keys are tuples, which end at twelve.
pub(super) const MAX_KEYS: usize = 12;

pub(super) fn check_keys(draft: &Draft, report: &mut Report) {
    let Some(group_by) = draft.group_by.given() else { return };
    let mut plain = group_by.keys.iter().filter(|key| key.interval.is_none());
    if let Some(excess) = plain.nth(MAX_KEYS) {
        report.error(&excess.expr, message::too_many_keys(MAX_KEYS));
    }
}

/// The stream by whose event time the groups may be closed.
pub(super) fn timed_relation<'a>(draft: &Draft<'a>) -> Option<Relation<'a>> {
    let keys = draft.group_by.given().map_or(&[][..], |clause| &clause.keys);
    let interval = keys.iter().find_map(|key| key.interval.as_ref());
    draft.timed_relation(draft.steps.len(), interval.map(Interval::time))
}

/// Groups that no watermark closes stay in state for ever, which the clause has to own up to. In append mode
/// there can be no such groups, and in update mode no sessions: `check/output.rs` has those rules.
pub(super) fn check_bounds(draft: &Draft, report: &mut Report) {
    let (Some(group_by), Some(_)) = (draft.group_by.given(), draft.from.given()) else { return };
    let Some(output) = draft.output.given().filter(|_| draft.time_is_clear()) else { return };
    let bounded = draft.event_time_key().is_some();
    let has_session = group_by.keys.iter().any(|key| key.session().is_some());
    if has_session && output.mode == Mode::Update {
        return;
    }
    match &group_by.unbounded {
        None if !bounded && output.mode != Mode::Append => {
            let mut clause = group_by.keyword.to_token_stream();
            clause.extend(group_by.keys.iter().map(|key| key.expr.to_token_stream()));
            report.error(clause, message::unbounded_groups(group_by, timed_relation(draft).as_ref()));
        }
        // In complete mode groups stay for ever in any case, so the word isn't wrong there.
        Some(word) if bounded && output.mode != Mode::Complete => {
            report.error(word, message::SUPERFLUOUS_UNBOUNDED);
        }
        _ => {}
    }
}
