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
//!
//! `dedup by` changes none of this: a query has the modes that it has without it.

use quote::ToTokens;
use syn::Expr;

use crate::message;
use crate::query::ast::Mode;
use crate::query::plan::{Draft, Slot};
use crate::report::Report;

pub(super) fn check_mode(draft: &Draft, report: &mut Report) {
    let (Some(from), Some(output)) = (draft.from.given(), draft.output.given()) else { return };
    let Some(aggregates) = draft.aggregates() else { return };
    let mut clause = output.keyword.to_token_stream();
    output.word.to_tokens(&mut clause);
    match output.mode {
        Mode::Complete if !aggregates => report.error(clause, message::COMPLETE_WITHOUT_AGGREGATION),
        Mode::Update if has_session(draft) => {
            report.error(clause, message::update_of_sessions(draft.event_time_key().is_some()));
        }
        // With a broken `group by` there may well be such a key.
        Mode::Append if aggregates && draft.event_time_key().is_none() && draft.time_is_clear() => {
            match draft.group_by {
                Slot::Broken => {}
                Slot::Absent => report.error(clause, message::append_of_one_group(from)),
                Slot::Given(group_by) => {
                    report.error(clause, message::append_without_closing(group_by, from));
                }
            }
        }
        _ => {}
    }
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
    if let (Some(having), Some(false)) = (draft.having.given(), draft.aggregates()) {
        report.error(&having.keyword, message::HAVING_WITHOUT_AGGREGATION);
    }
}
