//! A row of a batch as JSON: what a dead-letter sink gets of a row that can't be read.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{ColumnData, ColumnField, Values};
use crate::format::{json, rfc3339};
use crate::time::{Date, Timestamp};

/// The columns that were read, those that are null left out.
pub(crate) fn row(fields: &[ColumnField<'_>], row: usize) -> Vec<u8> {
    let mut out = Vec::new();
    object(fields, row, &mut out);
    out
}

fn object(fields: &[ColumnField<'_>], row: usize, out: &mut Vec<u8>) {
    out.push(b'{');
    let mut is_first = true;
    for field in fields.iter().filter(|field| !is_null(&field.data, row)) {
        if !is_first {
            out.push(b',');
        }
        is_first = false;
        json::write_text(field.name, out);
        out.push(b':');
        value(&field.data, row, out);
    }
    out.push(b'}');
}

fn is_null(data: &ColumnData<'_>, row: usize) -> bool {
    // What a directory says is no part of the row, and stands in the file's path.
    matches!(data.values, Values::Null | Values::OfPartition(_) | Values::Unsupported(..))
        || data.nulls.view().is_null(row)
}

fn value(data: &ColumnData<'_>, row: usize, out: &mut Vec<u8>) {
    if is_null(data, row) {
        out.extend_from_slice(b"null");
        return;
    }
    match &data.values {
        Values::Null | Values::OfPartition(_) | Values::Unsupported(..) => {}
        Values::Bool(values) => plain(values.get(row), out),
        Values::Integers(numbers) => plain(numbers.get(row).as_ref(), out),
        Values::Wide(values) => plain(values.get(row), out),
        Values::F32(values) => float(values.get(row).copied().map(f64::from), out),
        Values::F64(values) => float(values.get(row).copied(), out),
        Values::Text(values) => json::write_text(values.get(row).copied().unwrap_or_default(), out),
        Values::Binary(values) => {
            let text = BASE64.encode(values.get(row).copied().unwrap_or_default());
            json::write_text(&text, out);
        }
        Values::Days(values) => quoted(values.get(row).copied().map(Date::from_days), out),
        Values::Times(values, unit) => {
            let count = values.get(row).copied().unwrap_or_default();
            let mut text = String::new();
            match unit.micros(count) {
                // Writing to a `String` can't fail.
                Some(micros) => drop(rfc3339::write(Timestamp::from_micros(micros), &mut text)),
                None => text = format!("{count} {}", unit.name()),
            }
            json::write_text(&text, out);
        }
        Values::Spans(values, unit) => {
            quoted(values.get(row).map(|count| format!("{count} {}", unit.name())), out);
        }
        Values::Lists(offsets, elements) => {
            out.push(b'[');
            if let Some(&[begin, end]) = offsets.get(row..=row + 1) {
                for element in begin..end {
                    if element > begin {
                        out.push(b',');
                    }
                    value(elements, element, out);
                }
            }
            out.push(b']');
        }
        Values::Struct(fields) => object(fields, row, out),
    }
}

fn plain<T: std::fmt::Display>(value: Option<&T>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        // Writing to a `Vec` can't fail.
        let _ = write!(out, "{value}");
    }
}

fn quoted<T: std::fmt::Display>(value: Option<T>, out: &mut Vec<u8>) {
    json::write_text(&value.map_or_else(String::new, |value| value.to_string()), out);
}

fn float(value: Option<f64>, out: &mut Vec<u8>) {
    match value {
        Some(value) if value.is_finite() => plain(Some(&value), out),
        value => quoted(value, out),
    }
}
