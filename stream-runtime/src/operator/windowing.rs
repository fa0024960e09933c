//! Which groups in time a row belongs to: tumbling and sliding windows, the event time itself, or none.
//!
//! The arithmetic is Spark's (`TimeWindow`): windows are aligned to the epoch in UTC, start inclusive, end
//! exclusive. Width, slide and start are constants of the type, so that the divisions become multiplications.

use crate::time::{Timestamp, Window, microseconds};

/// An event time: a [`Timestamp`], or one that may be null.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event time",
    label = "this has to be a `Timestamp`",
    note = "declare the column as `Timestamp` (or `Option<Timestamp>`) in its `#[derive(Schema)]` struct; text in RFC 3339 and epoch numbers are converted while decoding, see `#[schema(timestamp = \"…\")]`"
)]
pub trait EventTime: Copy + Send + Sync + 'static {
    /// Microseconds since the epoch; `None` for null.
    fn micros(self) -> Option<i64>;

    /// The watermark in µs that has passed it; `None` for null. At or before it, a row is late.
    fn passed_at(self) -> Option<i64> {
        self.micros()
    }
}

/// An event time that is an instant, so that it can be told from when its group ends.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an instant",
    label = "rows are grouped by a `Timestamp`, or by a `window(…)` or `session(…)`"
)]
pub trait Instant: EventTime {
    /// The event time of a group that ends at `micros`; `None` for the group of nulls.
    fn from_micros(micros: Option<i64>) -> Self;
}

/// A window of another query's result lies in time where its last microsecond does (Spark's `window_time`). The watermark has passed it when
/// it is at the window's end, at which the other query has emitted it.
#[diagnostic::do_not_recommend]
impl EventTime for Window {
    #[inline]
    fn micros(self) -> Option<i64> {
        Some(self.end.as_micros().saturating_sub(1))
    }

    #[inline]
    fn passed_at(self) -> Option<i64> {
        Some(self.end.as_micros())
    }
}

#[diagnostic::do_not_recommend]
impl EventTime for Option<Window> {
    #[inline]
    fn micros(self) -> Option<i64> {
        self.and_then(EventTime::micros)
    }

    #[inline]
    fn passed_at(self) -> Option<i64> {
        self.and_then(EventTime::passed_at)
    }
}

#[diagnostic::do_not_recommend]
impl EventTime for Timestamp {
    #[inline]
    fn micros(self) -> Option<i64> {
        Some(self.as_micros())
    }
}

#[diagnostic::do_not_recommend]
impl Instant for Timestamp {
    fn from_micros(micros: Option<i64>) -> Self {
        micros.map_or(Self::MAX, Self::from_micros)
    }
}

#[diagnostic::do_not_recommend]
impl EventTime for Option<Timestamp> {
    #[inline]
    fn micros(self) -> Option<i64> {
        self.map(Timestamp::as_micros)
    }
}

#[diagnostic::do_not_recommend]
impl Instant for Option<Timestamp> {
    fn from_micros(micros: Option<i64>) -> Self {
        micros.map(Timestamp::from_micros)
    }
}

/// An event time that a row function has read, of whichever type.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    micros: Option<i64>,
    passed_at: Option<i64>,
}

#[diagnostic::do_not_recommend]
impl EventTime for Read {
    #[inline]
    fn micros(self) -> Option<i64> {
        self.micros
    }

    #[inline]
    fn passed_at(self) -> Option<i64> {
        self.passed_at
    }
}

/// Reads an event time once, for the watermark and the window. What is no event time is reported here, and
/// nowhere after.
#[inline]
pub fn event_time(time: impl EventTime) -> Read {
    Read { micros: time.micros(), passed_at: time.passed_at() }
}

/// The expiry of groups that no watermark closes.
pub(crate) const NEVER: i64 = i64::MAX;

/// How rows are grouped by time. A *bucket* holds all groups that expire at one instant: the window's end, or
/// the event time itself.
pub trait Windowing: Send + Sync + 'static {
    /// What the select clause sees of the bucket.
    type Label: Copy;
    /// Whether a watermark closes the buckets.
    const EXPIRES: bool;

    /// Calls `visit` with a small number that is the same for the same bucket (and mostly differs between
    /// neighbours), and with the bucket's expiry, for each bucket that an event at `micros` belongs to.
    fn assign(micros: Option<i64>, visit: impl FnMut(usize, i64));

    /// The label of the bucket that expires at `expiry`.
    fn label(expiry: i64) -> Self::Label;
}

/// Windows of `WIDTH` µs that start at multiples of `WIDTH` plus `START` µs.
#[derive(Debug)]
pub struct Tumbling<const WIDTH: i64, const START: i64>;

impl<const WIDTH: i64, const START: i64> Windowing for Tumbling<WIDTH, START> {
    type Label = Window;
    const EXPIRES: bool = true;

    #[inline]
    fn assign(micros: Option<i64>, mut visit: impl FnMut(usize, i64)) {
        let Some(micros) = micros else { return };
        let ordinal = micros.saturating_sub(START).div_euclid(WIDTH);
        let end = ordinal.saturating_mul(WIDTH).saturating_add(START).saturating_add(WIDTH);
        visit(ordinal as usize, end);
    }

    fn label(expiry: i64) -> Window {
        let end = Timestamp::from_micros(expiry);
        Window { start: end - microseconds(WIDTH), end }
    }
}

/// Windows of `WIDTH` µs that start at multiples of `SLIDE` plus `START` µs.
#[derive(Debug)]
pub struct Sliding<const WIDTH: i64, const SLIDE: i64, const START: i64>;

impl<const WIDTH: i64, const SLIDE: i64, const START: i64> Windowing for Sliding<WIDTH, SLIDE, START> {
    type Label = Window;
    const EXPIRES: bool = true;

    #[inline]
    fn assign(micros: Option<i64>, mut visit: impl FnMut(usize, i64)) {
        let Some(micros) = micros else { return };
        let last = micros.saturating_sub(START).div_euclid(SLIDE);
        // The latest window holds the event for certain; the earliest may have ended already.
        let count = (WIDTH - 1) / SLIDE + 1;
        for back in 0..count {
            let ordinal = last.saturating_sub(back);
            let end = ordinal.saturating_mul(SLIDE).saturating_add(START).saturating_add(WIDTH);
            if micros < end {
                visit(ordinal as usize, end);
            }
        }
    }

    fn label(expiry: i64) -> Window {
        let end = Timestamp::from_micros(expiry);
        Window { start: end - microseconds(WIDTH), end }
    }
}

/// Groups by the event time itself. Rows whose event time is null form groups that never close.
#[derive(Debug)]
pub struct Instants<T>(std::marker::PhantomData<fn() -> T>);

impl<T: Instant> Windowing for Instants<T> {
    type Label = T;
    const EXPIRES: bool = true;

    #[inline]
    fn assign(micros: Option<i64>, mut visit: impl FnMut(usize, i64)) {
        let expiry = micros.unwrap_or(NEVER);
        visit((expiry >> 10) as usize, expiry);
    }

    fn label(expiry: i64) -> T {
        T::from_micros(if expiry == NEVER { None } else { Some(expiry) })
    }
}

/// No grouping by time: one bucket that never closes.
#[derive(Debug)]
pub struct Unwindowed;

impl Windowing for Unwindowed {
    type Label = ();
    const EXPIRES: bool = false;

    #[inline]
    fn assign(_: Option<i64>, mut visit: impl FnMut(usize, i64)) {
        visit(0, NEVER);
    }

    fn label(_: i64) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows<W: Windowing<Label = Window>>(second: i64) -> Vec<(i64, i64)> {
        let mut found = Vec::new();
        W::assign(Some(second * 1_000_000), |_, expiry| {
            let window = W::label(expiry);
            found.push((window.start.as_secs(), window.end.as_secs()));
        });
        found.sort_unstable();
        found
    }

    #[test]
    fn a_slide_that_does_not_divide_the_width_gives_the_windows_that_spark_gives() {
        type Twelve = Sliding<12_000_000, 5_000_000, 0>;
        assert_eq!(windows::<Twelve>(0), [(-10, 2), (-5, 7), (0, 12)]);
        assert_eq!(windows::<Twelve>(3), [(-5, 7), (0, 12)]);
    }

    #[test]
    fn tumbling_windows_are_aligned_to_the_epoch_on_both_sides() {
        assert_eq!(windows::<Tumbling<10_000_000, 0>>(0), [(0, 10)]);
        assert_eq!(windows::<Tumbling<10_000_000, 0>>(-1), [(-10, 0)]);
        assert_eq!(windows::<Tumbling<10_000_000, 3_000_000>>(2), [(-7, 3)]);
        assert_eq!(windows::<Tumbling<10_000_000, -3_000_000>>(7), [(7, 17)]);
    }

    #[test]
    fn the_ends_of_time_saturate() {
        for micros in [i64::MIN, i64::MAX] {
            Sliding::<12, 5, -4>::assign(Some(micros), |_, _| {});
            Sliding::<2, 1, 0>::assign(Some(micros), |_, _| {});
            Sliding::<{ i64::MAX }, { i64::MAX - 1 }, 0>::assign(Some(micros), |_, _| {});
            Tumbling::<12, 4>::assign(Some(micros), |_, _| {});
        }
    }

    #[test]
    fn a_null_event_time_is_in_no_window() {
        Tumbling::<10, 0>::assign(None, |_, _| panic!("assigned"));
    }
}
