//! [`Window`]: a stretch of event time.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Duration, Timestamp, microseconds};

/// A time window: `start` inclusive, `end` exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window {
    /// The first instant inside the window.
    pub start: Timestamp,
    /// The first instant after the window.
    pub end: Timestamp,
}

impl Window {
    /// The last instant inside the window, `end` − 1 µs; it carries the watermark when a result is windowed
    /// again (Spark's `window_time`).
    pub fn time(self) -> Timestamp {
        self.end - microseconds(1)
    }

    /// The length of the window.
    pub fn width(self) -> Duration {
        self.end - self.start
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.start, self.end)
    }
}
