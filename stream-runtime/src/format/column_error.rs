//! [`ColumnError`]: a column that can't be written.

use std::fmt;

/// A column that the format has no form for.
#[doc(hidden)]
#[derive(Debug)]
pub struct ColumnError {
    /// Its name, after those of the columns that it is in.
    column: String,
    message: String,
}

impl ColumnError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { column: String::new(), message: message.into() }
    }

    /// The error as one of a column, or of the column that it is in.
    pub(crate) fn of(mut self, column: &str) -> Self {
        self.column =
            if self.column.is_empty() { column.to_owned() } else { format!("{column}.{}", self.column) };
        self
    }
}

impl fmt::Display for ColumnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the column `{}` {}", self.column, self.message)
    }
}
