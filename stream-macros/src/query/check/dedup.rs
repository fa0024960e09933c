//! `dedup by`: its keys, its place among the steps, and whether its state is bounded.

use quote::ToTokens;

use crate::message;
use crate::query::ast::{Dedup, Retention};
use crate::query::draft::Draft;
use crate::query::expr::same;
use crate::query::step::Step;
use crate::report::Report;

use super::grouping::MAX_KEYS;

pub(super) fn check_dedups(draft: &Draft, report: &mut Report) {
    check_place(draft, report);
    for (at, dedup) in draft.dedups() {
        check_keys(dedup, report);
        check_retention(draft, at, dedup, report);
    }
}

/// A row goes to the worker that owns its key, so it has one key: that of the clause, and not one for each item of
/// `explode` or each row of a table. The next join of two streams is such a clause, too.
fn check_place(draft: &Draft, report: &mut Report) {
    for (at, step) in draft.steps.iter().enumerate() {
        let (keyword, is_explode) = match step {
            Step::Explode(explode) => (&explode.keyword, true),
            Step::Join(join) if draft.is_static_join(*step) => (&join.keyword, false),
            _ => continue,
        };
        let mut behind = draft.steps[at..].iter();
        if behind.clone().any(|step| draft.is_stream_join(*step)) {
            report.error(keyword, message::fan_out_before_join(is_explode));
        } else if behind.any(|step| matches!(step, Step::Dedup(_))) {
            report.error(keyword, message::fan_out_before_dedup(is_explode));
        }
    }
}

fn check_keys(dedup: &Dedup, report: &mut Report) {
    for (at, key) in dedup.keys.iter().enumerate() {
        if dedup.keys[..at].iter().any(|earlier| same(earlier, key)) {
            report.error(key, message::duplicate_dedup_key(key));
        }
    }
    if let Some(excess) = dedup.keys.get(MAX_KEYS) {
        report.error(excess, message::too_many_dedup_keys(MAX_KEYS));
    }
}

/// Keys are remembered until the watermark passes the event time among them, or for as long as the clause says.
fn check_retention(draft: &Draft, at: usize, dedup: &Dedup, report: &mut Report) {
    if draft.from.given().is_none() || !draft.time_is_clear() {
        return;
    }
    let bounded = draft.dedup_time(at, dedup).is_some();
    let timed = draft.timed_relation(at, None);
    match &dedup.retention {
        None if !bounded => {
            let mut clause = dedup.keyword.to_token_stream();
            clause.extend(dedup.keys.iter().map(ToTokens::to_token_stream));
            report.error(clause, message::unbounded_dedup(dedup, timed.as_ref()));
        }
        Some(Retention::WithinWatermark { within, watermark }) => {
            let mut part = within.to_token_stream();
            watermark.to_tokens(&mut part);
            // Its delay is how long a key stays, so there has to be one, and one alone.
            match &draft.watermarked_after(at)[..] {
                [] => report.error(part, message::within_without_watermark(dedup, timed.as_ref())),
                [one] => {
                    if let Some(query) = one.query() {
                        report.error(part, message::within_watermark_of_a_query(dedup, query, one));
                    }
                }
                more => report.error(part, message::within_two_watermarks(dedup, more)),
            }
        }
        Some(Retention::Unbounded(word)) if bounded => {
            report.error(word, message::SUPERFLUOUS_UNBOUNDED_DEDUP);
        }
        _ => {}
    }
}
