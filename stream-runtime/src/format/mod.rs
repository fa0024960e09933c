//! Formats: from a source's bytes to views, and from a result row to bytes.
//!
//! [`TextRow`] and [`csv::write_record`] are for sinks of a service's own; most of the rest is what `#[derive(Schema)]`
//! writes.

use std::cell::Cell;
use std::fmt;

mod column_error;
#[doc(hidden)]
pub mod columns;
pub mod csv;
#[doc(hidden)]
pub mod json;
pub(crate) mod message;
pub(crate) mod message_writer;
pub(crate) mod partition;
pub(crate) mod rfc3339;
pub(crate) mod table;

#[doc(hidden)]
pub use column_error::ColumnError;

use crate::schema::Column;
use crate::schema::place::Place;

/// Where a decoder puts what it can't borrow: text that it had to unescape, and lists; emptied after each chunk.
#[derive(Debug, Default)]
pub struct Arena {
    memory: bumpalo::Bump,
    /// How many lists are being unpacked, one within another.
    depth: Cell<u32>,
}

impl Arena {
    /// Lists of structs that hold lists of themselves could nest as deep as damaged bytes are long, and overflow
    /// the stack. JSON ends at the same depth.
    const MAX_DEPTH: u32 = 128;

    /// Between two rows: empties an arena that holds more than a megabyte.
    pub(crate) fn make_room(&mut self) {
        if self.allocated_bytes() > 1 << 20 {
            self.reset();
        }
    }

    /// Copies text into the arena.
    pub fn text(&self, text: &str) -> &str {
        self.memory.alloc_str(text)
    }

    /// Copies bytes into the arena.
    pub fn bytes(&self, bytes: &[u8]) -> &[u8] {
        self.memory.alloc_slice_copy(bytes)
    }

    /// Moves copyable values into the arena.
    pub fn slice<T: Copy>(&self, values: &[T]) -> &[T] {
        self.memory.alloc_slice_copy(values)
    }

    /// Bytes to be filled.
    #[allow(clippy::mut_from_ref, reason = "each call gives bytes of its own")]
    pub(crate) fn zeros(&self, length: usize) -> &mut [u8] {
        self.memory.alloc_slice_fill_copy(length, 0)
    }

    /// A list that grows in the arena, with room for so many elements.
    pub(crate) fn list<T: Copy>(&self, capacity: usize) -> bumpalo::collections::Vec<'_, T> {
        bumpalo::collections::Vec::with_capacity_in(capacity, &self.memory)
    }

    /// Unpacks what stands within a list, unless too many lists stand within one another.
    pub(crate) fn one_deeper<T>(&self, unpack: impl FnOnce() -> Option<T>) -> Option<T> {
        let depth = self.depth.get();
        if depth == Self::MAX_DEPTH {
            return None;
        }
        self.depth.set(depth + 1);
        let unpacked = unpack();
        self.depth.set(depth);
        unpacked
    }

    /// The bytes that the arena has taken from the allocator.
    #[cfg(test)]
    pub(crate) fn allocated(&self) -> usize {
        self.memory.allocated_bytes()
    }

    /// Bytes that the arena holds, used or not.
    pub(crate) fn allocated_bytes(&self) -> usize {
        self.memory.allocated_bytes()
    }

    pub(crate) fn reset(&mut self) {
        self.memory.reset();
    }
}

/// Why a row could not be decoded.
#[derive(Debug)]
pub struct RowError {
    message: String,
}

impl RowError {
    /// The longest message, in bytes: a row can be of any length, and a message quotes from it.
    const MAX_MESSAGE: usize = 400;

    /// An error with this text, shortened if it is very long.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { message: shorten(message.to_string(), Self::MAX_MESSAGE) }
    }

    /// An error in one column.
    pub fn column(column: &str, message: impl fmt::Display) -> Self {
        Self::new(format_args!("column `{column}`: {message}"))
    }

    /// Text that isn't what a column holds.
    pub fn unexpected(found: &str, expected: &str) -> Self {
        let found = shorten(found.chars().take(81).collect(), 80);
        Self::new(format_args!("`{found}` is not {expected}"))
    }
}

/// Cuts the middle out of a text that is longer than `most` bytes: what is expected stands at its end.
fn shorten(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    let mut head = most / 2;
    while !text.is_char_boundary(head) {
        head -= 1;
    }
    let mut tail = text.len() - most / 2;
    while !text.is_char_boundary(tail) {
        tail += 1;
    }
    format!("{}…{}", &text[..head], &text[tail..])
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RowError {}

/// A row as text, a cell a column; `None` is null.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextRow {
    /// The cells in column order.
    pub cells: Vec<Option<String>>,
}

impl TextRow {
    /// Appends a column's cell.
    #[doc(hidden)]
    pub fn push<T: Column>(&mut self, column: Place<T>, value: &T) {
        let value = value.view();
        self.cells.push(if T::is_null(value) {
            None
        } else {
            let mut text = String::new();
            T::encode_text(value, column.timestamps, &mut text);
            Some(text)
        });
    }
}
