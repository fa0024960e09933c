//! [`DataType`]: a column's type as a value, for connectors that write or read columns one by one.
//!
//! With it the packed form of a row ([`Schema::pack`](super::Schema::pack)) can be read by whoever doesn't know the
//! row's Rust type: a format needs one loop over packed values, and no code of its own in each row type.

use super::{Column, Decoding, TimestampFormat};
use crate::format::{Arena, RowError, json};

/// The type of a [`Column`], and the JSON form of its packed values.
///
/// ```
/// use stream_runtime::schema::{Column, DataType, Kind};
///
/// let text = Option::<String>::data_type();
/// let Kind::Nullable(text) = text.kind() else { panic!("nullable") };
/// assert_eq!(text.kind(), &Kind::Text);
///
/// let list = Vec::<u16>::data_type();
/// let mut packed = Vec::new();
/// list.json_to_packed("[1,2]", &mut packed)?;
/// assert_eq!(packed, [2, 1, 0, 2, 0]);
/// let (mut json, mut bytes) = (Vec::new(), packed.as_slice());
/// list.packed_to_json(&mut bytes, &mut json).ok_or("damaged")?;
/// assert_eq!(json, b"[1,2]");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct DataType {
    kind: Kind,
    to_json: fn(&mut &[u8], &mut Vec<u8>) -> Option<()>,
    from_json: fn(&str, &mut Vec<u8>) -> Result<(), RowError>,
}

/// What a [`DataType`] is of. [`Column`] says how each is packed.
///
/// No variant has a type's name: rustc would spell out that type's path in its errors.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// `bool`.
    Bool,
    /// `i8`.
    I8,
    /// `i16`.
    I16,
    /// `i32`.
    I32,
    /// `i64` and `isize`.
    I64,
    /// `i128`.
    I128,
    /// `u8`.
    U8,
    /// `u16`.
    U16,
    /// `u32`.
    U32,
    /// `u64` and `usize`.
    U64,
    /// `u128`.
    U128,
    /// `f32`.
    F32,
    /// `f64`.
    F64,
    /// `String`.
    Text,
    /// `Vec<u8>`.
    Binary,
    /// [`Timestamp`](crate::time::Timestamp).
    Time,
    /// [`Duration`](crate::time::Duration).
    Span,
    /// [`Date`](crate::time::Date).
    Day,
    /// [`Window`](crate::time::Window).
    TimeWindow,
    /// A column that may be null, and what it is otherwise.
    Nullable(Box<DataType>),
    /// A list, and what it holds.
    ListOf(Box<DataType>),
    /// A struct that derives `Schema`.
    Struct,
}

impl DataType {
    /// The type of the column type `T`, whose kind is `kind`.
    pub fn new<T: Column>(kind: Kind) -> Self {
        Self { kind, to_json: to_json::<T>, from_json: from_json::<T> }
    }

    /// What it is.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Takes a packed value off the front of `bytes` and appends it as JSON; `None` if none stands there.
    pub fn packed_to_json(&self, bytes: &mut &[u8], out: &mut Vec<u8>) -> Option<()> {
        (self.to_json)(bytes, out)
    }

    /// Appends the packed form of a JSON value.
    ///
    /// # Errors
    /// What is wrong with the value; what has been appended by then is unspecified.
    pub fn json_to_packed(&self, json: &str, out: &mut Vec<u8>) -> Result<(), RowError> {
        (self.from_json)(json, out)
    }
}

/// Types are equal if their values are packed alike; two structs never are, since nothing here tells them apart.
impl PartialEq for DataType {
    fn eq(&self, other: &Self) -> bool {
        self.kind != Kind::Struct && self.kind == other.kind
    }
}

fn to_json<T: Column>(bytes: &mut &[u8], out: &mut Vec<u8>) -> Option<()> {
    let arena = Arena::default();
    let mut rest = *bytes;
    let before = rest.len();
    T::encode_json(T::unpack(&mut rest, &arena)?, TimestampFormat::Rfc3339, out);
    *bytes = bytes.get(before - rest.len()..)?;
    Some(())
}

fn from_json<T: Column>(text: &str, out: &mut Vec<u8>) -> Result<(), RowError> {
    let arena = Arena::default();
    let decoding = Decoding { arena: &arena, timestamps: TimestampFormat::Rfc3339 };
    T::pack(json::decode_json_cell::<T>(text, decoding)?, out);
    Ok(())
}
