//! A plan as data: what `explain()` prints and the checkpoint's fingerprint is made of.

use crate::time::Duration;

use super::Mode;

/// A query's plan.
#[derive(Clone, Debug)]
pub struct PlanInfo {
    /// The query's name.
    pub query: &'static str,
    /// The inputs in the order of their declaration.
    pub inputs: &'static [InputInfo],
    /// The clauses between `from` and `group by`, in order, as written: `where action == "view"`. `dedup by` is one
    /// of them, which tells what stands before and what behind it, and has its operator too.
    pub clauses: &'static [&'static str],
    /// The stateful operators, in the order in which a row reaches them.
    pub operators: &'static [OperatorInfo],
    /// The select clause, as written.
    pub select: &'static str,
    /// The condition of the having clause, as written.
    pub having: Option<&'static str>,
    /// The output mode.
    pub mode: Mode,
}

/// An input of a query.
#[derive(Clone, Copy, Debug)]
pub struct InputInfo {
    /// The input's name.
    pub name: &'static str,
    /// The row type's name.
    pub row: &'static str,
    /// Its watermark.
    pub watermark: Option<WatermarkInfo>,
    /// The columns that the query reads, in the order of their first use; `None` for all.
    pub columns: Option<&'static [&'static str]>,
}

/// An input's watermark.
#[derive(Clone, Copy, Debug)]
pub struct WatermarkInfo {
    /// The event-time column.
    pub column: &'static str,
    /// How late a row may be.
    pub delay: Duration,
}

/// A stateful operator.
#[derive(Clone, Copy, Debug)]
pub struct OperatorInfo {
    /// Spark's name for it, as in progress reports: `stateStoreSave`, `sessionWindowStateStoreSaveExec`, `dedupe`,
    /// `dedupeWithinWatermark` or `transformWithStateExec`.
    pub name: &'static str,
    /// The clause as written, without the input's alias: `group by window(timestamp, minutes(5)), page`.
    pub clause: &'static str,
    /// Width, slide and start of the window, if there is one.
    pub window: Option<(Duration, Duration, Duration)>,
    /// The aggregates, as written.
    pub aggregates: &'static [&'static str],
    /// Whether a watermark closes its groups or sessions, or drops its keys.
    pub event_time_key: bool,
}

impl OperatorInfo {
    /// Whether this is a `dedup by`.
    pub(crate) fn is_deduplication(&self) -> bool {
        matches!(self.name, "dedupe" | "dedupeWithinWatermark")
    }
}
