//! [`Column`]: what a type must be able to do to stand in a row.
//!
//! A column is known in two forms: the one that a service's struct owns, and the borrowed, `Copy` one that
//! its view holds. Decoders go from bytes straight to the view; encoders start from the view. The packed form
//! of rows in state is written from the view, and is read as a view that borrows from it.

use std::fmt::Debug;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Visitor};

use super::columnar::ColumnWriter;
use super::pack::{pack_bool, unpack_bool};
use super::{DataType, Kind};
use crate::format::columns::{Differences, Values};
use crate::format::json::Scanner;
use crate::format::{Arena, RowError};

/// A type that may be a column of a [`Schema`](super::Schema).
///
/// Implemented for `bool`, integers, `f32`, `f64`, `String`, `Vec<u8>`, [`Timestamp`](crate::time::Timestamp),
/// [`Duration`](crate::time::Duration), [`Date`](crate::time::Date), [`Window`](crate::time::Window), structs
/// that derive `Schema`, and `Option` and `Vec` of those.
///
/// | type | JSON | CSV and console | packed |
/// |---|---|---|---|
/// | integers, `bool` | number, `true` | the same | at their width; `usize` and `isize` 8 bytes, `bool` 1 |
/// | `f32`, `f64` | number; `"NaN"`, `"Infinity"`, `"-Infinity"` as Spark writes them | the same, without quotes | 4 and 8 bytes |
/// | `String` | text | text | length, UTF-8 |
/// | `Vec<u8>` | Base64 text | Base64 text | length, the bytes |
/// | `Timestamp` | RFC 3339 text, or a number with `#[schema(timestamp = "…")]` | the same | microseconds, 8 bytes |
/// | `Duration` | ISO 8601 text such as `PT5M`; also read: a number of microseconds | the same | microseconds, 8 bytes |
/// | `Date` | `2026-01-31` | the same | days, 4 bytes |
/// | `Window` | `{"start":…,"end":…}` | `[start, end)` in one cell | start and end, 16 bytes |
/// | `Option` | left out when null, as Spark does; `null` in a list | an empty cell | 0, or 1 and the value |
/// | `Vec` | array | its JSON in one cell | count, the elements |
/// | nested structs | object | their JSON in one cell | the columns in declared order |
///
/// Packed numbers are little-endian; lengths and counts are LEB128, which is one byte for those below 128. The
/// packed form doesn't describe itself: see [`Schema::pack`](super::Schema::pack).
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a column",
    label = "not a column type",
    note = "columns are `bool`, integers, `f32`, `f64`, `String`, `Vec<u8>`, `Timestamp`, `Duration`, `Date`, `Window`, structs that derive `Schema`, and `Option` and `Vec` of those"
)]
pub trait Column: Sized + Send + Sync + 'static {
    /// The borrowed, `Copy` form.
    type View<'a>: Copy + Debug + PartialEq + Send + Sync + 'a;

    /// The slices of a batch of columns that the values come from.
    #[doc(hidden)]
    type Values<'a>: Send + Sync;

    /// Whether the column may be null.
    const NULLABLE: bool = false;

    /// The type as a value.
    fn data_type() -> DataType;

    /// Borrows the value.
    fn view(&self) -> Self::View<'_>;

    /// Copies a view into a value of its own.
    fn from_view(view: Self::View<'_>) -> Self;

    /// Copies what a view borrows into the arena.
    fn keep<'a>(view: Self::View<'_>, arena: &'a Arena) -> Self::View<'a>;

    /// What stands in a view for a column that isn't read.
    fn placeholder<'a>() -> Self::View<'a>;

    /// What a row without this column means: null if the column may be null, or `None`, an error.
    fn missing<'a>() -> Option<Self::View<'a>> {
        None
    }

    /// What an empty CSV cell means: null if the column may be null, empty text, or `None`, an error.
    ///
    /// `quoted` tells `""` from nothing at all.
    fn empty_cell<'a>(_quoted: bool) -> Option<Self::View<'a>> {
        None
    }

    /// Decodes a JSON value.
    fn decode_json<'a, D: Deserializer<'a>>(
        value: D,
        decoding: Decoding<'a>,
    ) -> Result<Self::View<'a>, D::Error>;

    /// Decodes a JSON value in a line that is read in order; `None` gives up on the order.
    ///
    /// Whatever this accepts it reads as `decode_json` does.
    #[inline]
    fn scan_json<'a>(scanner: &mut Scanner<'a>, decoding: Decoding<'a>) -> Option<Self::View<'a>> {
        scanner.general(|json| Self::decode_json(json, decoding))
    }

    /// Decodes a CSV cell that isn't empty.
    fn decode_text<'a>(text: &'a str, decoding: Decoding<'a>) -> Result<Self::View<'a>, RowError>;

    /// Decodes the key or the value of a message: text as a CSV cell has it, and bytes as they are.
    fn decode_bytes<'a>(bytes: &'a [u8], decoding: Decoding<'a>) -> Result<Self::View<'a>, RowError> {
        match std::str::from_utf8(bytes) {
            Ok("") => Self::empty_cell(true).ok_or_else(|| RowError::new("it is empty")),
            Ok(text) => Self::decode_text(text, decoding),
            Err(error) => Err(RowError::new(format_args!("it isn't UTF-8: {error}"))),
        }
    }

    /// Finds the slices of a batch's column; `None` if it has no values, or, with a note, if they are of a wrong type.
    #[doc(hidden)]
    fn bind<'a>(
        values: &'a Values<'a>,
        timestamps: TimestampFormat,
        differences: &mut Differences,
    ) -> Option<Self::Values<'a>>;

    /// The value of a row that isn't null there.
    #[doc(hidden)]
    fn value<'a>(values: &Self::Values<'a>, row: usize, arena: &'a Arena)
    -> Result<Self::View<'a>, RowError>;

    /// Whether the value is null.
    fn is_null(_view: Self::View<'_>) -> bool {
        false
    }

    /// Appends the value as JSON.
    fn encode_json(view: Self::View<'_>, timestamps: TimestampFormat, out: &mut Vec<u8>);

    /// Appends the value as CSV and the console print it. Not called for a null.
    fn encode_text(view: Self::View<'_>, timestamps: TimestampFormat, out: &mut String);

    /// Appends the value as the key or the value of a message: text as a CSV cell has it, and bytes as they are. Not called for a null.
    fn encode_bytes(view: Self::View<'_>, timestamps: TimestampFormat, out: &mut Vec<u8>) {
        let mut text = String::new();
        Self::encode_text(view, timestamps, &mut text);
        out.extend_from_slice(text.as_bytes());
    }

    /// Appends the packed value: at least one byte, since a list's count is checked against the bytes left.
    fn pack(view: Self::View<'_>, out: &mut Vec<u8>);

    /// Takes a packed value off the front of `bytes`; `None` if none stands there.
    ///
    /// Text and binary data are borrowed, lists go to the arena.
    fn unpack<'a>(bytes: &mut &'a [u8], arena: &'a Arena) -> Option<Self::View<'a>>;

    /// Hands many values at once to a columnar format.
    #[doc(hidden)]
    fn write_column<'a, W: ColumnWriter, I>(values: I, writer: &mut W) -> Result<W::Column, W::Error>
    where
        I: Iterator<Item = Option<Self::View<'a>>> + Clone;
}

/// A [`Column`] that may stand in a `Vec`: every one but `u8`, since `Vec<u8>` is binary data.
#[diagnostic::on_unimplemented(
    message = "`Vec<{Self}>` can't be a column",
    label = "not a type that a column's `Vec` may hold",
    note = "a list holds `bool`, integers, `f32`, `f64`, `String`, `Vec<u8>`, times, structs that derive `Schema`, and `Option` and `Vec` of those; `Vec<u8>` is binary data"
)]
pub trait Element: Column {}

/// A [`Column`] with timestamps in it, which `#[schema(timestamp = "…")]` may stand on.
#[diagnostic::on_unimplemented(
    message = "`#[schema(timestamp = …)]` is for timestamps, and this column is `{Self}`",
    label = "no timestamp",
    note = "it may stand on `Timestamp`, `Window`, and `Option` and `Vec` of those"
)]
pub trait HoldsTimestamps: Column {}

/// How timestamps are written in text formats.
///
/// A fraction of a second or millisecond is read as a double, which holds every microsecond until the year 2100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampFormat {
    /// `"2026-01-01T00:00:00.000Z"`.
    #[default]
    Rfc3339,
    /// Seconds since the epoch, with a fraction where there is one.
    Seconds,
    /// Milliseconds since the epoch, with a fraction where there is one.
    Millis,
    /// Microseconds since the epoch.
    Micros,
}

/// What a decoder needs beside the bytes.
#[derive(Clone, Copy, Debug)]
pub struct Decoding<'a> {
    /// Where text goes that can't be borrowed from the input.
    pub arena: &'a Arena,
    /// How the column's timestamps are written.
    pub timestamps: TimestampFormat,
}

/// Decodes a value of column type `T` wherever serde hands one out.
pub(crate) struct Seed<'a, T> {
    decoding: Decoding<'a>,
    column: std::marker::PhantomData<fn() -> T>,
}

impl<'a, T> Seed<'a, T> {
    pub(crate) fn new(decoding: Decoding<'a>) -> Self {
        Self { decoding, column: std::marker::PhantomData }
    }
}

impl<'a, T: Column> DeserializeSeed<'a> for Seed<'a, T> {
    type Value = T::View<'a>;

    #[inline]
    fn deserialize<D: Deserializer<'a>>(self, value: D) -> Result<Self::Value, D::Error> {
        T::decode_json(value, self.decoding)
    }
}

impl<T: Column> Column for Option<T> {
    type View<'a> = Option<T::View<'a>>;
    type Values<'a> = T::Values<'a>;

    const NULLABLE: bool = true;

    fn data_type() -> DataType {
        DataType::new::<Self>(Kind::Nullable(Box::new(T::data_type())))
    }

    #[inline]
    fn view(&self) -> Self::View<'_> {
        self.as_ref().map(T::view)
    }

    fn from_view(view: Self::View<'_>) -> Self {
        view.map(T::from_view)
    }

    fn keep<'a>(view: Self::View<'_>, arena: &'a Arena) -> Self::View<'a> {
        view.map(|view| T::keep(view, arena))
    }

    fn placeholder<'a>() -> Self::View<'a> {
        None
    }

    fn missing<'a>() -> Option<Self::View<'a>> {
        Some(None)
    }

    fn empty_cell<'a>(quoted: bool) -> Option<Self::View<'a>> {
        // `""` is empty text where the column is text, and null where it is anything else.
        Some(if quoted { T::empty_cell(true) } else { None })
    }

    #[inline]
    fn decode_json<'a, D: Deserializer<'a>>(
        value: D,
        decoding: Decoding<'a>,
    ) -> Result<Self::View<'a>, D::Error> {
        value.deserialize_option(OptionVisitor::<T>(Seed::new(decoding)))
    }

    #[inline]
    fn scan_json<'a>(scanner: &mut Scanner<'a>, decoding: Decoding<'a>) -> Option<Self::View<'a>> {
        if scanner.literal(b"null") { Some(None) } else { T::scan_json(scanner, decoding).map(Some) }
    }

    #[inline]
    fn decode_text<'a>(text: &'a str, decoding: Decoding<'a>) -> Result<Self::View<'a>, RowError> {
        T::decode_text(text, decoding).map(Some)
    }

    fn decode_bytes<'a>(bytes: &'a [u8], decoding: Decoding<'a>) -> Result<Self::View<'a>, RowError> {
        T::decode_bytes(bytes, decoding).map(Some)
    }

    fn bind<'a>(
        values: &'a Values<'a>,
        timestamps: TimestampFormat,
        differences: &mut Differences,
    ) -> Option<T::Values<'a>> {
        match values {
            Values::Null => None,
            values => T::bind(values, timestamps, differences),
        }
    }

    #[inline]
    fn value<'a>(
        values: &T::Values<'a>,
        row: usize,
        arena: &'a Arena,
    ) -> Result<Option<T::View<'a>>, RowError> {
        T::value(values, row, arena).map(Some)
    }

    fn is_null(view: Self::View<'_>) -> bool {
        view.is_none_or(T::is_null)
    }

    fn encode_json(view: Self::View<'_>, timestamps: TimestampFormat, out: &mut Vec<u8>) {
        match view {
            Some(view) => T::encode_json(view, timestamps, out),
            None => out.extend_from_slice(b"null"),
        }
    }

    fn encode_text(view: Self::View<'_>, timestamps: TimestampFormat, out: &mut String) {
        if let Some(view) = view {
            T::encode_text(view, timestamps, out);
        }
    }

    fn encode_bytes(view: Self::View<'_>, timestamps: TimestampFormat, out: &mut Vec<u8>) {
        if let Some(view) = view {
            T::encode_bytes(view, timestamps, out);
        }
    }

    #[inline]
    fn pack(view: Self::View<'_>, out: &mut Vec<u8>) {
        pack_bool(view.is_some(), out);
        if let Some(view) = view {
            T::pack(view, out);
        }
    }

    #[inline]
    fn unpack<'a>(bytes: &mut &'a [u8], arena: &'a Arena) -> Option<Self::View<'a>> {
        if unpack_bool(bytes)? { T::unpack(bytes, arena).map(Some) } else { Some(None) }
    }

    fn write_column<'a, W: ColumnWriter, I>(values: I, writer: &mut W) -> Result<W::Column, W::Error>
    where
        I: Iterator<Item = Option<Self::View<'a>>> + Clone,
    {
        T::write_column(values.map(Option::flatten), writer)
    }
}

impl<T: Column> Element for Option<T> {}
impl<T: HoldsTimestamps> HoldsTimestamps for Option<T> {}

struct OptionVisitor<'a, T>(Seed<'a, T>);

impl<'a, T: Column> Visitor<'a> for OptionVisitor<'a, T> {
    type Value = Option<T::View<'a>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value or null")
    }

    #[inline]
    fn visit_none<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    #[inline]
    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    #[inline]
    fn visit_some<D: Deserializer<'a>>(self, value: D) -> Result<Self::Value, D::Error> {
        self.0.deserialize(value).map(Some)
    }
}

/// A column's type isn't the one that it is to be read as.
pub(super) fn mismatch<T>(found: &Values<'_>, expected: &str, differences: &mut Differences) -> Option<T> {
    differences.mismatch(found, expected);
    None
}

/// The error of a row past the end of its batch, which a reader of files would have to be wrong to ask for.
#[cold]
pub(super) fn past_the_end() -> RowError {
    RowError::new("the batch has no such row")
}

/// The error of a value that serde accepted and the column doesn't.
pub(crate) fn invalid<E: serde::de::Error>(error: &RowError) -> E {
    E::custom(error)
}
