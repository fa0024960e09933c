//! Whole numbers and `bool` as columns.

use std::fmt::Write as _;
use std::io::Write as _;

use serde::{Deserialize, Deserializer};

use super::column::{mismatch, past_the_end};
use super::columnar::written_as;
use super::pack::{pack_bool, unpack_array, unpack_bool};
use super::{Column, Decoding, Element, TimestampFormat};
use crate::format::columns::{Differences, Integers, Numbers, Values};
use crate::format::json::Scanner;
use crate::format::{Arena, RowError};

/// The parts of [`Column`] that are the same for every type that is its own view.
macro_rules! copied_column {
    ($type:ty, $kind:ident) => {
        type View<'a> = $type;

        fn data_type() -> $crate::schema::DataType {
            $crate::schema::DataType::new::<Self>($crate::schema::Kind::$kind)
        }

        #[inline]
        fn view(&self) -> $type {
            *self
        }

        #[inline]
        fn from_view(view: $type) -> Self {
            view
        }

        fn keep(view: $type, _arena: &$crate::format::Arena) -> $type {
            view
        }

        #[inline]
        fn placeholder<'a>() -> Self::View<'a> {
            <$type>::default()
        }
    };
}
pub(super) use copied_column;

/// The packed form of what is a number in another type.
macro_rules! packed_as {
    ($number:ty, $to:ident, $from:ident) => {
        #[inline]
        fn pack(view: Self, out: &mut Vec<u8>) {
            <$number>::pack(view.$to(), out);
        }

        #[inline]
        fn unpack<'a>(bytes: &mut &'a [u8], arena: &'a $crate::format::Arena) -> Option<Self> {
            <$number>::unpack(bytes, arena).map(Self::$from)
        }
    };
}
pub(super) use packed_as;

macro_rules! packed_column {
    (bool) => {
        #[inline]
        fn pack(view: bool, out: &mut Vec<u8>) {
            pack_bool(view, out);
        }

        #[inline]
        fn unpack<'a>(bytes: &mut &'a [u8], _arena: &'a Arena) -> Option<bool> {
            unpack_bool(bytes)
        }
    };
    // The same bytes on every machine.
    (usize) => {
        packed_column!(usize as u64);
    };
    (isize) => {
        packed_column!(isize as i64);
    };
    ($type:ident as $wide:ident) => {
        #[inline]
        fn pack(view: $type, out: &mut Vec<u8>) {
            <$wide as Column>::pack(view as $wide, out);
        }

        #[inline]
        fn unpack<'a>(bytes: &mut &'a [u8], arena: &'a Arena) -> Option<$type> {
            $type::try_from(<$wide as Column>::unpack(bytes, arena)?).ok()
        }
    };
    ($type:ident) => {
        #[inline]
        fn pack(view: $type, out: &mut Vec<u8>) {
            out.extend_from_slice(&view.to_le_bytes());
        }

        #[inline]
        fn unpack<'a>(bytes: &mut &'a [u8], _arena: &'a Arena) -> Option<$type> {
            unpack_array(bytes).map($type::from_le_bytes)
        }
    };
}
pub(super) use packed_column;

macro_rules! written_column {
    (usize) => {
        written_as!(u64, |number| number as u64);
    };
    (isize) => {
        written_as!(i64, |number| number as i64);
    };
    ($type:ident) => {
        written_as!($type);
    };
}

/// A column out of a batch of columns: one of the same width as it is, and any other number that fits.
macro_rules! batch_column {
    (bool, $expected:literal) => {
        type Values<'a> = &'a [bool];

        fn bind<'a>(
            values: &'a Values<'a>,
            _timestamps: TimestampFormat,
            differences: &mut Differences,
        ) -> Option<&'a [bool]> {
            match values {
                Values::Bool(values) => Some(values),
                other => mismatch(other, "a boolean", differences),
            }
        }

        #[inline]
        fn value<'a>(values: &&'a [bool], row: usize, _arena: &'a Arena) -> Result<bool, RowError> {
            values.get(row).copied().ok_or_else(past_the_end)
        }
    };
    ($type:ident, $expected:literal) => {
        type Values<'a> = Integers<'a, $type>;

        fn bind<'a>(
            values: &'a Values<'a>,
            _timestamps: TimestampFormat,
            differences: &mut Differences,
        ) -> Option<Integers<'a, $type>> {
            match values {
                Values::Integers(numbers) => Some(same_width!($type, *numbers)),
                Values::Wide(numbers) => Some(Integers::Wide(numbers)),
                other => mismatch(other, $expected, differences),
            }
        }

        #[inline]
        fn value<'a>(values: &Integers<'a, $type>, row: usize, _arena: &'a Arena) -> Result<$type, RowError> {
            match values {
                Integers::Same(values) => values.get(row).copied().ok_or_else(past_the_end),
                Integers::Other(values) => {
                    let number = values.get(row).ok_or_else(past_the_end)?;
                    $type::try_from(number).map_err(|_| RowError::unexpected(&number.to_string(), $expected))
                }
                Integers::Wide(values) => {
                    let number = values.get(row).ok_or_else(past_the_end)?;
                    number.fit().ok_or_else(|| RowError::unexpected(&number.to_string(), $expected))
                }
            }
        }
    };
}

macro_rules! same_width {
    (i8, $numbers:expr) => {
        same_width!(@ I8, $numbers)
    };
    (i16, $numbers:expr) => {
        same_width!(@ I16, $numbers)
    };
    (i32, $numbers:expr) => {
        same_width!(@ I32, $numbers)
    };
    (i64, $numbers:expr) => {
        same_width!(@ I64, $numbers)
    };
    (u8, $numbers:expr) => {
        same_width!(@ U8, $numbers)
    };
    (u16, $numbers:expr) => {
        same_width!(@ U16, $numbers)
    };
    (u32, $numbers:expr) => {
        same_width!(@ U32, $numbers)
    };
    (u64, $numbers:expr) => {
        same_width!(@ U64, $numbers)
    };
    (@ $variant:ident, $numbers:expr) => {
        match $numbers {
            Numbers::$variant(values) => Integers::Same(values),
            other => Integers::Other(other),
        }
    };
    // No file has these.
    ($type:ident, $numbers:expr) => {
        Integers::Other($numbers)
    };
}

macro_rules! plain_columns {
    ($($type:ident, $kind:ident, $expected:literal, |$scanner:ident| $scan:expr);* $(;)?) => {$(
        impl Column for $type {
            copied_column!($type, $kind);
            packed_column!($type);
            written_column!($type);
            batch_column!($type, $expected);


            #[inline]
            fn decode_json<'a, D: Deserializer<'a>>(
                value: D,
                _decoding: Decoding<'a>,
            ) -> Result<$type, D::Error> {
                <$type>::deserialize(value)
            }

            #[inline]
            fn scan_json<'a>($scanner: &mut Scanner<'a>, decoding: Decoding<'a>) -> Option<$type> {
                let scanned: Option<$type> = $scan;
                scanned.or_else(|| $scanner.general(|json| Self::decode_json(json, decoding)))
            }

            #[inline]
            fn decode_text<'a>(text: &'a str, _decoding: Decoding<'a>) -> Result<$type, RowError> {
                text.trim().parse().map_err(|_| RowError::unexpected(text, $expected))
            }

            #[inline]
            fn encode_json(view: $type, _timestamps: TimestampFormat, out: &mut Vec<u8>) {
                // Writing to a `Vec` can't fail.
                let _ = write!(out, "{view}");
            }

            #[inline]
            fn encode_text(view: $type, _timestamps: TimestampFormat, out: &mut String) {
                let _ = write!(out, "{view}");
            }
        }
    )*};
}

plain_columns! {
    bool, Bool, "`true` or `false`", |scanner| scan_bool(scanner);
    u8, U8, "an integer from 0 to 255 (`u8`)", |scanner| scanner.integer();
    u16, U16, "an integer from 0 to 65535 (`u16`)", |scanner| scanner.integer();
    u32, U32, "a 32-bit integer without sign (`u32`)", |scanner| scanner.integer();
    u64, U64, "a 64-bit integer without sign (`u64`)", |scanner| scanner.integer();
    u128, U128, "a 128-bit integer without sign (`u128`)", |scanner| scanner.integer();
    usize, U64, "an integer without sign (`usize`)", |scanner| scanner.integer();
    i8, I8, "an integer from -128 to 127 (`i8`)", |scanner| scanner.integer();
    i16, I16, "an integer from -32768 to 32767 (`i16`)", |scanner| scanner.integer();
    i32, I32, "a 32-bit integer (`i32`)", |scanner| scanner.integer();
    i64, I64, "a 64-bit integer (`i64`)", |scanner| scanner.integer();
    i128, I128, "a 128-bit integer (`i128`)", |scanner| scanner.integer();
    isize, I64, "an integer (`isize`)", |scanner| scanner.integer();
}

#[inline]
fn scan_bool(scanner: &mut Scanner<'_>) -> Option<bool> {
    if scanner.literal(b"true") {
        Some(true)
    } else if scanner.literal(b"false") {
        Some(false)
    } else {
        None
    }
}

// Every one but `u8`: `Vec<u8>` is binary data.
macro_rules! elements {
    ($($type:ty),*) => {$(impl Element for $type {})*};
}
elements!(bool, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);
