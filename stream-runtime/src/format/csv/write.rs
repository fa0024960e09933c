//! Writing CSV.

use super::CsvFormat;

/// Appends a record and its line end; a null is an empty cell, an empty text is a quoted one.
///
/// The null of a record with a single cell is quoted too, since a blank line isn't a record.
///
/// ```
/// use stream_runtime::format::csv::{CsvFormat, write_record};
///
/// let mut out = Vec::new();
/// write_record(CsvFormat::default(), [Some("a,b"), None, Some(""), Some("5\" nail")], &mut out);
/// assert_eq!(out, b"\"a,b\",,\"\",\"5\"\" nail\"\n");
/// ```
pub fn write_record<'a>(
    format: CsvFormat,
    cells: impl IntoIterator<Item = Option<&'a str>>,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            out.push(format.delimiter);
        }
        if let Some(text) = cell {
            write_cell(format, text, out);
        }
    }
    if out.len() == start {
        out.extend_from_slice(&[format.quote, format.quote]);
    }
    out.push(b'\n');
}

fn write_cell(format: CsvFormat, text: &str, out: &mut Vec<u8>) {
    let special =
        |byte: u8| byte == format.delimiter || byte == format.quote || matches!(byte, b'\r' | b'\n');
    // A byte order mark at the start of a file would be taken off by a reader.
    if !text.is_empty() && !text.bytes().any(special) && !text.starts_with('\u{feff}') {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(format.quote);
    for byte in text.bytes() {
        if byte == format.quote {
            out.push(format.quote);
        }
        out.push(byte);
    }
    out.push(format.quote);
}
