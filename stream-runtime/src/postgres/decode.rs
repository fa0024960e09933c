//! From the binary form of PostgreSQL to the packed form of a row.

use super::encode::{EPOCH_DAYS, EPOCH_MICROS, JSONB_VERSION, sign};
use super::numeric;
use super::value::ValueType;
use crate::schema::pack::{pack_bool, pack_bytes, pack_length, unpack_array};
use crate::schema::{DataType, Kind};

/// Why a value can't be read.
pub(crate) type Refusal = String;

/// Microseconds in a day of an `interval`.
const DAY: i64 = 86_400_000_000;

/// Appends the packed form of a value; `None` is a null.
pub(crate) fn decode(
    column: &DataType,
    from: &ValueType,
    value: Option<&[u8]>,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    match (column.kind(), value) {
        (Kind::Nullable(inner), _) => {
            pack_bool(value.is_some(), out);
            if value.is_some() { decode(inner, from, value, out) } else { Ok(()) }
        }
        (_, Some(value)) => read(column, from, value, out),
        (_, None) => Err("it is null, and the row's column isn't an `Option`".to_owned()),
    }
}

/// The microseconds since 1970 of a timestamp.
pub(crate) fn decode_instant(value: &[u8]) -> Result<i64, Refusal> {
    let micros = i64::from_be_bytes(whole(value)?);
    Ok(match micros {
        i64::MIN | i64::MAX => micros,
        _ => micros.saturating_add(EPOCH_MICROS),
    })
}

fn read(column: &DataType, from: &ValueType, value: &[u8], out: &mut Vec<u8>) -> Result<(), Refusal> {
    match (column.kind(), from) {
        (Kind::Bool, _) => pack_bool(whole::<1>(value)? != [0], out),
        (Kind::F32, _) => out.extend_from_slice(&f32::from_be_bytes(whole(value)?).to_le_bytes()),
        (Kind::F64, ValueType::Float4) => {
            out.extend_from_slice(&f64::from(f32::from_be_bytes(whole(value)?)).to_le_bytes());
        }
        (Kind::F64, _) => out.extend_from_slice(&f64::from_be_bytes(whole(value)?).to_le_bytes()),
        (Kind::Text, ValueType::Uuid) => {
            let text = uuid::Uuid::from_bytes(whole(value)?).to_string();
            pack_bytes(text.as_bytes(), out);
        }
        (Kind::Text, ValueType::Jsonb) => pack_bytes(json_of(value, from)?.as_bytes(), out),
        (Kind::Text, _) => {
            std::str::from_utf8(value).map_err(|_| "it isn't UTF-8".to_owned())?;
            pack_bytes(value, out);
        }
        (Kind::Binary, _) => pack_bytes(value, out),
        (Kind::Time, _) => out.extend_from_slice(&decode_instant(value)?.to_le_bytes()),
        (Kind::Day, _) => {
            let days = match i32::from_be_bytes(whole(value)?) {
                end @ (i32::MIN | i32::MAX) => end,
                days => days.saturating_add(EPOCH_DAYS),
            };
            out.extend_from_slice(&days.to_le_bytes());
        }
        (Kind::Span, _) => out.extend_from_slice(&interval(value)?.to_le_bytes()),
        (Kind::ListOf(element), ValueType::Array(from, _)) => read_array(element, from, value, out)?,
        (Kind::ListOf(_) | Kind::Struct | Kind::TimeWindow, _) => {
            let text = json_of(value, from)?;
            column.json_to_packed(text, out).map_err(|error| error.to_string())?;
        }
        (kind, from) => write_integer(kind, read_integer(from, value)?, out)?,
    }
    Ok(())
}

fn json_of<'a>(value: &'a [u8], from: &ValueType) -> Result<&'a str, Refusal> {
    let text = match (from, value) {
        (ValueType::Jsonb, [JSONB_VERSION, text @ ..]) => text,
        (ValueType::Jsonb, _) => return Err("it is `jsonb` in a form that isn't known".to_owned()),
        _ => value,
    };
    std::str::from_utf8(text).map_err(|_| "it isn't UTF-8".to_owned())
}

fn interval(value: &[u8]) -> Result<i64, Refusal> {
    let mut rest = value;
    let (micros, days, months) = (next(&mut rest)?, next(&mut rest)?, next(&mut rest)?);
    if i32::from_be_bytes(months) != 0 {
        return Err(
            "the interval has months, whose length differs; subtract two timestamps instead".to_owned()
        );
    }
    i64::from(i32::from_be_bytes(days))
        .checked_mul(DAY)
        .and_then(|days| days.checked_add(i64::from_be_bytes(micros)))
        .ok_or_else(|| "the interval is longer than 292,000 years".to_owned())
}

fn read_array(element: &DataType, from: &ValueType, value: &[u8], out: &mut Vec<u8>) -> Result<(), Refusal> {
    let mut rest = value;
    let dimensions = i32::from_be_bytes(next(&mut rest)?);
    let (_has_null, _oid): ([u8; 4], [u8; 4]) = (next(&mut rest)?, next(&mut rest)?);
    let count = match dimensions {
        0 => 0,
        1 => {
            let (count, _first): ([u8; 4], [u8; 4]) = (next(&mut rest)?, next(&mut rest)?);
            usize::try_from(i32::from_be_bytes(count)).map_err(|_| damaged())?
        }
        more => return Err(format!("the array has {more} dimensions, and a list has one")),
    };
    if count > rest.len() {
        return Err(damaged());
    }
    pack_length(count, out);
    for index in 0..count {
        let value = match usize::try_from(i32::from_be_bytes(next(&mut rest)?)) {
            Ok(length) => Some(rest.split_off(..length).ok_or_else(damaged)?),
            Err(_) => None,
        };
        decode(element, from, value, out).map_err(|refusal| format!("element {}: {refusal}", index + 1))?;
    }
    Ok(())
}

fn read_integer(from: &ValueType, value: &[u8]) -> Result<(bool, u128), Refusal> {
    let number = match from {
        ValueType::Int2 => i16::from_be_bytes(whole(value)?).into(),
        ValueType::Int4 => i32::from_be_bytes(whole(value)?).into(),
        ValueType::Int8 => i64::from_be_bytes(whole(value)?),
        _ => return numeric::read(value).ok_or_else(|| "it isn't an integer of at most 128 bits".to_owned()),
    };
    Ok((number < 0, number.unsigned_abs().into()))
}

fn write_integer(kind: &Kind, (negative, magnitude): (bool, u128), out: &mut Vec<u8>) -> Result<(), Refusal> {
    let signed = || {
        if negative { 0_i128.checked_sub_unsigned(magnitude) } else { i128::try_from(magnitude).ok() }
    };
    let unsigned = || (!negative || magnitude == 0).then_some(magnitude);
    macro_rules! narrow {
        ($number:expr, $type:ty) => {
            $number
                .and_then(|number| <$type>::try_from(number).ok())
                .map(|number| out.extend_from_slice(&number.to_le_bytes()))
        };
    }
    let written = match kind {
        Kind::I8 => narrow!(signed(), i8),
        Kind::I16 => narrow!(signed(), i16),
        Kind::I32 => narrow!(signed(), i32),
        Kind::I64 => narrow!(signed(), i64),
        Kind::I128 => narrow!(signed(), i128),
        Kind::U8 => narrow!(unsigned(), u8),
        Kind::U16 => narrow!(unsigned(), u16),
        Kind::U32 => narrow!(unsigned(), u32),
        Kind::U64 => narrow!(unsigned(), u64),
        _ => narrow!(unsigned(), u128),
    };
    written.ok_or_else(|| format!("{}{magnitude} doesn't fit the row's column", sign(negative)))
}

fn whole<const N: usize>(value: &[u8]) -> Result<[u8; N], Refusal> {
    value.try_into().map_err(|_| damaged())
}

fn next<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Refusal> {
    unpack_array(rest).ok_or_else(damaged)
}

fn damaged() -> Refusal {
    "the server has sent bytes that aren't of the column's type".to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio_postgres::types::Type;

    use super::*;
    use crate::schema::Column;
    use crate::time::{Date, Duration, Timestamp, Window};

    fn columns() -> Vec<DataType> {
        vec![
            bool::data_type(),
            u8::data_type(),
            i128::data_type(),
            f32::data_type(),
            f64::data_type(),
            String::data_type(),
            Vec::<u8>::data_type(),
            Timestamp::data_type(),
            Date::data_type(),
            Duration::data_type(),
            Vec::<Option<i32>>::data_type(),
            Option::<Vec<String>>::data_type(),
            Vec::<Window>::data_type(),
        ]
    }

    fn types() -> Vec<ValueType> {
        let types = [
            Type::BOOL,
            Type::INT2,
            Type::INT4,
            Type::INT8,
            Type::NUMERIC,
            Type::FLOAT4,
            Type::FLOAT8,
            Type::TEXT,
            Type::JSON,
            Type::JSONB,
            Type::UUID,
            Type::BYTEA,
            Type::TIMESTAMPTZ,
            Type::DATE,
            Type::INTERVAL,
            Type::INT4_ARRAY,
            Type::TEXT_ARRAY,
        ];
        types.iter().filter_map(ValueType::of).collect()
    }

    proptest! {
        #[test]
        fn whatever_a_server_sends_is_a_value_or_an_error(
            bytes in prop::collection::vec(prop_oneof![3 => 0_u8..3, 1 => any::<u8>()], 0..40),
        ) {
            let types = types();
            for column in columns() {
                for ty in types.iter().filter(|ty| ty.gives(&column)) {
                    let _ = decode(&column, ty, Some(&bytes), &mut Vec::new());
                }
            }
        }
    }

    #[test]
    fn an_interval_counts_its_days_and_has_no_months() {
        let read = |micros: i64, days: i32, months: i32| {
            let sent = [&micros.to_be_bytes()[..], &days.to_be_bytes(), &months.to_be_bytes()].concat();
            interval(&sent)
        };
        assert_eq!(read(5, 2, 0), Ok(2 * DAY + 5));
        assert!(read(0, 0, 1).is_err());
        assert!(read(i64::MAX, 1, 0).is_err());
    }
}
