//! [`Timer`]: what a processor asks to be called for when its time has come.

use crate::time::Timestamp;

/// Which clock a timer goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimerKind {
    /// The watermark of the input.
    EventTime,
    /// The time of the batch, as the machine's clock shows it.
    ProcessingTime,
}

/// A timer of a key. A key has any number of them, but no two of the same kind and time.
///
/// Timers are ordered as they fire: those of event time first, each kind in the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer {
    /// Which clock it goes by.
    pub kind: TimerKind,
    /// When it fires: in the first batch whose watermark, or time, is at this instant or past it.
    pub time: Timestamp,
}
