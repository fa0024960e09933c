//! `process by`, which is there instead of an aggregation and its result.

use quote::ToTokens;

use crate::message;
use crate::query::ast::{Kind, Process};
use crate::query::draft::Draft;
use crate::query::expr::{mentions, same};
use crate::report::Report;

use super::grouping::MAX_KEYS;

pub(super) fn check_process(draft: &Draft, report: &mut Report) {
    let Some(process) = draft.process.given() else { return };
    check_alone(draft, report);
    check_keys(process, report);
    let names = draft.names_of_rows();
    if names.iter().any(|name| mentions(process.processor.to_token_stream(), name)) {
        report.error(&process.processor, message::PROCESSOR_OF_A_ROW);
    }
}

/// The processor makes the result rows, from rows of one type.
fn check_alone(draft: &Draft, report: &mut Report) {
    let others = [
        (Kind::GroupBy, draft.group_by.given().map(|clause| &clause.keyword)),
        (Kind::Select, draft.select.given().map(|clause| &clause.keyword)),
        (Kind::Having, draft.having.given().map(|clause| &clause.keyword)),
        (Kind::OrderBy, draft.order_by.given().map(|clause| &clause.keyword)),
        (Kind::Limit, draft.limit.given().map(|clause| &clause.keyword)),
    ];
    for (kind, keyword) in others {
        if let Some(keyword) = keyword {
            report.error(keyword, message::beside_process(kind, &draft.query.name));
        }
    }
    if let Some((_, join)) = draft.joins().next() {
        report.error(&join.keyword, message::join_before_process(join));
    }
}

fn check_keys(process: &Process, report: &mut Report) {
    for (at, key) in process.keys.iter().enumerate() {
        if process.keys[..at].iter().any(|earlier| same(earlier, key)) {
            report.error(key, message::duplicate_process_key(key));
        }
    }
    if let Some(excess) = process.keys.get(MAX_KEYS) {
        report.error(excess, message::too_many_process_keys(MAX_KEYS));
    }
}
