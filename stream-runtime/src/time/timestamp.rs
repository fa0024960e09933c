//! [`Timestamp`]: an instant.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Date, Duration, MICROS_PER_DAY, MICROS_PER_MILLI, MICROS_PER_SECOND};

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
        Date::from_days(self.0.div_euclid(MICROS_PER_DAY) as i32)
    }

    /// Rounds down to whole milliseconds; saturates.
    pub const fn floor_to_millis(self) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(MICROS_PER_MILLI)))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(rhs.as_micros()))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(rhs.as_micros()))
    }
}

impl Sub for Timestamp {
    type Output = Duration;
    fn sub(self, rhs: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(rhs.0))
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
