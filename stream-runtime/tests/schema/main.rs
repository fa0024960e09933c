//! `#[derive(Schema)]` as a service uses it: every column type, every attribute, every shape of struct.

mod attributes;
mod columns;
mod errors;
mod hostile_scope;
mod rows;
mod shapes;

use stream_runtime::format::TextRow;
use stream_runtime::prelude::*;
use stream_runtime::schema::Arena;

/// Decodes a line of JSON into an owned row.
fn read<R: Schema>(line: &str) -> R {
    read_columns::<R, { u128::MAX }>(line)
}

fn read_columns<R: Schema, const COLUMNS: u128>(line: &str) -> R {
    let arena = Arena::default();
    match R::decode_json::<COLUMNS>(line, &arena) {
        Ok(view) => R::from_view(view),
        Err(error) => panic!("{line}: {error}"),
    }
}

/// What is wrong with a line of JSON.
fn refusal<R: Schema>(line: &str) -> String {
    let arena = Arena::default();
    match R::decode_json::<{ u128::MAX }>(line, &arena) {
        Ok(_) => panic!("{line} was accepted"),
        Err(error) => error.to_string(),
    }
}

fn json(row: &impl Schema) -> String {
    let mut out = Vec::new();
    row.encode_json(&mut out);
    String::from_utf8(out).unwrap()
}

fn cells(row: &impl Schema) -> Vec<Option<String>> {
    let mut text = TextRow::default();
    row.encode_text(&mut text);
    text.cells
}

#[derive(Clone, Debug, PartialEq, Schema)]
struct Click {
    user_id: String,
    page: String,
    amount: Option<f64>,
    timestamp: Timestamp,
}

const CLICK: &str = r#"{"user_id":"u1","page":"a\"b","amount":1.5,"timestamp":"1970-01-01T00:00:01Z"}"#;
