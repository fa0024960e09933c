//! [`Place`]: a column of a derived schema, as generated code names it.

use std::marker::PhantomData;

use super::derive::names;
use super::message::{InMessage, MessagePart};
use super::{Column, ColumnSet, DataType, Decoding, Field, HoldsTimestamps, TimestampFormat};
use crate::format::message::Message;
use crate::format::message_writer::MessageWriter;
use crate::format::{Arena, RowError};

/// Everything about a column that is known at compile time: its type, its place among the schema's columns,
/// its names, and how its timestamps are written.
pub struct Place<T> {
    pub(crate) index: usize,
    pub(crate) name: &'static str,
    /// The name as a JSON key, with its quotes and the colon.
    pub(crate) key: &'static str,
    pub(crate) timestamps: TimestampFormat,
    part: Option<MessagePart>,
    column: PhantomData<fn() -> T>,
}

impl<T> Clone for Place<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Place<T> {}

impl<T: Column> Place<T> {
    /// The column at `index`; `key` is its name as a JSON key, with its quotes and the colon.
    pub const fn new(index: usize, name: &'static str, key: &'static str) -> Self {
        Self { index, name, key, timestamps: TimestampFormat::Rfc3339, part: None, column: PhantomData }
    }

    /// How the column's timestamps are written.
    pub const fn timestamps(self, timestamps: TimestampFormat) -> Self
    where
        T: HoldsTimestamps,
    {
        Self { timestamps, ..self }
    }

    /// The part of a message that the column is.
    pub const fn part(self, part: MessagePart) -> Self {
        Self { part: Some(part), ..self }
    }

    /// Takes the column from a message.
    #[inline]
    pub fn from_message<'a, P, const COLUMNS: ColumnSet>(
        self,
        message: &Message<'a>,
        arena: &'a Arena,
    ) -> Result<T::View<'a>, RowError>
    where
        T: InMessage<P>,
    {
        if !self.is_in(COLUMNS) {
            return Ok(T::placeholder());
        }
        T::from_message(message, self.decoding(arena)).map_err(|error| RowError::column(self.name, error))
    }

    /// Puts the column into a message.
    pub fn write_message<P>(self, view: T::View<'_>, message: &mut MessageWriter)
    where
        T: InMessage<P>,
    {
        T::write_message(view, self.timestamps, message);
    }

    /// The column's entry in the field table.
    pub const fn field(self, type_name: &'static str, has_default: bool) -> Field {
        Field { name: self.name, type_name, nullable: T::NULLABLE, has_default, part: self.part }
    }

    /// The column's type as a value.
    pub fn data_type(self) -> DataType {
        T::data_type()
    }

    /// What stands in a view for the column if it isn't read.
    pub fn placeholder<'a>(self) -> T::View<'a> {
        T::placeholder()
    }

    /// Copies what a view borrows into the arena.
    pub fn keep<'a>(self, view: T::View<'_>, arena: &'a Arena) -> T::View<'a> {
        T::keep(view, arena)
    }

    /// Appends the packed value if the query names the column.
    #[inline]
    pub fn pack<const COLUMNS: u128>(self, view: T::View<'_>, out: &mut Vec<u8>) {
        if self.is_in(COLUMNS) {
            T::pack(view, out);
        }
    }

    /// Takes the packed value off the front of `bytes` if the query names the column, and is a placeholder if not.
    #[inline]
    pub fn unpack<'a, const COLUMNS: u128>(
        self,
        bytes: &mut &'a [u8],
        arena: &'a Arena,
    ) -> Option<T::View<'a>> {
        if self.is_in(COLUMNS) { T::unpack(bytes, arena) } else { Some(T::placeholder()) }
    }

    /// Whether the query names the column.
    #[inline]
    pub(crate) const fn is_in(self, columns: ColumnSet) -> bool {
        names(columns, self.index)
    }

    #[inline]
    pub(crate) const fn decoding(self, arena: &Arena) -> Decoding<'_> {
        Decoding { arena, timestamps: self.timestamps }
    }
}
