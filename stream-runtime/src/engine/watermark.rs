//! The global watermark: how far event time has certainly got.

use crate::operator::event_time::EventTimeStats;
use crate::plan::PlanInfo;
use crate::time::{Duration, Timestamp};

/// Follows the event time of the inputs and turns it into the watermark of the next batch.
///
/// Each input with a watermark stands at its latest event time less its delay, at the epoch as long as it has had no row in this
/// run. The watermark is the smallest of them, but only rises. It is a number of milliseconds, as in Spark.
#[derive(Clone, Debug)]
pub(crate) struct WatermarkTracker {
    /// By input; `None` for one without a watermark.
    inputs: Vec<Option<InputTime>>,
    watermark_ms: i64,
}

/// How far an input has got.
#[derive(Clone, Copy, Debug)]
struct InputTime {
    delay: Duration,
    reached_ms: i64,
}

impl WatermarkTracker {
    /// `watermark_ms` is where the checkpoint left off.
    pub(crate) fn new(info: &PlanInfo, watermark_ms: i64) -> Self {
        let delays =
            info.all_inputs().into_iter().map(|input| input.watermark.map(|watermark| watermark.delay));
        Self::of(delays, watermark_ms)
    }

    fn of(delays: impl IntoIterator<Item = Option<Duration>>, watermark_ms: i64) -> Self {
        let input = |delay: Option<Duration>| delay.map(|delay| InputTime { delay, reached_ms: 0 });
        Self { inputs: delays.into_iter().map(input).collect(), watermark_ms: watermark_ms.max(0) }
    }

    /// The watermark for the next batch.
    pub(crate) fn current_ms(&self) -> i64 {
        self.watermark_ms
    }

    /// Takes in the event times of a batch that has ended, by input.
    pub(crate) fn advance(&mut self, seen: &[EventTimeStats]) {
        for (input, seen) in self.inputs.iter_mut().zip(seen) {
            if let (Some(input), Some(max)) = (input, seen.max()) {
                let reached = max.as_millis().saturating_sub(input.delay.as_millis());
                input.reached_ms = input.reached_ms.max(reached);
            }
        }
        let reached = self.inputs.iter().flatten().map(|input| input.reached_ms).min();
        self.watermark_ms = self.watermark_ms.max(reached.unwrap_or(0));
    }

    /// The watermark as an instant; `None` if the query has none.
    pub(crate) fn instant(&self, watermark_ms: i64) -> Option<Timestamp> {
        let exists = self.inputs.iter().any(Option::is_some);
        exists.then(|| Timestamp::from_millis(watermark_ms))
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
        let mut tracker = WatermarkTracker::of([Some(seconds(5))], 0);
        tracker.advance(&[seen(15_000_900)]);
        assert_eq!(tracker.current_ms(), 10_000);
        tracker.advance(&[seen(1_000_000)]);
        assert_eq!(tracker.current_ms(), 10_000);
        tracker.advance(&[EventTimeStats::default()]);
        assert_eq!(tracker.current_ms(), 10_000);
        tracker.advance(&[]);
        assert_eq!(tracker.current_ms(), 10_000);
    }

    #[test]
    fn it_never_falls_below_the_epoch() {
        let mut tracker = WatermarkTracker::of([Some(seconds(5))], 0);
        tracker.advance(&[seen(-15_000_000)]);
        assert_eq!(tracker.current_ms(), 0);
    }
}
