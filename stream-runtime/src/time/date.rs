//! [`Date`]: a calendar day.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{MICROS_PER_DAY, Timestamp};

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
        Timestamp::from_micros((self.0 as i64).saturating_mul(MICROS_PER_DAY))
    }
}

impl fmt::Display for Date {
    /// ISO 8601: `2026-01-31`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.midnight().as_micros()) {
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
