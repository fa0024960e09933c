//! What a watermark learns from the rows of a batch.

use crate::time::Timestamp;

use super::windowing::EventTime;

/// Minimum, maximum and mean of an input's event time over one batch. Null event times are left out.
#[derive(Clone, Copy, Debug)]
pub struct EventTimeStats {
    max: i64,
    min: i64,
    sum: i128,
    count: u64,
}

impl Default for EventTimeStats {
    fn default() -> Self {
        Self { max: i64::MIN, min: i64::MAX, sum: 0, count: 0 }
    }
}

impl EventTimeStats {
    /// Takes in one row, late or not, filtered out or not.
    #[inline]
    pub(crate) fn observe(&mut self, time: impl EventTime) {
        if let Some(micros) = time.micros() {
            self.max = self.max.max(micros);
            self.min = self.min.min(micros);
            self.sum += i128::from(micros);
            self.count += 1;
        }
    }

    /// Takes in the earliest and the latest time of rows that nobody reads. They don't count for the mean.
    #[cfg(feature = "arrow")]
    pub(crate) fn observe_range(&mut self, earliest: crate::time::Timestamp, latest: crate::time::Timestamp) {
        self.min = self.min.min(earliest.as_micros());
        self.max = self.max.max(latest.as_micros());
    }

    /// Takes in what another worker saw.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.max = self.max.max(other.max);
        self.min = self.min.min(other.min);
        self.sum += other.sum;
        self.count += other.count;
    }

    /// The latest event time; `None` if no row had one.
    pub fn max(&self) -> Option<Timestamp> {
        (self.max >= self.min).then(|| Timestamp::from_micros(self.max))
    }

    /// The earliest event time.
    pub fn min(&self) -> Option<Timestamp> {
        (self.max >= self.min).then(|| Timestamp::from_micros(self.min))
    }

    /// The mean event time.
    pub fn avg(&self) -> Option<Timestamp> {
        (self.count > 0).then(|| Timestamp::from_micros((self.sum / i128::from(self.count)) as i64))
    }
}
