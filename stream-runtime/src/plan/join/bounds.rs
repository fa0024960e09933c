//! [`Bounds`]: how long a join keeps its rows.

use std::ops::{Bound, RangeBounds as _};

use crate::operator::windowing::{EventTime, NEVER};
use crate::time::{Duration, Timestamp};

/// How far behind the watermark each side's rows go: what follows from the `within` clause (Spark's `StreamingJoinHelper`).
///
/// A row of event time `t` can go once no later row of the other side matches it. Those are after the watermark `W`; so if every match has
/// `other + c < t`, or `<=`, the row is of no more use when `t <= W + c`, or `t <= W + c - 1 ms`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// `c` of the left side, in µs; `None` if nothing bounds it.
    left: Option<i64>,
    right: Option<i64>,
}

/// How far an event time is from another one, from and to.
pub type TimeRange = (Bound<Duration>, Bound<Duration>);

/// Whether `time` is within `range` of `base`. A null is within nothing.
#[inline]
pub fn within(time: impl EventTime, base: impl EventTime, range: TimeRange) -> bool {
    match (time.micros(), base.micros()) {
        // The difference saturates, and so does no other than one that is longer than any range.
        (Some(time), Some(base)) => {
            range.contains(&(Timestamp::from_micros(time) - Timestamp::from_micros(base)))
        }
        _ => false,
    }
}

/// The watermark is a number of milliseconds: the first instant after it is one later.
const STEP: i64 = 1_000;

impl Bounds {
    /// Nothing bounds the state.
    pub const NONE: Self = Self { left: None, right: None };

    /// The event times are equal, as they are part of the key.
    pub const SAME_TIME: Self = Self { left: Some(0), right: Some(0) };

    /// `right` is between `left + from` and `left + to`.
    pub const fn right_within((from, to): TimeRange) -> Self {
        // right >= left + from bounds right from below; left >= right - to bounds left.
        Self { left: below(negative(to)), right: below(from) }
    }

    /// `left` is between `right + from` and `right + to`.
    pub const fn left_within((from, to): TimeRange) -> Self {
        Self { left: below(from), right: below(negative(to)) }
    }

    /// The watermark in µs at which a left row of this event time goes.
    pub(super) fn left_expiry(self, time: Option<i64>) -> i64 {
        expiry(self.left, time)
    }

    /// The watermark in µs at which a right row of this event time goes.
    pub(super) fn right_expiry(self, time: Option<i64>) -> i64 {
        expiry(self.right, time)
    }

    /// About how long rows of the left and of the right side are kept, in µs.
    pub(super) fn retention(self) -> (i64, i64) {
        let retention = |bound: Option<i64>| bound.map_or(0, i64::saturating_neg).max(0);
        (retention(self.left), retention(self.right))
    }

    /// The watermark of the rows that come out while that of the rows that go in is `micros`: a row may come out as late as it may go. No
    /// watermark is before 1970, whose rows are late from the start.
    pub(super) fn watermark(self, micros: i64) -> i64 {
        if micros == 0 {
            return 0;
        }
        let bounds = [self.left, self.right].into_iter().flatten();
        bounds.map(|bound| micros.saturating_add(bound)).fold(micros, i64::min).max(0)
    }

    /// Whether a null event time rules a match out.
    pub(super) fn restrict(self) -> bool {
        self != Self::NONE
    }
}

/// `this >= other + offset` (or `>`) as a bound for this side, in whole milliseconds that keep a row rather too long than too short.
const fn below(offset: Bound<Duration>) -> Option<i64> {
    match offset {
        Bound::Included(offset) => Some(whole_millis(offset).saturating_sub(STEP)),
        Bound::Excluded(offset) => Some(whole_millis(offset)),
        Bound::Unbounded => None,
    }
}

const fn whole_millis(offset: Duration) -> i64 {
    offset.as_micros().div_euclid(STEP).saturating_mul(STEP)
}

const fn negative(offset: Bound<Duration>) -> Bound<Duration> {
    match offset {
        Bound::Included(offset) => {
            Bound::Included(Duration::from_micros(offset.as_micros().saturating_neg()))
        }
        Bound::Excluded(offset) => {
            Bound::Excluded(Duration::from_micros(offset.as_micros().saturating_neg()))
        }
        Bound::Unbounded => Bound::Unbounded,
    }
}

fn expiry(bound: Option<i64>, time: Option<i64>) -> i64 {
    match (bound, time) {
        (Some(bound), Some(time)) => time.saturating_sub(bound),
        _ => NEVER,
    }
}

#[cfg(test)]
mod tests {
    use Bound::{Excluded, Included, Unbounded};

    use super::*;
    use crate::time::{Timestamp, seconds};

    fn millis(text: i64) -> i64 {
        Timestamp::from_millis(text).as_micros()
    }

    /// SEMANTICS 10.7: `r >= l and r <= l + 10 s`.
    #[test]
    fn a_left_row_goes_ten_seconds_and_a_millisecond_after_its_time_and_a_right_row_a_millisecond() {
        let bounds = Bounds::right_within((Included(seconds(0)), Included(seconds(10))));
        assert_eq!(bounds.left_expiry(Some(millis(1_000))), millis(11_001));
        assert_eq!(bounds.right_expiry(Some(millis(10_000))), millis(10_001));
        assert_eq!(bounds.watermark(millis(60_000)), millis(49_999));
        assert_eq!(bounds.watermark(0), 0);
        assert_eq!(bounds.watermark(millis(10_000)), 0, "never before 1970");
    }

    #[test]
    fn an_exclusive_end_lets_a_row_go_a_millisecond_earlier() {
        let bounds = Bounds::right_within((Included(seconds(0)), Excluded(seconds(10))));
        assert_eq!(bounds.left_expiry(Some(millis(1_000))), millis(11_000));
    }

    #[test]
    fn the_other_direction_is_the_mirror_image() {
        let bounds = Bounds::left_within((Included(seconds(-10)), Included(seconds(0))));
        assert_eq!(bounds, Bounds::right_within((Included(seconds(0)), Included(seconds(10)))));
    }

    #[test]
    fn a_side_without_an_end_is_kept_for_ever() {
        let bounds = Bounds::right_within((Included(seconds(0)), Unbounded));
        assert_eq!(bounds.left_expiry(Some(0)), NEVER);
        assert_eq!(bounds.right_expiry(None), NEVER);
        assert_eq!(Bounds::SAME_TIME.left_expiry(Some(5)), 5);
        assert_eq!(Bounds::NONE.watermark(7), 7);
    }
}
