//! [`Reading`]: what a row function has at hand besides its row and the operator.

use crate::operator::event_time::EventTimeStats;
use crate::operator::windowing::EventTime;

/// The surroundings of a row function: the watermark that watches the rows go by, and the tables of static inputs.
#[derive(Debug)]
pub struct Reading<T = ()> {
    /// The tables of the static inputs that the row function looks into.
    pub tables: T,
    pub(crate) event_time: EventTimeStats,
    /// Whether rows come from the source, each once, and not from another worker.
    pub(crate) is_first_pass: bool,
}

impl<T> Reading<T> {
    pub(crate) fn new(tables: T) -> Self {
        Self { tables, event_time: EventTimeStats::default(), is_first_pass: true }
    }

    /// Shows the watermark a row's event time.
    #[inline]
    pub fn observe(&mut self, time: impl EventTime) {
        if self.is_first_pass {
            self.event_time.observe(time);
        }
    }
}
