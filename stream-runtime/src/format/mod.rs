//! Formats: from a source's bytes to views, and from a result row to bytes.

use std::fmt;

pub mod csv;

/// Where a decoder puts text that it had to unescape; emptied after each chunk.
#[derive(Debug, Default)]
pub struct Arena(bumpalo::Bump);

impl Arena {
    /// Copies text into the arena.
    pub fn text(&self, text: &str) -> &str {
        self.0.alloc_str(text)
    }
    /// Copies bytes into the arena.
    pub fn bytes(&self, bytes: &[u8]) -> &[u8] {
        self.0.alloc_slice_copy(bytes)
    }
    /// Moves copyable values into the arena.
    pub fn slice<T: Copy>(&self, values: &[T]) -> &[T] {
        self.0.alloc_slice_copy(values)
    }
    pub(crate) fn reset(&mut self) {
        self.0.reset();
    }
}

/// Why a row could not be decoded.
#[derive(Debug)]
pub struct RowError {
    message: String,
}

impl RowError {
    /// An error with this text.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string() }
    }
    /// An error in one column.
    pub fn column(column: &str, message: impl fmt::Display) -> Self {
        Self { message: format!("column `{column}`: {message}") }
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// A row as text, a cell a column; `None` is null.
#[derive(Debug, Default)]
pub struct TextRow {
    /// The cells in column order.
    pub cells: Vec<Option<String>>,
}
