//! [`Silence`]: since when there have been no rows, and what that means to event time.
//!
//! Time is measured by [`Clock::elapsed`](super::Clock::elapsed) from the moment in which the engine asked for the rows that a
//! batch then read. What is decided here reaches the state only through the watermark in a batch's plan, so a batch that runs
//! again runs with the same.

use crate::time::Duration;

/// How long each source, and all of them, have had no rows.
#[derive(Debug)]
pub(crate) struct Silence {
    /// After how long a source counts as idle, by source.
    idle_after: Vec<Option<Duration>>,
    /// After how long event time moves on by the clock.
    flush_after: Option<Duration>,
    /// When the sources were last asked.
    asked: Duration,
    /// When each of them last had rows.
    heard: Vec<Duration>,
    /// When any of them had, and the watermark that these rows led to.
    began: Duration,
    watermark_ms: i64,
    /// Whether moving on has nothing left to close.
    is_settled: bool,
}

impl Silence {
    /// Silence begins at `now`.
    pub(crate) fn new(
        idle_after: Vec<Option<Duration>>,
        flush_after: Option<Duration>,
        now: Duration,
        watermark_ms: i64,
    ) -> Self {
        let heard = vec![now; idle_after.len()];
        Self { idle_after, flush_after, asked: now, heard, began: now, watermark_ms, is_settled: false }
    }

    /// The sources are asked for rows.
    pub(crate) fn ask(&mut self, now: Duration) {
        self.asked = now;
    }

    /// Whether a source that is caught up has been silent for so long that it counts as idle.
    pub(crate) fn is_idle(&self, source: usize) -> bool {
        let silent = self.heard.get(source).map(|heard| self.asked - *heard);
        let after = self.idle_after.get(source).copied().flatten();
        silent.zip(after).is_some_and(|(silent, after)| silent >= after)
    }

    /// How far event time has got by the clock while all sources were silent and caught up, in ms.
    pub(crate) fn flushed_ms(&self) -> Option<i64> {
        let step = self.flush_after.filter(|_| !self.is_settled)?;
        let steps = (self.asked - self.began).as_micros().checked_div(step.as_micros())?;
        (steps > 0).then(|| self.watermark_ms.saturating_add((step * steps).as_millis()))
    }

    /// A batch with these rows (by source) has ended, which led to this watermark. `settles` says that it had none, changed nothing,
    /// and has left no state that the watermark closes.
    pub(crate) fn after_batch(
        &mut self,
        rows: impl IntoIterator<Item = u64>,
        watermark_ms: i64,
        settles: bool,
    ) {
        self.is_settled = settles;
        for (heard, rows) in self.heard.iter_mut().zip(rows) {
            if rows > 0 {
                *heard = self.asked;
                self.began = self.asked;
                self.watermark_ms = watermark_ms;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::seconds;

    #[test]
    fn a_source_is_idle_once_it_has_had_no_rows_for_its_time() {
        let mut silence = Silence::new(vec![Some(seconds(5)), None], None, seconds(100), 0);
        silence.ask(seconds(104));
        assert!(!silence.is_idle(0));
        silence.ask(seconds(105));
        assert!(silence.is_idle(0));
        assert!(!silence.is_idle(1), "it has no such time");
        silence.after_batch([1, 0], 0, false);
        assert!(!silence.is_idle(0), "rows count from when they were asked for");
        silence.ask(seconds(109));
        silence.after_batch([0, 7], 0, false);
        silence.ask(seconds(110));
        assert!(silence.is_idle(0), "rows of another source don't count");
    }

    #[test]
    fn event_time_moves_on_in_whole_steps_from_the_watermark_that_the_last_rows_led_to() {
        let mut silence = Silence::new(vec![None], Some(seconds(10)), seconds(100), 7_000);
        let mut at = |second| {
            silence.ask(seconds(second));
            silence.flushed_ms()
        };
        assert_eq!([at(109), at(110), at(119), at(135)], [None, Some(17_000), Some(17_000), Some(37_000)]);
        silence.after_batch([3], 50_000, false);
        silence.ask(seconds(144));
        assert_eq!(silence.flushed_ms(), None);
        silence.ask(seconds(145));
        assert_eq!(silence.flushed_ms(), Some(60_000));
        silence.after_batch([0], 60_000, true);
        silence.ask(seconds(500));
        assert_eq!(silence.flushed_ms(), None, "there is nothing left to close");
    }

    #[test]
    fn without_the_option_event_time_stands() {
        let mut silence = Silence::new(vec![None], None, Duration::ZERO, 0);
        silence.ask(Duration::MAX);
        assert_eq!(silence.flushed_ms(), None);
    }
}
