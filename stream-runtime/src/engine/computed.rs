//! [`Computed`]: what the operators made of a batch's rows, for the watermark and the progress.

use crate::operator::event_time::EventTimeStats;
use crate::plan::OperatorMetrics;
use crate::time::Duration;

/// What a batch's rows came to.
#[derive(Debug, Default)]
pub(crate) struct Computed {
    pub(crate) input_rows: u64,
    pub(crate) malformed_rows: u64,
    pub(crate) output_rows: u64,
    pub(crate) event_time: EventTimeStats,
    pub(crate) operators: Vec<OperatorMetrics>,
    pub(crate) took: Took,
}

/// How long the operators worked on a batch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Took {
    /// Taking in the rows.
    pub(crate) updates: Duration,
    /// Putting out results, and removing what is behind the watermark.
    pub(crate) removals: Duration,
}
