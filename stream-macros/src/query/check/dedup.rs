//! `dedup by`: its keys, its place among the steps, and whether its state is bounded.

use quote::ToTokens;

use crate::message;
use crate::query::ast::Retention;
use crate::query::expr::same;
use crate::query::plan::{Draft, Step};
use crate::report::Report;

use super::grouping::MAX_KEYS;

pub(super) fn check_dedup(draft: &Draft, report: &mut Report) {
    check_place(draft, report);
    check_keys(draft, report);
    check_retention(draft, report);
}

/// A row goes to the worker that owns its key, so it has one key: that of `dedup by`, and not one for each item.
fn check_place(draft: &Draft, report: &mut Report) {
    let dedup = draft.steps.iter().position(|step| matches!(step, Step::Dedup(_)));
    let before = draft.steps.iter().take(dedup.unwrap_or(0));
    for step in before {
        if let Step::Explode(explode) = step {
            report.error(&explode.keyword, message::EXPLODE_BEFORE_DEDUP);
        }
    }
}

fn check_keys(draft: &Draft, report: &mut Report) {
    let keys = draft.dedup().map_or(&[][..], |clause| &clause.keys);
    for (at, key) in keys.iter().enumerate() {
        if keys[..at].iter().any(|earlier| same(earlier, key)) {
            report.error(key, message::duplicate_dedup_key(key));
        }
    }
    if let Some(excess) = keys.get(MAX_KEYS) {
        report.error(excess, message::too_many_dedup_keys(MAX_KEYS));
    }
}

/// Keys are remembered until the watermark passes the event time among them, or for as long as the clause says.
fn check_retention(draft: &Draft, report: &mut Report) {
    let (Some(dedup), Some(from)) = (draft.dedup(), draft.from.given()) else { return };
    if !draft.time_is_clear() {
        return;
    }
    let bounded = draft.dedups_by_event_time();
    match &dedup.retention {
        None if !bounded => {
            let mut clause = dedup.keyword.to_token_stream();
            clause.extend(dedup.keys.iter().map(ToTokens::to_token_stream));
            report.error(clause, message::unbounded_dedup(dedup, from));
        }
        Some(Retention::WithinWatermark { within, watermark }) if from.watermark.is_none() => {
            let mut part = within.to_token_stream();
            watermark.to_tokens(&mut part);
            report.error(part, message::within_without_watermark(from));
        }
        Some(Retention::Unbounded(word)) if bounded => {
            report.error(word, message::SUPERFLUOUS_UNBOUNDED_DEDUP);
        }
        _ => {}
    }
}
