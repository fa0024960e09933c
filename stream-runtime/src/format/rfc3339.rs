//! Timestamps as text: RFC 3339, read and written in place.
//!
//! The common forms are read here digit by digit; what they don't cover goes to jiff, so that both readers
//! accept the same texts with the same results.

use std::fmt;

use crate::time::Timestamp;

/// Reads `YYYY-MM-DDTHH:MM:SS[.fraction](Z|±hh:mm)` and everything else that [`Timestamp`]'s `FromStr` does.
#[inline]
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    match parse_common(text.as_bytes()) {
        Some(timestamp) => Some(timestamp),
        None => text.parse().ok(),
    }
}

/// Reads the common forms; `None` leaves the decision to the general parser.
#[inline]
pub(crate) fn parse_common(text: &[u8]) -> Option<Timestamp> {
    let (date_time, rest) = text.split_first_chunk::<19>()?;
    let [y1, y2, y3, y4, b'-', mo1, mo2, b'-', d1, d2, b'T', h1, h2, b':', mi1, mi2, b':', s1, s2] =
        *date_time
    else {
        return None;
    };
    let year = two(y1, y2)? * 100 + two(y3, y4)?;
    let (month, day) = (two(mo1, mo2)?, two(d1, d2)?);
    let (hour, minute, second) = (two(h1, h2)?, two(mi1, mi2)?, two(s1, s2)?);
    // Leap seconds and the ends of jiff's range are left to jiff.
    let valid = (1..=9998).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !valid {
        return None;
    }
    let (micros, zone) = fraction(rest)?;
    let offset_minutes = match zone {
        [b'Z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (two(*h1, *h2)?, two(*m1, *m2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let minutes = i64::from(hours * 60 + minutes);
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    let seconds = days_since_epoch(year, month, day) * 86_400
        + i64::from(hour * 3_600 + minute * 60 + second)
        - offset_minutes * 60;
    Some(Timestamp::from_micros(seconds * 1_000_000 + micros))
}

/// The number that two digits spell.
#[inline]
fn two(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens) * 10 + u32::from(ones))
}

/// Splits `.123Z` into 123,000 µs and `Z`. Digits past the microsecond are cut off.
#[inline]
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.', digits)) = text.split_first() else { return Some((0, text)) };
    let mut micros = 0_i64;
    let mut count = 0;
    let mut rest = digits;
    while let Some((digit @ b'0'..=b'9', after)) = rest.split_first() {
        if count < 6 {
            micros = micros * 10 + i64::from(digit - b'0');
        }
        count += 1;
        rest = after;
    }
    if !(1..=9).contains(&count) {
        return None;
    }
    for _ in count..6 {
        micros *= 10;
    }
    Some((micros, rest))
}

const fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_in_month(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar.
#[inline]
fn days_since_epoch(year: u32, month: u32, day: u32) -> i64 {
    // Years begin in March, so that the leap day is the last of its year; 400 years are one era.
    let year = i64::from(year) - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = i64::from((month + 9) % 12);
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Writes what [`Timestamp`]'s `Display` does.
pub(crate) fn write(timestamp: Timestamp, out: &mut impl fmt::Write) -> fmt::Result {
    write!(out, "{timestamp}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn by_jiff(text: &str) -> Option<Timestamp> {
        text.parse().ok()
    }

    #[test]
    fn the_common_forms_are_read_in_place() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2026-01-01T00:00:00.123Z",
            "2024-02-29T23:59:59.999999999Z",
            "2026-01-01T09:00:00+09:00",
            "2026-01-01T09:00:00.5-02:30",
            "1969-12-31T23:59:59.000001Z",
            "1900-03-01T00:00:00Z",
        ] {
            let common = parse_common(text.as_bytes());
            assert!(common.is_some(), "{text}");
            assert_eq!(common, by_jiff(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_timestamp_is_refused() {
        for text in [
            "",
            "2026-01-01",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1234567890Z",
            "2026-01-01T00:00:00ZZ",
            "2026-01-01T00:00:00+9:00",
            "２026-01-01T00:00:00Z",
        ] {
            assert_eq!(parse_common(text.as_bytes()), None, "{text}");
            assert_eq!(parse(text), by_jiff(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn both_readers_agree_on_every_instant(
            year in 0_u32..=9999, month in 0_u32..=13, day in 0_u32..=32,
            hour in 0_u32..=25, minute in 0_u32..=61, second in 0_u32..=61,
            fraction in "(\\.[0-9]{0,11})?", zone in "(Z|[+-][0-2][0-9]:[0-6][0-9]|)",
        ) {
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}");
            if let Some(common) = parse_common(text.as_bytes()) {
                prop_assert_eq!(Some(common), by_jiff(&text), "{}", text);
            }
        }

        #[test]
        fn damaged_texts_are_read_alike(at in 0_usize..24, with in proptest::char::any()) {
            let mut text: Vec<char> = "2026-01-01T00:00:00.123Z".chars().collect();
            text[at] = with;
            let text: String = text.into_iter().collect();
            if let Some(common) = parse_common(text.as_bytes()) {
                prop_assert_eq!(Some(common), by_jiff(&text), "{}", text);
            }
        }
    }
}
