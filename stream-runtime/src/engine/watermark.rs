//! The global watermark: how far event time has certainly got.

use crate::operator::event_time::EventTimeStats;
use crate::plan::PlanInfo;
use crate::time::{Duration, Timestamp};

use super::policy::WatermarkPolicy;

/// Follows the event time of the inputs and turns it into the watermark of the next batch.
///
/// Each input with a watermark stands at its latest event time less its delay, at the epoch as long as it has had no row in this
/// run. The watermark is the smallest of them, idle inputs left out, or the largest, as the policy says; but it only rises. It is a
/// number of milliseconds, as in Spark.
#[derive(Clone, Debug)]
pub(crate) struct WatermarkTracker {
    policy: WatermarkPolicy,
    /// By input; `None` for one without a watermark.
    inputs: Vec<Option<InputTime>>,
    watermark_ms: i64,
    /// Where the input stands, in this run or an earlier one, that has got furthest.
    furthest_ms: i64,
}

/// How far an input has got.
#[derive(Clone, Copy, Debug)]
struct InputTime {
    delay: Duration,
    reached_ms: i64,
    is_idle: bool,
}

impl WatermarkTracker {
    /// `watermark_ms` and `furthest_ms` are where the checkpoint left off.
    pub(crate) fn new(info: &PlanInfo, policy: WatermarkPolicy, watermark_ms: i64, furthest_ms: i64) -> Self {
        let delays =
            info.all_inputs().into_iter().map(|input| input.watermark.map(|watermark| watermark.delay));
        Self { furthest_ms, ..Self::of(delays, policy, watermark_ms) }
    }

    fn of(
        delays: impl IntoIterator<Item = Option<Duration>>,
        policy: WatermarkPolicy,
        watermark_ms: i64,
    ) -> Self {
        let input =
            |delay: Option<Duration>| delay.map(|delay| InputTime { delay, reached_ms: 0, is_idle: false });
        let inputs = delays.into_iter().map(input).collect();
        Self { policy, inputs, watermark_ms: watermark_ms.max(0), furthest_ms: 0 }
    }

    /// The watermark for the next batch.
    pub(crate) fn current_ms(&self) -> i64 {
        self.watermark_ms
    }

    /// Where the input stands that has got furthest, whatever the watermark waits for.
    pub(crate) fn furthest_ms(&self) -> i64 {
        self.furthest_ms
    }

    /// How far event time has got: the watermark, or past it the input that has got furthest.
    pub(crate) fn reached_ms(&self) -> i64 {
        self.watermark_ms.max(self.furthest_ms)
    }

    /// Takes in the event times of a batch that has ended, by input.
    pub(crate) fn advance(&mut self, seen: &[EventTimeStats]) {
        for (input, seen) in self.inputs.iter_mut().zip(seen) {
            if let (Some(input), Some(max)) = (input, seen.max()) {
                let reached = max.as_millis().saturating_sub(input.delay.as_millis());
                input.reached_ms = input.reached_ms.max(reached);
                self.furthest_ms = self.furthest_ms.max(reached);
            }
        }
        self.rise();
    }

    /// Says of each input whether it is idle: silent for so long that the others don't wait for it. If all are, the watermark stands.
    pub(crate) fn set_idle(&mut self, idle: impl IntoIterator<Item = bool>) {
        for (input, idle) in self.inputs.iter_mut().zip(idle) {
            if let Some(input) = input {
                input.is_idle = idle;
            }
        }
        self.rise();
    }

    fn rise(&mut self) {
        let inputs = self.inputs.iter().flatten();
        let reached = match self.policy {
            WatermarkPolicy::Min => inputs.filter(|input| !input.is_idle).map(|input| input.reached_ms).min(),
            WatermarkPolicy::Max => inputs.map(|input| input.reached_ms).max(),
        };
        self.rise_to(reached.unwrap_or(0));
    }

    /// Lets the watermark be at least this, whatever the inputs say.
    pub(crate) fn rise_to(&mut self, watermark_ms: i64) {
        self.watermark_ms = self.watermark_ms.max(watermark_ms);
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
        let mut tracker = WatermarkTracker::of([Some(seconds(5))], WatermarkPolicy::Min, 0);
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
        let mut tracker = WatermarkTracker::of([Some(seconds(5))], WatermarkPolicy::Min, 0);
        tracker.advance(&[seen(-15_000_000)]);
        assert_eq!(tracker.current_ms(), 0);
    }

    /// Two inputs without delay, and one without a watermark between them.
    fn two(policy: WatermarkPolicy) -> WatermarkTracker {
        WatermarkTracker::of([Some(Duration::ZERO), None, Some(Duration::ZERO)], policy, 0)
    }

    #[test]
    fn the_policy_takes_the_slowest_or_the_fastest_input() {
        for (policy, first, then) in [(WatermarkPolicy::Min, 0, 2_000), (WatermarkPolicy::Max, 7_000, 7_000)]
        {
            let mut tracker = two(policy);
            tracker.advance(&[seen(7_000_000)]);
            assert_eq!(tracker.current_ms(), first, "{policy}");
            tracker.advance(&[EventTimeStats::default(), seen(9_000_000), seen(2_000_000)]);
            assert_eq!(tracker.current_ms(), then, "{policy}");
        }
    }

    #[test]
    fn event_time_has_got_as_far_as_the_fastest_input_whatever_the_policy_waits_for() {
        for policy in [WatermarkPolicy::Min, WatermarkPolicy::Max] {
            let mut tracker = two(policy);
            assert_eq!(tracker.reached_ms(), 0);
            tracker.advance(&[seen(7_000_000)]);
            assert_eq!(tracker.reached_ms(), 7_000, "{policy}");
            tracker.advance(&[EventTimeStats::default(), seen(9_000_000), seen(2_000_000)]);
            assert_eq!(
                tracker.reached_ms(),
                7_000,
                "{policy}: an input without a watermark has no part in it"
            );
            tracker.rise_to(8_000);
            assert_eq!((tracker.reached_ms(), tracker.furthest_ms()), (8_000, 7_000), "{policy}");
        }
    }

    #[test]
    fn an_idle_input_is_left_out_until_it_is_not_and_all_idle_ones_move_nothing() {
        let mut tracker = two(WatermarkPolicy::Min);
        tracker.advance(&[seen(7_000_000), EventTimeStats::default(), seen(2_000_000)]);
        tracker.set_idle([true, true, true]);
        assert_eq!(tracker.current_ms(), 2_000);
        tracker.set_idle([false, true, true]);
        assert_eq!(tracker.current_ms(), 7_000);
        tracker.set_idle([false, false, false]);
        assert_eq!(tracker.current_ms(), 7_000, "it never falls");
        tracker.advance(&[seen(9_000_000)]);
        assert_eq!(tracker.current_ms(), 7_000);
    }
}
