//! Event time: [`Timestamp`], [`Duration`], [`Date`] and [`Window`].
//!
//! All times are signed 64-bit microseconds since the Unix epoch in UTC, as in Spark's
//! `TimestampType`. Arithmetic saturates: a row from outside can carry any number, and a number may not
//! end a query.

use std::fmt;
use std::ops::{Add, AddAssign, Mul, Neg, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const MICROS_PER_MILLI: i64 = 1_000;
const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// An instant: microseconds since the Unix epoch, UTC.
///
/// ```
/// use stream_runtime::prelude::*;
///
/// let ts: Timestamp = "2026-01-01T00:00:00Z".parse()?;
/// assert_eq!(ts + minutes(5), "2026-01-01T00:05:00Z".parse()?);
/// assert_eq!(ts.to_string(), "2026-01-01T00:00:00.000Z");
/// # Ok::<(), stream_runtime::time::ParseTimestampError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z, where every watermark starts.
    pub const UNIX_EPOCH: Self = Self(0);
    /// The latest instant that can be represented.
    pub const MAX: Self = Self(i64::MAX);
    /// The earliest instant that can be represented.
    pub const MIN: Self = Self(i64::MIN);

    /// The instant `micros` microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The instant `millis` milliseconds after the epoch; saturates.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(MICROS_PER_MILLI))
    }

    /// The instant `seconds` seconds after the epoch; saturates.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the epoch, rounded down (the unit of Spark's watermarks).
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(MICROS_PER_MILLI)
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// The calendar day (UTC) that this instant falls on.
    pub const fn date(self) -> Date {
        Date(self.0.div_euclid(MICROS_PER_DAY) as i32)
    }

    /// Rounds down to whole milliseconds; saturates.
    pub const fn floor_to_millis(self) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(MICROS_PER_MILLI)))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(rhs.0))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(rhs.0))
    }
}

impl Sub for Timestamp {
    type Output = Duration;
    fn sub(self, rhs: Self) -> Duration {
        Duration(self.0.saturating_sub(rhs.0))
    }
}

impl AddAssign<Duration> for Timestamp {
    fn add_assign(&mut self, rhs: Duration) {
        *self = *self + rhs;
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds, with microseconds only where they aren't zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(instant) = jiff::Timestamp::from_microsecond(self.0) else {
            return write!(f, "{}us", self.0);
        };
        if self.0.rem_euclid(MICROS_PER_MILLI) == 0 {
            write!(f, "{instant:.3}")
        } else {
            write!(f, "{instant:.6}")
        }
    }
}

/// Text that isn't an RFC 3339 timestamp.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not an RFC 3339 timestamp such as `2026-01-01T00:00:00Z`")]
pub struct ParseTimestampError {
    text: String,
}

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    /// RFC 3339 (`2026-01-01T00:00:00.123456Z`, or with an offset such as `+09:00`); digits past the
    /// microsecond are cut off.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<jiff::Timestamp>() {
            Ok(instant) => {
                let nanos = instant.as_nanosecond().div_euclid(1_000);
                Ok(Self(nanos as i64))
            }
            Err(_) => {
                let mut text = text.to_owned();
                if text.len() > 64 {
                    text = text.chars().take(64).chain(['…']).collect();
                }
                Err(ParseTimestampError { text })
            }
        }
    }
}

/// A signed span of time in microseconds. It has no months or years, whose length differs.
///
/// `std::time::Duration` converts into it wherever an option takes `impl Into<Duration>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Duration(i64);

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span that can be represented, about 292,000 years.
    pub const MAX: Self = Self(i64::MAX);

    /// `micros` microseconds.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// `millis` milliseconds; saturates.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(MICROS_PER_MILLI))
    }

    /// `secs` seconds; saturates.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(MICROS_PER_SECOND))
    }

    /// `std::time::Duration` in whole microseconds; saturates.
    pub const fn from_std(std: std::time::Duration) -> Self {
        let micros = std.as_micros();
        Self(if micros > i64::MAX as u128 { i64::MAX } else { micros as i64 })
    }

    /// The span in microseconds.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The span in whole milliseconds, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(MICROS_PER_MILLI)
    }

    /// The span in seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / MICROS_PER_SECOND as f64
    }

    /// Whether the span runs backwards.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The span for timers of the standard library and tokio; a negative one becomes zero.
    pub const fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_micros(if self.0 < 0 { 0 } else { self.0 as u64 })
    }
}

impl From<std::time::Duration> for Duration {
    fn from(std: std::time::Duration) -> Self {
        Self::from_std(std)
    }
}

impl Add for Duration {
    type Output = Self;
    fn add(self, rhs: Self) -> Self {
        Self(self.0.saturating_add(rhs.0))
    }
}

impl Sub for Duration {
    type Output = Self;
    fn sub(self, rhs: Self) -> Self {
        Self(self.0.saturating_sub(rhs.0))
    }
}

impl Neg for Duration {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Mul<i64> for Duration {
    type Output = Self;
    fn mul(self, rhs: i64) -> Self {
        Self(self.0.saturating_mul(rhs))
    }
}

impl fmt::Display for Duration {
    /// The largest unit that divides the span: `2 h`, `90 s`, `1500 ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(i64, &str); 6] = [
            (MICROS_PER_DAY, "d"),
            (3_600 * MICROS_PER_SECOND, "h"),
            (60 * MICROS_PER_SECOND, "min"),
            (MICROS_PER_SECOND, "s"),
            (MICROS_PER_MILLI, "ms"),
            (1, "us"),
        ];
        if self.0 == 0 {
            return f.write_str("0 s");
        }
        let (unit, name) = UNITS.into_iter().find(|(unit, _)| self.0 % unit == 0).unwrap_or((1, "us"));
        write!(f, "{} {name}", self.0 / unit)
    }
}

/// `n` microseconds.
pub const fn microseconds(n: i64) -> Duration {
    Duration::from_micros(n)
}

/// `n` milliseconds.
pub const fn milliseconds(n: i64) -> Duration {
    Duration::from_millis(n)
}

/// `n` seconds.
pub const fn seconds(n: i64) -> Duration {
    Duration::from_secs(n)
}

/// `n` minutes.
pub const fn minutes(n: i64) -> Duration {
    Duration::from_secs(n.saturating_mul(60))
}

/// `n` hours.
pub const fn hours(n: i64) -> Duration {
    Duration::from_secs(n.saturating_mul(3_600))
}

/// `n` days of 24 hours.
pub const fn days(n: i64) -> Duration {
    Duration::from_secs(n.saturating_mul(86_400))
}

/// `n` weeks of 7 × 24 hours. A window of one week starts on a Thursday, the day of the epoch, unless
/// `start` says otherwise.
pub const fn weeks(n: i64) -> Duration {
    Duration::from_secs(n.saturating_mul(7 * 86_400))
}

/// A calendar day in UTC: days since 1970-01-01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Date(i32);

impl Date {
    /// The day `days` days after 1970-01-01.
    pub const fn from_days(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    pub const fn as_days(self) -> i32 {
        self.0
    }

    /// Midnight UTC at the start of the day.
    pub const fn midnight(self) -> Timestamp {
        Timestamp((self.0 as i64).saturating_mul(MICROS_PER_DAY))
    }
}

impl fmt::Display for Date {
    /// ISO 8601: `2026-01-31`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.midnight().0) {
            Ok(instant) => write!(f, "{}", jiff::tz::Offset::UTC.to_datetime(instant).date()),
            Err(_) => write!(f, "day {}", self.0),
        }
    }
}

/// Text that isn't an ISO 8601 date.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a date such as `2026-01-31`")]
pub struct ParseDateError {
    text: String,
}

impl FromStr for Date {
    type Err = ParseDateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let epoch = jiff::civil::date(1970, 1, 1);
        text.parse::<jiff::civil::Date>()
            .ok()
            .and_then(|date| epoch.until(date).ok())
            .map(|span| Self(span.get_days()))
            .ok_or_else(|| ParseDateError { text: text.chars().take(64).collect() })
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_before_and_after_the_epoch() {
        for text in ["1969-12-31T23:59:59.999Z", "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000001Z"] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), text);
        }
        assert_eq!("2026-01-01T09:00:00+09:00".parse::<Timestamp>().unwrap().as_secs(), 1_767_225_600);
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[test]
    fn milliseconds_round_down_on_both_sides_of_the_epoch() {
        assert_eq!(Timestamp::from_micros(-1).as_millis(), -1);
        assert_eq!(Timestamp::from_micros(1_999).as_millis(), 1);
    }

    #[test]
    fn arithmetic_saturates_instead_of_panicking() {
        assert_eq!(Timestamp::MAX + days(1), Timestamp::MAX);
        assert_eq!(Timestamp::MIN - days(1), Timestamp::MIN);
        assert_eq!(weeks(i64::MAX), Duration::MAX);
        assert_eq!(Timestamp::MIN.floor_to_millis(), Timestamp::MIN);
    }

    #[test]
    fn dates_are_utc_days() {
        assert_eq!("1970-01-02".parse::<Date>().unwrap(), Date::from_days(1));
        assert_eq!(Date::from_days(-1).to_string(), "1969-12-31");
        assert_eq!(Timestamp::from_micros(-1).date(), Date::from_days(-1));
    }

    #[test]
    fn durations_print_in_the_unit_that_divides_them() {
        assert_eq!(hours(2).to_string(), "2 h");
        assert_eq!(seconds(90).to_string(), "90 s");
        assert_eq!(milliseconds(1_500).to_string(), "1500 ms");
    }
}
