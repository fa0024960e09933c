//! Floating-point numbers as columns.

use std::fmt::{self, Write as _};
use std::io::Write as _;

use serde::Deserializer;
use serde::de::{Unexpected, Visitor};

use super::column::{mismatch, past_the_end};
use super::columnar::written_as;
use super::number::{copied_column, packed_column};
use super::pack::unpack_array;
use super::{Column, Decoding, Element, TimestampFormat};
use crate::format::columns::{Differences, Floats, Values};
use crate::format::json::Scanner;
use crate::format::{Arena, RowError};

macro_rules! float_columns {
    ($($type:ident, $expected:literal, $variant:ident, $exact_bits:literal);* $(;)?) => {$(
        impl Column for $type {
            copied_column!($type, $variant);
            packed_column!($type);
            written_as!($type);

            type Values<'a> = Floats<'a, $type>;

            fn bind<'a>(
                values: &'a Values<'a>,
                _timestamps: TimestampFormat,
                differences: &mut Differences,
            ) -> Option<Floats<'a, $type>> {
                if let Values::$variant(values) = values {
                    return Some(Floats::Same(values));
                }
                match values {
                    Values::F32(values) => Some(Floats::Narrow(values)),
                    // Wider ones would be rounded.
                    Values::Integers(numbers) if numbers.bits() <= $exact_bits => {
                        Some(Floats::Integers(*numbers))
                    }
                    other => mismatch(other, $expected, differences),
                }
            }

            #[inline]
            fn value<'a>(
                values: &Floats<'a, $type>,
                row: usize,
                _arena: &'a Arena,
            ) -> Result<$type, RowError> {
                let value = match values {
                    Floats::Same(values) => values.get(row).copied(),
                    Floats::Narrow(values) => values.get(row).map(|&value| <$type>::from(value)),
                    Floats::Integers(values) => values.get(row).map(|value| value as $type),
                };
                value.ok_or_else(past_the_end)
            }

            #[inline]
            fn decode_json<'a, D: Deserializer<'a>>(
                value: D,
                _decoding: Decoding<'a>,
            ) -> Result<$type, D::Error> {
                let wide = value.deserialize_any(FloatVisitor($expected))?;
                let narrow = wide as $type;
                if narrow.is_infinite() && wide.is_finite() {
                    return Err(serde::de::Error::invalid_value(Unexpected::Float(wide), &$expected));
                }
                Ok(narrow)
            }

            #[inline]
            fn scan_json<'a>(scanner: &mut Scanner<'a>, decoding: Decoding<'a>) -> Option<$type> {
                match scanner.float() {
                    Some(number) => Some(number as $type),
                    None => scanner.general(|json| Self::decode_json(json, decoding)),
                }
            }

            #[inline]
            fn decode_text<'a>(text: &'a str, _decoding: Decoding<'a>) -> Result<$type, RowError> {
                let text = text.trim();
                if let Some(special) = non_finite(text) {
                    return Ok(special as $type);
                }
                match text.parse::<$type>() {
                    // Rust also reads `inf` and `infinity`, and rounds 1e999 to infinity.
                    Ok(number) if number.is_finite() => Ok(number),
                    _ => Err(RowError::unexpected(text, $expected)),
                }
            }

            #[inline]
            fn encode_json(view: $type, _timestamps: TimestampFormat, out: &mut Vec<u8>) {
                if view.is_finite() {
                    // Writing a finite number to a `Vec` can't fail.
                    let _ = serde_json::to_writer(out, &view);
                } else {
                    let _ = write!(out, "\"{}\"", non_finite_name(f64::from(view)));
                }
            }

            #[inline]
            fn encode_text(view: $type, _timestamps: TimestampFormat, out: &mut String) {
                if view.is_finite() {
                    let _ = write!(out, "{view:?}");
                } else {
                    out.push_str(non_finite_name(f64::from(view)));
                }
            }
        }

        impl Element for $type {}
    )*};
}

float_columns! {
    f32, "a number (`f32`)", F32, 16;
    f64, "a number (`f64`)", F64, 32;
}

/// The non-finite numbers that Spark reads, by their names.
fn non_finite(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" | "+Infinity" | "INF" | "+INF" => Some(f64::INFINITY),
        "-Infinity" | "-INF" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

fn non_finite_name(number: f64) -> &'static str {
    if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

struct FloatVisitor(&'static str);

impl Visitor<'_> for FloatVisitor {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    #[inline]
    fn visit_f64<E>(self, number: f64) -> Result<f64, E> {
        Ok(number)
    }

    #[inline]
    fn visit_i64<E>(self, number: i64) -> Result<f64, E> {
        Ok(number as f64)
    }

    #[inline]
    fn visit_u64<E>(self, number: u64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<f64, E> {
        non_finite(text).ok_or_else(|| E::invalid_type(Unexpected::Str(text), &self))
    }
}
