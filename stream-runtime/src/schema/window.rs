//! [`Window`] as a column.

use std::fmt;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};

use super::column::{Seed, mismatch};
use super::columnar::written_as;
use super::number::copied_column;
use super::{Column, Decoding, Element, HoldsTimestamps, TimestampFormat};
use crate::format::columns::{Bound, Differences, Values};
use crate::format::{Arena, RowError};
use crate::time::{Timestamp, Window};

/// A window's ends out of a batch of columns.
#[derive(Debug)]
pub struct WindowEnds<'a> {
    start: Bound<'a, Timestamp>,
    end: Bound<'a, Timestamp>,
}

impl Column for Window {
    copied_column!(Window, TimeWindow);
    written_as!(window);

    type Values<'a> = WindowEnds<'a>;

    fn bind<'a>(
        values: &'a Values<'a>,
        timestamps: TimestampFormat,
        differences: &mut Differences,
    ) -> Option<WindowEnds<'a>> {
        let Values::Struct(fields) = values else {
            return mismatch(values, "a struct of the timestamps `start` and `end`", differences);
        };
        let mut end_of = |name: &str| {
            differences.within(name, "Timestamp", |differences| {
                match fields.iter().find(|field| field.name == name) {
                    Some(field) => Some(Bound::new(&field.data, timestamps, differences)),
                    None => {
                        differences.missing();
                        None
                    }
                }
            })
        };
        let (start, end) = (end_of("start"), end_of("end"));
        Some(WindowEnds { start: start?, end: end? })
    }

    #[inline]
    fn value<'a>(values: &WindowEnds<'a>, row: usize, arena: &'a Arena) -> Result<Self, RowError> {
        Ok(Self { start: values.start.value(row, arena)?, end: values.end.value(row, arena)? })
    }

    fn decode_json<'a, D: Deserializer<'a>>(value: D, decoding: Decoding<'a>) -> Result<Self, D::Error> {
        value.deserialize_map(WindowVisitor(decoding))
    }

    fn decode_text<'a>(text: &'a str, decoding: Decoding<'a>) -> Result<Self, RowError> {
        let (start, end) = text
            .trim()
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(')'))
            .and_then(|inner| inner.split_once(','))
            .ok_or_else(|| RowError::unexpected(text, "a window such as `[start, end)`"))?;
        Ok(Self {
            start: Timestamp::decode_text(start, decoding)?,
            end: Timestamp::decode_text(end, decoding)?,
        })
    }

    fn encode_json(view: Self, timestamps: TimestampFormat, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"start\":");
        Timestamp::encode_json(view.start, timestamps, out);
        out.extend_from_slice(b",\"end\":");
        Timestamp::encode_json(view.end, timestamps, out);
        out.push(b'}');
    }

    fn encode_text(view: Self, timestamps: TimestampFormat, out: &mut String) {
        out.push('[');
        Timestamp::encode_text(view.start, timestamps, out);
        out.push_str(", ");
        Timestamp::encode_text(view.end, timestamps, out);
        out.push(')');
    }

    #[inline]
    fn pack(view: Self, out: &mut Vec<u8>) {
        Timestamp::pack(view.start, out);
        Timestamp::pack(view.end, out);
    }

    #[inline]
    fn unpack<'a>(bytes: &mut &'a [u8], arena: &'a Arena) -> Option<Self> {
        Some(Self { start: Timestamp::unpack(bytes, arena)?, end: Timestamp::unpack(bytes, arena)? })
    }
}

struct WindowVisitor<'a>(Decoding<'a>);

impl<'a> Visitor<'a> for WindowVisitor<'a> {
    type Value = Window;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a window such as `{\"start\":…,\"end\":…}`")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut object: A) -> Result<Window, A::Error> {
        let (mut start, mut end) = (None, None);
        while let Some(key) = object.next_key_seed(Seed::<String>::new(self.0))? {
            match key {
                "start" => start = Some(object.next_value_seed(Seed::<Timestamp>::new(self.0))?),
                "end" => end = Some(object.next_value_seed(Seed::<Timestamp>::new(self.0))?),
                _ => {
                    object.next_value::<serde::de::IgnoredAny>()?;
                }
            }
        }
        let missing = <A::Error as serde::de::Error>::missing_field;
        Ok(Window { start: start.ok_or_else(|| missing("start"))?, end: end.ok_or_else(|| missing("end"))? })
    }
}

impl Element for Window {}
impl HoldsTimestamps for Window {}
