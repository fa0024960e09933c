//! Writing JSON.

use crate::schema::place::Place;
use crate::schema::{Column, TimestampFormat};

/// Writes an object, leaving out columns that are null as Spark does.
pub struct ObjectWriter<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> ObjectWriter<'a> {
    /// Begins an object.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Writes a column.
    pub fn write<T: Column>(&mut self, column: Place<T>, value: T::View<'_>) {
        if T::is_null(value) {
            return;
        }
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.extend_from_slice(column.key.as_bytes());
        T::encode_json(value, column.timestamps, self.out);
    }

    /// Ends the object.
    pub fn end(self) {
        self.out.push(b'}');
    }
}

/// Appends text as JSON, with quotes and escapes.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    // Text always has a JSON form, and writing to a `Vec` can't fail.
    let _ = serde_json::to_writer(out, text);
}

/// Appends a column's JSON to a cell of text.
pub fn write_json_cell<T: Column>(value: T::View<'_>, timestamps: TimestampFormat, out: &mut String) {
    let mut json = Vec::new();
    T::encode_json(value, timestamps, &mut json);
    out.push_str(&String::from_utf8_lossy(&json));
}
