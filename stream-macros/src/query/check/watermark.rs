//! The watermark's delay.

use crate::message;
use crate::query::plan::Draft;
use crate::report::Report;

use super::window::{check_constant, literal_micros};

pub(super) fn check_watermark(draft: &Draft, report: &mut Report) {
    let Some(watermark) = draft.watermark() else { return };
    if check_constant("delay", &watermark.delay, draft, report)
        && literal_micros(&watermark.delay).is_some_and(|micros| micros < 0)
    {
        report.error(&watermark.delay, message::NEGATIVE_DELAY);
    }
}
