//! Event time: [`Timestamp`], [`Duration`], [`Date`] and [`Window`].
//!
//! All times are signed 64-bit microseconds since the Unix epoch in UTC, as in Spark's
//! `TimestampType`. Arithmetic saturates: a row from outside can carry any number, and a number may not
//! end a query.

mod date;
mod duration;
mod timestamp;
mod window;

pub use date::{Date, ParseDateError};
pub use duration::{Duration, days, hours, microseconds, milliseconds, minutes, seconds, weeks};
pub use timestamp::{ParseTimestampError, Timestamp};
pub use window::Window;

const MICROS_PER_MILLI: i64 = 1_000;
const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

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
