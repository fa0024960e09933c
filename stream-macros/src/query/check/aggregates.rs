//! Where aggregates may stand, and how many.

use crate::message;
use crate::query::aggregate;
use crate::query::ast::Kind;
use crate::query::draft::Draft;
use crate::query::split::Split;
use crate::report::Report;

/// Tuples that serde and `Default` know hold twelve elements, and they are nested once.
pub(crate) const PER_TUPLE: usize = 12;

/// An aggregate needs the rows of a group, and before `group by` there are none.
pub(super) fn check_places(draft: &Draft, report: &mut Report) {
    let steps =
        draft.steps.iter().flat_map(|step| step.exprs().into_iter().map(move |expr| (step.kind(), expr)));
    let keys = draft.group_by.given().into_iter().flat_map(|clause| &clause.keys);
    let keys = keys.map(|key| (Kind::GroupBy, &key.expr));
    let process = draft.process.given().into_iter().flat_map(|clause| &clause.keys);
    let process = process.map(|key| (Kind::Process, key));
    let watermark = draft.from.given().and_then(|from| from.watermark.as_ref());
    let watermark = watermark.map(|watermark| (Kind::From, &watermark.column));
    for (kind, expr) in watermark.into_iter().chain(steps).chain(keys).chain(process) {
        for call in aggregate::calls(expr) {
            report.error(&call, message::aggregate_before_groups(&call, kind));
        }
    }
}

pub(super) fn check_number(split: &Split, report: &mut Report) {
    if let Some(excess) = split.aggregates.get(PER_TUPLE * PER_TUPLE) {
        report.error(&excess.call, message::too_many_aggregates(PER_TUPLE * PER_TUPLE));
    }
}
