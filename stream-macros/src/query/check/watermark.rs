//! Watermarks: over a column of their own input, with a delay that makes sense.

use crate::message;
use crate::query::draft::Draft;
use crate::report::Report;

use super::window::{check_constant, literal_micros};

pub(super) fn check_watermarks(draft: &Draft, report: &mut Report) {
    let names = draft.names_of_rows();
    for relation in draft.relations() {
        let Some(watermark) = relation.watermark else { continue };
        if let Some(other) = relation.foreign_name(&names).filter(|_| relation.is_stream()) {
            report.error(&watermark.column, message::watermark_of_another(relation.alias, other));
        }
        if check_constant("delay", &watermark.delay, draft, report)
            && literal_micros(&watermark.delay).is_some_and(|micros| micros < 0)
        {
            report.error(&watermark.delay, message::NEGATIVE_DELAY);
        }
    }
}
