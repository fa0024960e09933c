//! [`Duration`]: a span of time.

use std::fmt;
use std::ops::{Add, Mul, Neg, Sub};

use serde::{Deserialize, Serialize};

use super::{MICROS_PER_DAY, MICROS_PER_MILLI, MICROS_PER_SECOND};

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
