//! [`Silence`]: since when there have been no rows, and what that means to event time.
//!
//! Time is measured by [`Clock::elapsed`](super::Clock::elapsed), and never for longer than the silence has certainly lasted: from the
//! moment in which a source answered with rows, or that it wasn't caught up, to the one in which it was asked and then had nothing. What is
//! decided here reaches the state only through the watermark in a batch's plan, so a batch that runs again runs with the same.

use crate::time::Duration;

/// How long each source, and all of them, have had no rows.
#[derive(Debug)]
pub(crate) struct Silence {
    /// After how long a source counts as idle, by source.
    idle_after: Vec<Option<Duration>>,
    /// After how long event time moves on by the clock.
    flush_after: Option<Duration>,
    /// When the sources were last asked, and when all of them had answered.
    asked: Duration,
    answered: Duration,
    /// When each of them last had rows, or wasn't caught up.
    heard: Vec<Duration>,
    /// When any of them had or wasn't, and how far event time had got by then.
    began: Duration,
    reached_ms: i64,
    /// Whether moving on has nothing left to close.
    is_settled: bool,
}

impl Silence {
    /// Silence begins at `now`, when event time has got as far as `reached_ms`.
    pub(crate) fn new(
        idle_after: Vec<Option<Duration>>,
        flush_after: Option<Duration>,
        now: Duration,
        reached_ms: i64,
    ) -> Self {
        let heard = vec![now; idle_after.len()];
        Self {
            idle_after,
            flush_after,
            asked: now,
            answered: now,
            heard,
            began: now,
            reached_ms,
            is_settled: false,
        }
    }

    /// The sources are asked for rows.
    pub(crate) fn ask(&mut self, now: Duration) {
        self.asked = now;
        self.answered = now;
    }

    /// The sources have answered: which of them are caught up. For the others silence hasn't begun, and event time has got as far as
    /// `reached_ms`.
    pub(crate) fn answer(&mut self, now: Duration, caught_up: &[bool], reached_ms: i64) {
        self.answered = now;
        for (heard, caught_up) in self.heard.iter_mut().zip(caught_up) {
            if !caught_up {
                *heard = now;
                self.began = now;
                self.reached_ms = reached_ms;
            }
        }
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
        (steps > 0).then(|| self.reached_ms.saturating_add((step * steps).as_millis()))
    }

    /// A batch with these rows (by source) has ended, with which event time got as far as `reached_ms`. `settles` says that it had none,
    /// changed nothing, and has left no state that the watermark closes.
    pub(crate) fn after_batch(
        &mut self,
        rows: impl IntoIterator<Item = u64>,
        reached_ms: i64,
        settles: bool,
    ) {
        self.is_settled = settles;
        for (heard, rows) in self.heard.iter_mut().zip(rows) {
            if rows > 0 {
                *heard = self.answered;
                self.began = self.answered;
                self.reached_ms = reached_ms;
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
        assert!(!silence.is_idle(0), "silence begins after them");
        silence.ask(seconds(109));
        silence.after_batch([0, 7], 0, false);
        silence.ask(seconds(110));
        assert!(silence.is_idle(0), "rows of another source don't count");
    }

    #[test]
    fn silence_is_counted_from_an_answer_with_rows_to_a_question_without() {
        let mut silence = Silence::new(vec![Some(seconds(5))], Some(seconds(5)), seconds(100), 0);
        silence.ask(seconds(101));
        silence.answer(seconds(200), &[true], 0);
        assert!(!silence.is_idle(0), "the source may have had rows since it was asked");
        silence.after_batch([1], 7_000, false);
        silence.ask(seconds(204));
        silence.answer(seconds(300), &[true], 7_000);
        assert!(!silence.is_idle(0), "it answered late");
        silence.ask(seconds(301));
        silence.answer(seconds(301), &[true], 7_000);
        assert!(silence.is_idle(0));
        assert_eq!(silence.flushed_ms(), Some(107_000));
    }

    #[test]
    fn a_source_that_is_not_caught_up_is_not_silent() {
        let mut silence = Silence::new(vec![Some(seconds(5)); 2], Some(seconds(5)), seconds(100), 0);
        silence.ask(seconds(110));
        silence.answer(seconds(110), &[true, false], 9_000);
        assert!(silence.is_idle(0) && !silence.is_idle(1));
        silence.ask(seconds(114));
        silence.answer(seconds(114), &[true, true], 9_000);
        assert!(!silence.is_idle(1));
        assert_eq!(silence.flushed_ms(), None);
        silence.ask(seconds(115));
        assert!(silence.is_idle(1));
        assert_eq!(silence.flushed_ms(), Some(14_000));
    }

    #[test]
    fn event_time_moves_on_in_whole_steps_from_where_the_last_rows_brought_it() {
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
