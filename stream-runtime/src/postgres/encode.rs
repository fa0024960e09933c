//! From the packed form of a row to the binary form of PostgreSQL.
//!
//! A value stands behind its length in bytes; a null is the length −1.

use std::fmt::Write as _;

use super::numeric;
use super::value::ValueType;
use crate::schema::pack::{unpack_array, unpack_bool, unpack_bytes, unpack_length};
use crate::schema::{DataType, Kind};

/// PostgreSQL's times begin in 2000, so many microseconds and days after 1970.
pub(super) const EPOCH_MICROS: i64 = 946_684_800_000_000;
pub(super) const EPOCH_DAYS: i32 = 10_957;

/// The first timestamp of PostgreSQL, in 4713 BC, and the first that it doesn't have, by its own epoch.
const TIMESTAMPS: std::ops::Range<i64> = -211_813_488_000_000_000..9_223_371_331_200_000_000;
/// The same of dates.
const DATES: std::ops::Range<i32> = -2_451_545..2_145_031_949;

/// Why a value can't be written.
pub(crate) type Refusal = String;

/// Takes a packed value off the front of `packed` and appends it.
pub(crate) fn encode(
    column: &DataType,
    to: &ValueType,
    packed: &mut &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    if let Kind::Nullable(inner) = column.kind() {
        return if unpack_bool(packed).ok_or_else(damaged)? {
            encode(inner, to, packed, out)
        } else {
            out.extend_from_slice(&(-1_i32).to_be_bytes());
            Ok(())
        };
    }
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write(column, to, packed, out)?;
    let length = i32::try_from(out.len() - start - 4)
        .map_err(|_| "it is longer than the 2 GiB that PostgreSQL can hold".to_owned())?;
    if let Some(place) = out.get_mut(start..start + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

/// Appends a window's start, or its end, of the 16 bytes that both are packed in.
pub(crate) fn encode_instant(micros: i64, to: &ValueType, out: &mut Vec<u8>) -> Result<(), Refusal> {
    out.extend_from_slice(&8_i32.to_be_bytes());
    match to {
        ValueType::Timestamptz | ValueType::Timestamp => write_timestamp(micros, out),
        _ => Err(damaged()),
    }
}

fn write(column: &DataType, to: &ValueType, packed: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Refusal> {
    match (column.kind(), to) {
        (Kind::Bool, _) => out.push(u8::from(unpack_bool(packed).ok_or_else(damaged)?)),
        (Kind::F32, ValueType::Float4) => {
            out.extend_from_slice(&f32::from_le_bytes(take(packed)?).to_be_bytes());
        }
        (Kind::F32, _) => {
            out.extend_from_slice(&f64::from(f32::from_le_bytes(take(packed)?)).to_be_bytes());
        }
        (Kind::F64, _) => out.extend_from_slice(&f64::from_le_bytes(take(packed)?).to_be_bytes()),
        (Kind::Text, to) => write_text(unpack_bytes(packed).ok_or_else(damaged)?, to, out)?,
        (Kind::Binary, _) => out.extend_from_slice(unpack_bytes(packed).ok_or_else(damaged)?),
        (Kind::Time, _) => write_timestamp(i64::from_le_bytes(take(packed)?), out)?,
        (Kind::Day, _) => write_date(i32::from_le_bytes(take(packed)?), out)?,
        (Kind::Span, _) => {
            // Microseconds, days, months.
            out.extend_from_slice(&i64::from_le_bytes(take(packed)?).to_be_bytes());
            out.extend_from_slice(&[0; 8]);
        }
        (Kind::ListOf(element), ValueType::Array(to, oid)) => write_array(element, to, *oid, packed, out)?,
        (Kind::ListOf(_) | Kind::Struct | Kind::TimeWindow, to) => {
            if *to == ValueType::Jsonb {
                out.push(JSONB_VERSION);
            }
            column.packed_to_json(packed, out).ok_or_else(damaged)?;
        }
        (kind, to) => write_integer(integer(kind, packed)?, to, out)?,
    }
    Ok(())
}

/// The only one that there is.
pub(super) const JSONB_VERSION: u8 = 1;

fn write_text(text: &[u8], to: &ValueType, out: &mut Vec<u8>) -> Result<(), Refusal> {
    if memchr::memchr(0, text).is_some() {
        return Err("the text holds a NUL character (U+0000), which PostgreSQL can't store; take it out in the query, \
             or make the column `bytea`"
            .to_owned());
    }
    match to {
        ValueType::Uuid => {
            let parsed = std::str::from_utf8(text).ok().and_then(|text| uuid::Uuid::parse_str(text).ok());
            let parsed = parsed.ok_or_else(|| "the text is no UUID".to_owned())?;
            out.extend_from_slice(parsed.as_bytes());
        }
        ValueType::Jsonb => {
            out.push(JSONB_VERSION);
            out.extend_from_slice(text);
        }
        _ => out.extend_from_slice(text),
    }
    Ok(())
}

/// The ends of our time are those of PostgreSQL's: `-infinity` and `infinity`.
fn write_timestamp(micros: i64, out: &mut Vec<u8>) -> Result<(), Refusal> {
    let written = match micros {
        i64::MIN | i64::MAX => micros,
        _ => micros
            .checked_sub(EPOCH_MICROS)
            .filter(|micros| TIMESTAMPS.contains(micros))
            .ok_or_else(|| "the timestamp is before 4713 BC, where those of PostgreSQL begin".to_owned())?,
    };
    out.extend_from_slice(&written.to_be_bytes());
    Ok(())
}

fn write_date(days: i32, out: &mut Vec<u8>) -> Result<(), Refusal> {
    let written = match days {
        i32::MIN | i32::MAX => days,
        _ => days.checked_sub(EPOCH_DAYS).filter(|days| DATES.contains(days)).ok_or_else(|| {
            "the date is outside of those of PostgreSQL, from 4713 BC to the year 5874897".to_owned()
        })?,
    };
    out.extend_from_slice(&written.to_be_bytes());
    Ok(())
}

fn write_array(
    element: &DataType,
    to: &ValueType,
    oid: u32,
    packed: &mut &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    let count = unpack_length(packed).ok_or_else(damaged)?;
    let long = || "the list is longer than PostgreSQL's arrays can be".to_owned();
    let length = i32::try_from(count).map_err(|_| long())?;
    let may_be_null = matches!(element.kind(), Kind::Nullable(_));
    // Dimensions, whether there may be nulls, the element's type; for a dimension its length and its first index.
    out.extend_from_slice(&i32::from(count > 0).to_be_bytes());
    out.extend_from_slice(&i32::from(may_be_null).to_be_bytes());
    out.extend_from_slice(&oid.to_be_bytes());
    if count > 0 {
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&1_i32.to_be_bytes());
    }
    for index in 0..count {
        encode(element, to, packed, out).map_err(|refusal| format!("element {}: {refusal}", index + 1))?;
    }
    Ok(())
}

/// A sign and a magnitude.
type Integer = (bool, u128);

fn integer(kind: &Kind, packed: &mut &[u8]) -> Result<Integer, Refusal> {
    let signed = |number: i128| (number < 0, number.unsigned_abs());
    Ok(match kind {
        Kind::I8 => signed(i8::from_le_bytes(take(packed)?).into()),
        Kind::I16 => signed(i16::from_le_bytes(take(packed)?).into()),
        Kind::I32 => signed(i32::from_le_bytes(take(packed)?).into()),
        Kind::I64 => signed(i64::from_le_bytes(take(packed)?).into()),
        Kind::I128 => signed(i128::from_le_bytes(take(packed)?)),
        Kind::U8 => (false, u8::from_le_bytes(take(packed)?).into()),
        Kind::U16 => (false, u16::from_le_bytes(take(packed)?).into()),
        Kind::U32 => (false, u32::from_le_bytes(take(packed)?).into()),
        Kind::U64 => (false, u64::from_le_bytes(take(packed)?).into()),
        Kind::U128 => (false, u128::from_le_bytes(take(packed)?)),
        _ => return Err(damaged()),
    })
}

fn write_integer((negative, magnitude): Integer, to: &ValueType, out: &mut Vec<u8>) -> Result<(), Refusal> {
    if *to == ValueType::Numeric {
        numeric::write(negative, magnitude, out);
        return Ok(());
    }
    let wide = i128::try_from(magnitude).ok().map(|number| if negative { -number } else { number });
    let narrow = wide.and_then(|number| i64::try_from(number).ok()).filter(|number| match to {
        ValueType::Int2 => i16::try_from(*number).is_ok(),
        ValueType::Int4 => i32::try_from(*number).is_ok(),
        _ => true,
    });
    let Some(number) = narrow else {
        let mut text = String::new();
        // Writing to a `String` can't fail.
        let _ = write!(text, "{}{magnitude} is too large for the column; make it `numeric`", sign(negative));
        return Err(text);
    };
    match to {
        ValueType::Int2 => out.extend_from_slice(&(number as i16).to_be_bytes()),
        ValueType::Int4 => out.extend_from_slice(&(number as i32).to_be_bytes()),
        _ => out.extend_from_slice(&number.to_be_bytes()),
    }
    Ok(())
}

pub(super) fn sign(negative: bool) -> &'static str {
    if negative { "-" } else { "" }
}

pub(crate) fn take<const N: usize>(packed: &mut &[u8]) -> Result<[u8; N], Refusal> {
    unpack_array(packed).ok_or_else(damaged)
}

/// What can't happen: the row was packed a moment before, by its own type.
pub(crate) fn damaged() -> Refusal {
    "the row can't be read back from its packed form".to_owned()
}
