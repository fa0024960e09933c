//! The global watermark: how far event time has certainly got.

use crate::operator::event_time::EventTimeStats;
use crate::time::{Duration, Timestamp};

/// Follows the event time of the input and turns it into the watermark of the next batch.
///
/// The watermark starts at the epoch and only rises. It is a number of milliseconds, as in Spark.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WatermarkTracker {
    delay: Option<Duration>,
    watermark_ms: i64,
}

impl WatermarkTracker {
    /// `delay` is the input's; `None` if it has no watermark. `watermark_ms` is where the checkpoint left off.
    pub(crate) fn new(delay: Option<Duration>, watermark_ms: i64) -> Self {
        Self { delay, watermark_ms: watermark_ms.max(0) }
    }

    /// The watermark for the next batch.
    pub(crate) fn current_ms(&self) -> i64 {
        self.watermark_ms
    }

    /// Takes in the event times of a batch that has ended.
    pub(crate) fn advance(&mut self, stats: &EventTimeStats) {
        if let (Some(delay), Some(max)) = (self.delay, stats.max()) {
            let reached = max.as_millis().saturating_sub(delay.as_millis());
            self.watermark_ms = self.watermark_ms.max(reached);
        }
    }

    /// The watermark as an instant; `None` if the query has none.
    pub(crate) fn instant(&self, watermark_ms: i64) -> Option<Timestamp> {
        self.delay.map(|_| Timestamp::from_millis(watermark_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::seconds;

    fn seen(micros: i64) -> EventTimeStats {
        let mut stats = EventTimeStats::default();
        stats.observe(Timestamp::from_micros(micros));
        stats
    }

    #[test]
    fn the_watermark_only_rises_and_counts_whole_milliseconds() {
        let mut tracker = WatermarkTracker::new(Some(seconds(5)), 0);
        tracker.advance(&seen(15_000_900));
        assert_eq!(tracker.current_ms(), 10_000);
        tracker.advance(&seen(1_000_000));
        assert_eq!(tracker.current_ms(), 10_000);
        tracker.advance(&EventTimeStats::default());
        assert_eq!(tracker.current_ms(), 10_000);
    }

    #[test]
    fn it_never_falls_below_the_epoch() {
        let mut tracker = WatermarkTracker::new(Some(seconds(5)), 0);
        tracker.advance(&seen(-15_000_000));
        assert_eq!(tracker.current_ms(), 0);
    }
}
