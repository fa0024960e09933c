//! JSON: one object a line, decoded straight into a view.
//!
//! What is generated for a struct is the table of its columns and the functions that fill them
//! ([`RowFields`]); everything that is the same for all structs is here.

mod scan;
mod write;

use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};

use super::message::Message;
use super::partition::PartitionValues;
use super::{Arena, RowError};
use crate::schema::place::Place;
use crate::schema::{Column, ColumnSet, Decoding, Schema, Seed};

pub use scan::{ScannedObject, Scanner};
pub(crate) use write::write_text;
pub use write::{ObjectWriter, write_json_cell};

/// What the derive writes for decoding JSON.
pub trait RowFields: Schema {
    /// The place of a column among the schema's, by its external name.
    fn position(name: &str) -> Option<usize>;

    /// Reads an object's columns if they come in declared order; `None` leaves the row to `read_object`.
    fn scan_object<'a, const COLUMNS: ColumnSet>(scanner: &mut Scanner<'a>) -> Option<Self::View<'a>>;

    /// Reads an object's columns in any order.
    fn read_object<'a, const COLUMNS: ColumnSet, A: MapAccess<'a>>(
        object: Object<'a, A, COLUMNS>,
    ) -> Result<Self::View<'a>, A::Error>;

    /// Reads a message's value: as [`scan_object`](Self::scan_object), with placeholders for columns that are parts of the message.
    #[inline]
    fn scan_value<'a, const COLUMNS: ColumnSet>(scanner: &mut Scanner<'a>) -> Option<Self::View<'a>> {
        Self::scan_object::<COLUMNS>(scanner)
    }

    /// Reads a message's value: as [`read_object`](Self::read_object), with placeholders for columns that are parts of the message.
    fn read_value<'a, const COLUMNS: ColumnSet, A: MapAccess<'a>>(
        object: Object<'a, A, COLUMNS>,
    ) -> Result<Self::View<'a>, A::Error> {
        Self::read_object::<COLUMNS, A>(object)
    }
}

/// Decodes one line.
#[inline]
pub fn decode_line<'a, R: RowFields, const COLUMNS: ColumnSet>(
    line: &'a str,
    arena: &'a Arena,
) -> Result<R::View<'a>, RowError> {
    let mut scanner = Scanner::new(line, arena);
    match R::scan_object::<COLUMNS>(&mut scanner) {
        Some(view) if scanner.is_at_end() => Ok(view),
        _ => decode_in_any_order::<R, COLUMNS>(line, arena),
    }
}

/// Decodes one line of a file whose directories hold the columns in `partition`; those of the line itself are passed over.
pub fn decode_line_in<'a, R: RowFields, const COLUMNS: ColumnSet>(
    line: &'a str,
    partition: &'a PartitionValues,
    arena: &'a Arena,
) -> Result<R::View<'a>, RowError> {
    let mut scanner = Scanner::in_partition(line, partition, arena);
    let wanted = (partition.set() & COLUMNS).count_ones();
    match R::scan_object::<COLUMNS>(&mut scanner) {
        // A column that wasn't taken from the partition was in the line.
        Some(view) if scanner.is_at_end() && scanner.taken() == wanted => Ok(view),
        _ => in_any_order::<R, COLUMNS>(line, Some(partition), arena),
    }
}

/// Decodes the columns of a message that are in its value; the others hold placeholders.
#[inline]
pub fn decode_value<'a, R: RowFields, const COLUMNS: ColumnSet>(
    message: &Message<'a>,
    arena: &'a Arena,
) -> Result<R::View<'a>, RowError> {
    let text = message.value_text()?;
    let mut scanner = Scanner::new(text, arena);
    match R::scan_value::<COLUMNS>(&mut scanner) {
        Some(view) if scanner.is_at_end() => Ok(view),
        _ => {
            let mut json = serde_json::Deserializer::from_str(text);
            let value = json.deserialize_map(ValueVisitor::<R, COLUMNS> { arena, row: PhantomData });
            value.and_then(|view| json.end().map(|()| view)).map_err(|error| row_error(&error))
        }
    }
}

/// Decodes one line whatever the order of its keys.
pub fn decode_in_any_order<'a, R: RowFields, const COLUMNS: ColumnSet>(
    line: &'a str,
    arena: &'a Arena,
) -> Result<R::View<'a>, RowError> {
    in_any_order::<R, COLUMNS>(line, None, arena)
}

fn in_any_order<'a, R: RowFields, const COLUMNS: ColumnSet>(
    line: &'a str,
    partition: Option<&'a PartitionValues>,
    arena: &'a Arena,
) -> Result<R::View<'a>, RowError> {
    let mut json = serde_json::Deserializer::from_str(line);
    let row = json.deserialize_map(RowVisitor::<R, COLUMNS> { arena, partition, row: PhantomData });
    row.and_then(|view| json.end().map(|()| view)).map_err(|error| row_error(&error))
}

/// Decodes a row that is a column of another row.
pub fn decode_nested<'a, R: RowFields, D: Deserializer<'a>>(
    value: D,
    decoding: Decoding<'a>,
) -> Result<R::View<'a>, D::Error> {
    value.deserialize_map(RowVisitor::<R, { ColumnSet::MAX }> {
        arena: decoding.arena,
        partition: None,
        row: PhantomData,
    })
}

/// Decodes a JSON value that stands in a CSV cell: a list or a nested struct.
pub fn decode_json_cell<'a, T: Column>(
    text: &'a str,
    decoding: Decoding<'a>,
) -> Result<T::View<'a>, RowError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = T::decode_json(&mut json, decoding);
    value.and_then(|view| json.end().map(|()| view)).map_err(|error| row_error(&error))
}

/// `serde_json` counts lines, and a row is one: what remains is the byte within it.
fn row_error(error: &serde_json::Error) -> RowError {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&position) {
        Some(message) => RowError::new(format_args!("{message} (byte {} of the row)", error.column())),
        None => RowError::new(text),
    }
}

/// Decodes an object into the view of `R`, wherever serde meets one.
pub(crate) struct RowVisitor<'a, R, const COLUMNS: ColumnSet> {
    pub(crate) arena: &'a Arena,
    pub(crate) partition: Option<&'a PartitionValues>,
    pub(crate) row: PhantomData<fn() -> R>,
}

impl<'a, R: RowFields, const COLUMNS: ColumnSet> Visitor<'a> for RowVisitor<'a, R, COLUMNS> {
    type Value = R::View<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with the columns of `{}`", R::NAME)
    }

    #[inline]
    fn visit_map<A: MapAccess<'a>>(self, map: A) -> Result<Self::Value, A::Error> {
        R::read_object::<COLUMNS, A>(Object { map, arena: self.arena, partition: self.partition })
    }
}

/// Decodes an object without the columns that are parts of a message.
struct ValueVisitor<'a, R, const COLUMNS: ColumnSet> {
    arena: &'a Arena,
    row: PhantomData<fn() -> R>,
}

impl<'a, R: RowFields, const COLUMNS: ColumnSet> Visitor<'a> for ValueVisitor<'a, R, COLUMNS> {
    type Value = R::View<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with the columns of `{}`", R::NAME)
    }

    fn visit_map<A: MapAccess<'a>>(self, map: A) -> Result<Self::Value, A::Error> {
        R::read_value::<COLUMNS, A>(Object { map, arena: self.arena, partition: None })
    }
}

/// An object that is being read, of which the query names `COLUMNS`.
pub struct Object<'a, A, const COLUMNS: ColumnSet> {
    map: A,
    arena: &'a Arena,
    partition: Option<&'a PartitionValues>,
}

impl<'a, A: MapAccess<'a>, const COLUMNS: ColumnSet> Object<'a, A, COLUMNS> {
    /// The next column's position, or `None` after the last; columns that `R` doesn't have are skipped, and so are those that the
    /// partition has.
    #[inline]
    pub fn next_column<R: RowFields>(&mut self) -> Result<Option<usize>, A::Error> {
        while let Some(position) = self.map.next_key_seed(Position::<R>(PhantomData))? {
            match position {
                Some(index) if !self.partition.is_some_and(|partition| partition.contains(index)) => {
                    return Ok(position);
                }
                _ => self.skip()?,
            }
        }
        Ok(None)
    }

    /// The value of a column.
    #[inline]
    pub fn read<T: Column>(&mut self, column: Place<T>) -> Result<Option<T::View<'a>>, A::Error> {
        match self.map.next_value_seed(Seed::<T>::new(column.decoding(self.arena))) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(in_column(column.name, &error)),
        }
    }

    /// Passes over a value without building it.
    #[inline]
    pub fn skip(&mut self) -> Result<(), A::Error> {
        self.map.next_value::<IgnoredAny>().map(drop)
    }

    /// What the view holds for a column, given what was read.
    #[inline]
    pub fn finish<T: Column>(
        &self,
        column: Place<T>,
        value: Option<T::View<'a>>,
    ) -> Result<T::View<'a>, A::Error> {
        match value {
            Some(value) => Ok(value),
            None if !column.is_in(COLUMNS) => Ok(T::placeholder()),
            None => self.in_partition(column).or_else(T::missing).ok_or_else(|| missing(column.name)),
        }
    }

    /// What the view holds for a column with a default, given what was read.
    #[inline]
    pub fn finish_or<T: Column>(
        &self,
        column: Place<T>,
        value: Option<T::View<'a>>,
        default: impl FnOnce() -> T,
    ) -> T::View<'a> {
        match value {
            Some(value) => value,
            None if !column.is_in(COLUMNS) => T::placeholder(),
            None => self.in_partition(column).unwrap_or_else(|| T::keep(default().view(), self.arena)),
        }
    }

    #[inline]
    fn in_partition<T: Column>(&self, column: Place<T>) -> Option<T::View<'a>> {
        self.partition?.value(column, self.arena)
    }
}

#[cold]
fn in_column<E: serde::de::Error>(name: &str, error: &E) -> E {
    // serde_json finds its own position at the end of the text again.
    E::custom(format_args!("column `{name}`: {error}"))
}

#[cold]
fn missing<E: serde::de::Error>(name: &str) -> E {
    E::custom(format_args!("column `{name}` is missing"))
}

/// Reads a key as a position.
struct Position<R>(PhantomData<fn() -> R>);

impl<'a, R: RowFields> DeserializeSeed<'a> for Position<R> {
    type Value = Option<usize>;

    #[inline]
    fn deserialize<D: Deserializer<'a>>(self, key: D) -> Result<Option<usize>, D::Error> {
        key.deserialize_identifier(self)
    }
}

impl<R: RowFields> Visitor<'_> for Position<R> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a column's name")
    }

    #[inline]
    fn visit_str<E>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(R::position(name))
    }
}
