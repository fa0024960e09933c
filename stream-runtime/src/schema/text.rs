//! `String` and `Vec<u8>` as columns.
//!
//! Text without escapes is borrowed from the input; anything else goes to the arena.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserializer;
use serde::de::Visitor;

use super::column::{invalid, mismatch, past_the_end};
use super::columnar::written_as;
use super::pack::{pack_bytes, unpack_bytes};
use super::{Column, DataType, Decoding, Element, Kind, TimestampFormat};
use crate::format::columns::{Differences, Values};
use crate::format::{Arena, RowError, json};

impl Column for String {
    type View<'a> = &'a str;
    type Values<'a> = &'a [&'a str];

    written_as!(text);

    fn data_type() -> DataType {
        DataType::new::<Self>(Kind::Text)
    }

    #[inline]
    fn view(&self) -> &str {
        self
    }

    fn from_view(view: &str) -> Self {
        view.to_owned()
    }

    fn keep<'a>(view: &str, arena: &'a Arena) -> &'a str {
        arena.text(view)
    }

    #[inline]
    fn placeholder<'a>() -> Self::View<'a> {
        ""
    }

    fn empty_cell<'a>(_quoted: bool) -> Option<Self::View<'a>> {
        Some("")
    }

    #[inline]
    fn decode_json<'a, D: Deserializer<'a>>(value: D, decoding: Decoding<'a>) -> Result<&'a str, D::Error> {
        value.deserialize_str(TextVisitor { arena: decoding.arena, expected: "text" })
    }

    #[inline]
    fn scan_json<'a>(scanner: &mut json::Scanner<'a>, decoding: Decoding<'a>) -> Option<&'a str> {
        match scanner.plain_text() {
            Some(text) => Some(text),
            None => scanner.general(|json| Self::decode_json(json, decoding)),
        }
    }

    #[inline]
    fn decode_text<'a>(text: &'a str, _decoding: Decoding<'a>) -> Result<&'a str, RowError> {
        Ok(text)
    }

    fn bind<'a>(
        values: &'a Values<'a>,
        _timestamps: TimestampFormat,
        differences: &mut Differences,
    ) -> Option<&'a [&'a str]> {
        match values {
            Values::Text(values) => Some(values),
            other => mismatch(other, "text", differences),
        }
    }

    #[inline]
    fn value<'a>(values: &&'a [&'a str], row: usize, _arena: &'a Arena) -> Result<&'a str, RowError> {
        values.get(row).copied().ok_or_else(past_the_end)
    }

    fn encode_json(view: &str, _timestamps: TimestampFormat, out: &mut Vec<u8>) {
        json::write_text(view, out);
    }

    fn encode_text(view: &str, _timestamps: TimestampFormat, out: &mut String) {
        out.push_str(view);
    }

    fn encode_bytes(view: &str, _timestamps: TimestampFormat, out: &mut Vec<u8>) {
        out.extend_from_slice(view.as_bytes());
    }

    #[inline]
    fn pack(view: &str, out: &mut Vec<u8>) {
        pack_bytes(view.as_bytes(), out);
    }

    #[inline]
    fn unpack<'a>(bytes: &mut &'a [u8], _arena: &'a Arena) -> Option<&'a str> {
        std::str::from_utf8(unpack_bytes(bytes)?).ok()
    }
}

impl Element for String {}

impl Column for Vec<u8> {
    type View<'a> = &'a [u8];
    type Values<'a> = &'a [&'a [u8]];

    written_as!(binary);

    fn data_type() -> DataType {
        DataType::new::<Self>(Kind::Binary)
    }

    #[inline]
    fn view(&self) -> &[u8] {
        self
    }

    fn from_view(view: &[u8]) -> Self {
        view.to_vec()
    }

    fn keep<'a>(view: &[u8], arena: &'a Arena) -> &'a [u8] {
        arena.bytes(view)
    }

    #[inline]
    fn placeholder<'a>() -> Self::View<'a> {
        &[]
    }

    fn empty_cell<'a>(_quoted: bool) -> Option<Self::View<'a>> {
        Some(&[])
    }

    fn decode_json<'a, D: Deserializer<'a>>(value: D, decoding: Decoding<'a>) -> Result<&'a [u8], D::Error> {
        let text = value.deserialize_str(TextVisitor { arena: decoding.arena, expected: "Base64 text" })?;
        Self::decode_text(text, decoding).map_err(|error| invalid(&error))
    }

    fn decode_text<'a>(text: &'a str, decoding: Decoding<'a>) -> Result<&'a [u8], RowError> {
        let bytes = decoding.arena.zeros(base64::decoded_len_estimate(text.len()));
        let length =
            BASE64.decode_slice(text, bytes).map_err(|_| RowError::unexpected(text, "Base64 text"))?;
        Ok(bytes.get(..length).unwrap_or_default())
    }

    fn decode_bytes<'a>(bytes: &'a [u8], _decoding: Decoding<'a>) -> Result<&'a [u8], RowError> {
        Ok(bytes)
    }

    fn bind<'a>(
        values: &'a Values<'a>,
        _timestamps: TimestampFormat,
        differences: &mut Differences,
    ) -> Option<&'a [&'a [u8]]> {
        match values {
            Values::Binary(values) => Some(values),
            other => mismatch(other, "binary data", differences),
        }
    }

    #[inline]
    fn value<'a>(values: &&'a [&'a [u8]], row: usize, _arena: &'a Arena) -> Result<&'a [u8], RowError> {
        values.get(row).copied().ok_or_else(past_the_end)
    }

    fn encode_json(view: &[u8], timestamps: TimestampFormat, out: &mut Vec<u8>) {
        let mut text = String::new();
        Self::encode_text(view, timestamps, &mut text);
        json::write_text(&text, out);
    }

    fn encode_text(view: &[u8], _timestamps: TimestampFormat, out: &mut String) {
        BASE64.encode_string(view, out);
    }

    fn encode_bytes(view: &[u8], _timestamps: TimestampFormat, out: &mut Vec<u8>) {
        out.extend_from_slice(view);
    }

    #[inline]
    fn pack(view: &[u8], out: &mut Vec<u8>) {
        pack_bytes(view, out);
    }

    #[inline]
    fn unpack<'a>(bytes: &mut &'a [u8], _arena: &'a Arena) -> Option<&'a [u8]> {
        unpack_bytes(bytes)
    }
}

impl Element for Vec<u8> {}

/// Takes text: borrowed where the input holds it as it is, copied into the arena where it had escapes.
pub(super) struct TextVisitor<'a> {
    pub(super) arena: &'a Arena,
    pub(super) expected: &'static str,
}

impl<'a> Visitor<'a> for TextVisitor<'a> {
    type Value = &'a str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    #[inline]
    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<&'a str, E> {
        Ok(text)
    }

    fn visit_str<E>(self, text: &str) -> Result<&'a str, E> {
        Ok(self.arena.text(text))
    }
}
