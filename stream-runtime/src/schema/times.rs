//! [`Timestamp`], [`Duration`] and [`Date`] as columns.

use std::fmt::{self, Write as _};

use serde::Deserializer;
use serde::de::{Unexpected, Visitor};

use super::column::{invalid, mismatch, past_the_end};
use super::columnar::written_as;
use super::number::{copied_column, packed_as};
use super::text::TextVisitor;
use super::{Column, Decoding, Element, HoldsTimestamps, TimestampFormat};
use crate::format::columns::{Differences, Numbers, Unit, Values};
use crate::format::{Arena, RowError, json, rfc3339};
use crate::time::{Date, Duration, Timestamp};

impl TimestampFormat {
    /// What a decoder looks for.
    const fn expected(self) -> &'static str {
        match self {
            Self::Rfc3339 => "an RFC 3339 timestamp such as `2026-01-01T00:00:00Z`",
            Self::Seconds => "a number of seconds since the epoch",
            Self::Millis => "a number of milliseconds since the epoch",
            Self::Micros => "a number of microseconds since the epoch",
        }
    }

    /// Microseconds in one of the format's numbers.
    const fn unit(self) -> i64 {
        match self {
            Self::Seconds => 1_000_000,
            Self::Millis => 1_000,
            Self::Micros | Self::Rfc3339 => 1,
        }
    }

    fn read_integer(self, number: i64) -> Option<Timestamp> {
        number.checked_mul(self.unit()).map(Timestamp::from_micros)
    }

    /// A fraction is rounded to the nearest microsecond.
    fn read_float(self, number: f64) -> Option<Timestamp> {
        let micros = (number * self.unit() as f64).round();
        // `i64::MAX as f64` is 2^63, the first number that doesn't fit.
        (micros >= i64::MIN as f64 && micros < i64::MAX as f64).then(|| Timestamp::from_micros(micros as i64))
    }

    fn write(self, timestamp: Timestamp, out: &mut impl fmt::Write) -> fmt::Result {
        if self == Self::Rfc3339 {
            return rfc3339::write(timestamp, out);
        }
        let micros = timestamp.as_micros();
        let unit = self.unit().unsigned_abs();
        let (whole, fraction) = (micros.unsigned_abs() / unit, micros.unsigned_abs() % unit);
        if micros < 0 {
            out.write_char('-')?;
        }
        write!(out, "{whole}")?;
        if fraction > 0 {
            let digits = unit.ilog10() as usize;
            let text = format!("{fraction:0digits$}");
            write!(out, ".{}", text.trim_end_matches('0'))?;
        }
        Ok(())
    }
}

/// `fmt::Write` onto bytes.
struct Bytes<'a>(&'a mut Vec<u8>);

impl fmt::Write for Bytes<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Times out of a batch of columns.
#[derive(Clone, Copy, Debug)]
pub enum Times<'a> {
    /// Microseconds, as they are.
    Micros(&'a [i64]),
    /// Times of the file's own, in another unit.
    InUnit(&'a [i64], Unit),
    /// Numbers, in the unit that the row type says.
    Numbers(Numbers<'a>, Unit),
}

impl<'a> Times<'a> {
    const fn of(values: &'a [i64], unit: Unit) -> Self {
        match unit {
            Unit::Microsecond => Self::Micros(values),
            unit => Self::InUnit(values, unit),
        }
    }

    #[inline]
    fn micros(self, row: usize) -> Result<i64, RowError> {
        if let Self::Micros(values) = self
            && let Some(&micros) = values.get(row)
        {
            return Ok(micros);
        }
        self.converted(row)
    }

    /// A call of its own, so that `micros` is small enough to need none.
    #[inline(never)]
    fn converted(self, row: usize) -> Result<i64, RowError> {
        let (count, unit) = match self {
            Self::Micros(values) => (values.get(row).copied(), Unit::Microsecond),
            Self::InUnit(values, unit) => (values.get(row).copied(), unit),
            Self::Numbers(numbers, unit) => {
                let count = numbers.get(row).ok_or_else(past_the_end)?;
                (Some(i64::try_from(count).map_err(|_| too_far(count))?), unit)
            }
        };
        let count = count.ok_or_else(past_the_end)?;
        unit.micros(count).ok_or_else(|| too_far(count))
    }
}

#[cold]
fn too_far(count: impl fmt::Display) -> RowError {
    RowError::unexpected(&count.to_string(), "a time that a 64-bit number of microseconds can hold")
}

impl Column for Timestamp {
    copied_column!(Timestamp, Time);
    written_as!(timestamp);
    packed_as!(i64, as_micros, from_micros);

    type Values<'a> = Times<'a>;

    fn bind<'a>(
        values: &'a Values<'a>,
        timestamps: TimestampFormat,
        differences: &mut Differences,
    ) -> Option<Times<'a>> {
        let unit = match timestamps {
            TimestampFormat::Rfc3339 => None,
            TimestampFormat::Seconds => Some(Unit::Second),
            TimestampFormat::Millis => Some(Unit::Millisecond),
            TimestampFormat::Micros => Some(Unit::Microsecond),
        };
        match (values, unit) {
            (Values::Times(values, unit), _) => Some(Times::of(values, *unit)),
            (Values::Integers(numbers), Some(unit)) => Some(Times::Numbers(*numbers, unit)),
            (Values::Integers(_), None) => mismatch(
                values,
                "a timestamp; say what the numbers count with `#[schema(timestamp = \"millis\")]`",
                differences,
            ),
            _ => mismatch(values, "a timestamp", differences),
        }
    }

    #[inline]
    fn value<'a>(values: &Times<'a>, row: usize, _arena: &'a Arena) -> Result<Self, RowError> {
        values.micros(row).map(Self::from_micros)
    }

    #[inline]
    fn decode_json<'a, D: Deserializer<'a>>(value: D, decoding: Decoding<'a>) -> Result<Self, D::Error> {
        let visitor = TimestampVisitor(decoding.timestamps);
        match decoding.timestamps {
            TimestampFormat::Rfc3339 => value.deserialize_str(visitor),
            _ => value.deserialize_f64(visitor),
        }
    }

    #[inline]
    fn scan_json<'a>(scanner: &mut json::Scanner<'a>, decoding: Decoding<'a>) -> Option<Self> {
        let format = decoding.timestamps;
        let timestamp = match format {
            TimestampFormat::Rfc3339 => scanner.plain_text().map(rfc3339::parse),
            _ => scanner.integer::<i64>().map(|number| format.read_integer(number)),
        };
        match timestamp {
            Some(timestamp) => timestamp,
            None => scanner.general(|json| Self::decode_json(json, decoding)),
        }
    }

    #[inline]
    fn decode_text<'a>(text: &'a str, decoding: Decoding<'a>) -> Result<Self, RowError> {
        let format = decoding.timestamps;
        let text = text.trim();
        let timestamp = match format {
            TimestampFormat::Rfc3339 => rfc3339::parse(text),
            _ => match text.parse::<i64>() {
                Ok(number) => format.read_integer(number),
                Err(_) => text.parse::<f64>().ok().and_then(|number| format.read_float(number)),
            },
        };
        timestamp.ok_or_else(|| RowError::unexpected(text, format.expected()))
    }

    fn encode_json(view: Self, timestamps: TimestampFormat, out: &mut Vec<u8>) {
        let quote = timestamps == TimestampFormat::Rfc3339;
        if quote {
            out.push(b'"');
        }
        // Writing to a `Vec` can't fail.
        let _ = timestamps.write(view, &mut Bytes(out));
        if quote {
            out.push(b'"');
        }
    }

    fn encode_text(view: Self, timestamps: TimestampFormat, out: &mut String) {
        let _ = timestamps.write(view, out);
    }
}

struct TimestampVisitor(TimestampFormat);

impl Visitor<'_> for TimestampVisitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.expected())
    }

    #[inline]
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
        let timestamp = if self.0 == TimestampFormat::Rfc3339 { rfc3339::parse(text) } else { None };
        timestamp.ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }

    #[inline]
    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Timestamp, E> {
        self.0.read_integer(number).ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
    }

    #[inline]
    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Timestamp, E> {
        i64::try_from(number)
            .ok()
            .and_then(|number| self.0.read_integer(number))
            .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    #[inline]
    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Timestamp, E> {
        self.0.read_float(number).ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))
    }
}

impl Element for Timestamp {}
impl HoldsTimestamps for Timestamp {}

const DURATION: &str = "an ISO 8601 duration such as `PT5M`";

impl Column for Duration {
    copied_column!(Duration, Span);
    written_as!(duration);
    packed_as!(i64, as_micros, from_micros);

    type Values<'a> = Times<'a>;

    fn bind<'a>(
        values: &'a Values<'a>,
        _timestamps: TimestampFormat,
        differences: &mut Differences,
    ) -> Option<Times<'a>> {
        match values {
            Values::Spans(values, unit) => Some(Times::of(values, *unit)),
            // As in JSON; so do files in which Spark has intervals.
            Values::Integers(numbers) => Some(Times::Numbers(*numbers, Unit::Microsecond)),
            other => mismatch(other, "a duration, or a number of microseconds", differences),
        }
    }

    #[inline]
    fn value<'a>(values: &Times<'a>, row: usize, _arena: &'a Arena) -> Result<Self, RowError> {
        values.micros(row).map(Self::from_micros)
    }

    fn decode_json<'a, D: Deserializer<'a>>(value: D, _decoding: Decoding<'a>) -> Result<Self, D::Error> {
        // A JSON value says what it is: text or a number.
        value.deserialize_any(DurationVisitor)
    }

    fn decode_text<'a>(text: &'a str, _decoding: Decoding<'a>) -> Result<Self, RowError> {
        let text = text.trim();
        match text.parse::<i64>() {
            Ok(micros) => Ok(Self::from_micros(micros)),
            Err(_) => parse_duration(text).ok_or_else(|| RowError::unexpected(text, DURATION)),
        }
    }

    fn encode_json(view: Self, timestamps: TimestampFormat, out: &mut Vec<u8>) {
        let mut text = String::new();
        Self::encode_text(view, timestamps, &mut text);
        json::write_text(&text, out);
    }

    fn encode_text(view: Self, _timestamps: TimestampFormat, out: &mut String) {
        // Writing to a `String` can't fail.
        let _ = write!(out, "{}", jiff::SignedDuration::from_micros(view.as_micros()));
    }
}

/// ISO 8601 (`PT1H30M`) or what people write (`1h 30m`).
fn parse_duration(text: &str) -> Option<Duration> {
    let duration: jiff::SignedDuration = text.parse().ok()?;
    i64::try_from(duration.as_micros()).ok().map(Duration::from_micros)
}

struct DurationVisitor;

impl Visitor<'_> for DurationVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{DURATION}, or a number of microseconds")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Duration, E> {
        parse_duration(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_i64<E: serde::de::Error>(self, micros: i64) -> Result<Duration, E> {
        Ok(Duration::from_micros(micros))
    }

    fn visit_u64<E: serde::de::Error>(self, micros: u64) -> Result<Duration, E> {
        i64::try_from(micros)
            .map(Duration::from_micros)
            .map_err(|_| E::invalid_value(Unexpected::Unsigned(micros), &self))
    }
}

impl Element for Duration {}

impl Column for Date {
    copied_column!(Date, Day);
    written_as!(date);
    packed_as!(i32, as_days, from_days);

    type Values<'a> = &'a [i32];

    fn bind<'a>(
        values: &'a Values<'a>,
        _timestamps: TimestampFormat,
        differences: &mut Differences,
    ) -> Option<&'a [i32]> {
        match values {
            Values::Days(values) => Some(values),
            other => mismatch(other, "a date", differences),
        }
    }

    #[inline]
    fn value<'a>(values: &&'a [i32], row: usize, _arena: &'a Arena) -> Result<Self, RowError> {
        values.get(row).copied().map(Self::from_days).ok_or_else(past_the_end)
    }

    fn decode_json<'a, D: Deserializer<'a>>(value: D, decoding: Decoding<'a>) -> Result<Self, D::Error> {
        let expected = "a date such as `2026-01-31`";
        let text = value.deserialize_str(TextVisitor { arena: decoding.arena, expected })?;
        Self::decode_text(text, decoding).map_err(|error| invalid(&error))
    }

    fn decode_text<'a>(text: &'a str, _decoding: Decoding<'a>) -> Result<Self, RowError> {
        text.trim().parse().map_err(RowError::new)
    }

    fn encode_json(view: Self, timestamps: TimestampFormat, out: &mut Vec<u8>) {
        let mut text = String::new();
        Self::encode_text(view, timestamps, &mut text);
        json::write_text(&text, out);
    }

    fn encode_text(view: Self, _timestamps: TimestampFormat, out: &mut String) {
        let _ = write!(out, "{view}");
    }
}

impl Element for Date {}
