//! Watermarks: over a column of their own input, with a delay that makes sense.

use quote::ToTokens;

use crate::message;
use crate::query::draft::Draft;
use crate::query::expr::mentions;
use crate::report::Report;

use super::window::{check_constant, literal_micros};

pub(super) fn check_watermarks(draft: &Draft, report: &mut Report) {
    let names = draft.names_of_rows();
    for relation in draft.relations() {
        let Some(watermark) = relation.watermark else { continue };
        let mut others = names.iter().filter(|name| **name != relation.alias);
        if let Some(other) = others.find(|name| mentions(watermark.column.to_token_stream(), name)) {
            report.error(&watermark.column, message::watermark_of_another(relation.alias, other));
        }
        if check_constant("delay", &watermark.delay, draft, report)
            && literal_micros(&watermark.delay).is_some_and(|micros| micros < 0)
        {
            report.error(&watermark.delay, message::NEGATIVE_DELAY);
        }
    }
}
