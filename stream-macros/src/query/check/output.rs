//! The output mode against the query's shape: the support matrix of Spark's `UnsupportedOperationChecker`, and
//! what `select` and `having` may be.
//!
//! | query | append | update | complete |
//! |---|---|---|---|
//! | no aggregation | yes | yes | no |
//! | aggregation whose groups a watermark closes | yes | yes | yes |
//! | sessions that a watermark closes | yes | no | yes |
//! | any other sessions | no | no | yes |
//! | any other aggregation | no | yes | yes |
//! | `process by` | yes | yes | no |
//! | a join of two streams, whatever follows | yes | no | no |
//! | another query's rows, then anything with state | yes | no | no |
//! | `order by` | no | no | of an aggregation |
//! | `limit` | yes | no | of an aggregation |
//!
//! `dedup by` and joins with a static input change none of this: a query has the modes that it has without them.

use quote::ToTokens;
use syn::Expr;

use crate::message;
use crate::query::ast::Mode;
use crate::query::draft::{Draft, Slot};
use crate::report::Report;

use super::grouping::timed_relation;

pub(super) fn check_mode(draft: &Draft, report: &mut Report) {
    let (Some(_), Some(output)) = (draft.from.given(), draft.output.given()) else { return };
    let Some(aggregates) = draft.aggregates() else { return };
    let mut clause = output.keyword.to_token_stream();
    output.word.to_tokens(&mut clause);
    let is_final = output.mode == Mode::Append;
    let chained = draft.stateful().filter(|_| !is_final && reads_a_query(draft));
    let mistake = if !is_final && draft.joins_streams() {
        Some(message::mode_of_a_join(output.mode))
    } else if let Some(stateful) = chained {
        Some(message::mode_of_a_chain(output.mode, stateful))
    } else {
        mode_mistake(draft, output.mode, aggregates)
    };
    match mistake {
        Some(mistake) => report.error(clause, mistake),
        None => check_ends(draft, output.mode, aggregates, report),
    }
}

/// What the mode gets wrong in a query whose joins and inputs would allow it.
fn mode_mistake(draft: &Draft, mode: Mode, aggregates: bool) -> Option<String> {
    match mode {
        Mode::Complete if !draft.process.is_absent() => Some(message::COMPLETE_PROCESS.to_owned()),
        Mode::Complete if !aggregates => Some(message::COMPLETE_WITHOUT_AGGREGATION.to_owned()),
        Mode::Update if has_session(draft) => {
            Some(message::update_of_sessions(draft.event_time_key().is_some()))
        }
        // With a broken `group by` there may well be such a key.
        Mode::Append if aggregates && draft.event_time_key().is_none() && draft.time_is_clear() => {
            let timed = timed_relation(draft);
            let can_update = !draft.joins_streams() && !reads_a_query(draft);
            match draft.group_by {
                Slot::Broken => None,
                Slot::Absent => Some(message::append_of_one_group(timed.as_ref(), can_update)),
                Slot::Given(group_by) => {
                    Some(message::append_without_closing(group_by, timed.as_ref(), can_update))
                }
            }
        }
        _ => None,
    }
}

/// `order by` orders a whole result, and `limit` counts rows that stay as they are.
fn check_ends(draft: &Draft, mode: Mode, aggregates: bool, report: &mut Report) {
    if !draft.process.is_absent() {
        return;
    }
    if let Some(order_by) = draft.order_by.given().filter(|_| mode != Mode::Complete) {
        let can_complete = aggregates && !draft.joins_streams() && !reads_a_query(draft);
        report.error(&order_by.keyword, message::order_of_batches(mode, can_complete));
    }
    if let Some(limit) = draft.limit.given().filter(|_| mode == Mode::Update) {
        report.error(&limit.keyword, message::limit_of_updates(aggregates));
    }
}

fn reads_a_query(draft: &Draft) -> bool {
    draft.relations().iter().any(|relation| relation.query().is_some())
}

fn has_session(draft: &Draft) -> bool {
    draft.group_by.given().is_some_and(|clause| clause.keys.iter().any(|key| key.session().is_some()))
}

pub(super) fn check_select(draft: &Draft, report: &mut Report) {
    if let Some(Expr::Struct(row)) = draft.select.given().map(|select| &select.row)
        && let Some(dots) = &row.dot2_token
    {
        let mut rest = dots.to_token_stream();
        row.rest.to_tokens(&mut rest);
        report.error(rest, message::SELECT_WITH_REST);
    }
    if let (Some(having), Some(false)) = (draft.having.given(), draft.aggregates())
        && draft.process.is_absent()
    {
        report.error(&having.keyword, message::HAVING_WITHOUT_AGGREGATION);
    }
}
