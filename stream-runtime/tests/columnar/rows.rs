//! A row of every type that a column may have, as columns.

use std::sync::Arc;

use arrow_array::builder::{Int64Builder, ListBuilder, StringBuilder};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, DurationMicrosecondArray, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray, TimestampMicrosecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Fields};
use proptest::prelude::*;
use stream_runtime::prelude::*;

/// The types that any writer can write.
#[derive(Schema, Clone, Debug, PartialEq)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Flat {
    pub(crate) is_set: bool,
    pub(crate) tiny: i8,
    pub(crate) small: i16,
    pub(crate) number: i32,
    pub(crate) count: i64,
    pub(crate) ratio: f64,
    pub(crate) narrow: f32,
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) at: Timestamp,
    pub(crate) day: Date,
    pub(crate) maybe_set: Option<bool>,
    pub(crate) maybe_number: Option<i32>,
    pub(crate) maybe_ratio: Option<f64>,
    pub(crate) maybe_text: Option<String>,
    pub(crate) maybe_bytes: Option<Vec<u8>>,
    pub(crate) maybe_at: Option<Timestamp>,
    pub(crate) maybe_day: Option<Date>,
}

/// Those that only Parquet's can.
#[derive(Schema, Clone, Debug, PartialEq)]
pub(crate) struct Nested {
    pub(crate) byte: u8,
    pub(crate) short: u16,
    pub(crate) unsigned: u32,
    pub(crate) size: u64,
    pub(crate) lasting: Duration,
    pub(crate) tags: Vec<String>,
    pub(crate) numbers: Option<Vec<Option<i64>>>,
    pub(crate) inner: Inner,
    pub(crate) maybe_inner: Option<Inner>,
    pub(crate) inners: Vec<Inner>,
    pub(crate) window: Window,
}

#[derive(Schema, Clone, Debug, PartialEq)]
pub(crate) struct Inner {
    pub(crate) id: i32,
    pub(crate) name: Option<String>,
}

/// JSON has years from -9999 to 9999.
fn timestamps() -> impl Strategy<Value = Timestamp> {
    (-62_135_596_800_000_000_i64..253_402_300_799_000_000).prop_map(Timestamp::from_micros)
}

fn days() -> impl Strategy<Value = Date> {
    (-719_162_i32..2_932_896).prop_map(Date::from_days)
}

fn doubles() -> impl Strategy<Value = f64> {
    prop::num::f64::NORMAL | prop::num::f64::ZERO
}

prop_compose! {
    pub(crate) fn flat()(
        (is_set, tiny, small, number, count) in any::<(bool, i8, i16, i32, i64)>(),
        ratio in doubles(),
        narrow in prop::num::f32::NORMAL,
        text in "\\PC{0,6}",
        bytes in prop::collection::vec(any::<u8>(), 0..5),
        at in timestamps(),
        day in days(),
        (maybe_set, maybe_number) in any::<(Option<bool>, Option<i32>)>(),
        maybe_ratio in prop::option::of(doubles()),
        maybe_text in prop::option::of("[a-c]{0,3}"),
        maybe_bytes in prop::option::of(prop::collection::vec(any::<u8>(), 0..3)),
        maybe_at in prop::option::of(timestamps()),
        maybe_day in prop::option::of(days()),
    ) -> Flat {
        Flat {
            is_set, tiny, small, number, count, ratio, narrow, text, bytes, at, day, maybe_set, maybe_number,
            maybe_ratio, maybe_text, maybe_bytes, maybe_at, maybe_day,
        }
    }
}

prop_compose! {
    fn inner()(id in any::<i32>(), name in prop::option::of("[a-c]{0,3}")) -> Inner {
        Inner { id, name }
    }
}

prop_compose! {
    pub(crate) fn nested()(
        (byte, short, unsigned, size) in any::<(u8, u16, u32, u64)>(),
        lasting in -1_000_000_000_000_000_i64..1_000_000_000_000_000,
        tags in prop::collection::vec("[a-c]{0,3}", 0..4),
        numbers in prop::option::of(prop::collection::vec(any::<Option<i64>>(), 0..4)),
        inner in inner(),
        maybe_inner in prop::option::of(inner()),
        inners in prop::collection::vec(inner(), 0..3),
        start in timestamps(),
    ) -> Nested {
        let window = Window { start, end: start + minutes(5) };
        let lasting = Duration::from_micros(lasting);
        Nested { byte, short, unsigned, size, lasting, tags, numbers, inner, maybe_inner, inners, window }
    }
}

fn array<T, A: Array + FromIterator<Option<T>> + 'static, R>(
    rows: &[R],
    of: impl Fn(&R) -> Option<T>,
) -> ArrayRef {
    Arc::new(rows.iter().map(of).collect::<A>())
}

fn instants<R>(rows: &[R], of: impl Fn(&R) -> Option<Timestamp>) -> ArrayRef {
    let times: TimestampMicrosecondArray = rows.iter().map(|row| of(row).map(Timestamp::as_micros)).collect();
    Arc::new(times.with_timezone("UTC"))
}

fn binary<'a, R>(rows: &'a [R], of: impl Fn(&'a R) -> Option<&'a [u8]>) -> ArrayRef {
    Arc::new(rows.iter().map(of).collect::<BinaryArray>())
}

fn texts<'a, R>(rows: &'a [R], of: impl Fn(&'a R) -> Option<&'a str>) -> ArrayRef {
    Arc::new(rows.iter().map(of).collect::<StringArray>())
}

pub(crate) fn flat_batch(rows: &[Flat]) -> RecordBatch {
    super::support::batch(vec![
        ("isSet", array::<_, BooleanArray, _>(rows, |row| Some(row.is_set))),
        ("tiny", array::<_, Int8Array, _>(rows, |row| Some(row.tiny))),
        ("small", array::<_, Int16Array, _>(rows, |row| Some(row.small))),
        ("number", array::<_, Int32Array, _>(rows, |row| Some(row.number))),
        ("count", array::<_, Int64Array, _>(rows, |row| Some(row.count))),
        ("ratio", array::<_, Float64Array, _>(rows, |row| Some(row.ratio))),
        ("narrow", array::<_, Float32Array, _>(rows, |row| Some(row.narrow))),
        ("text", texts(rows, |row| Some(&row.text))),
        ("bytes", binary(rows, |row| Some(&row.bytes))),
        ("at", instants(rows, |row| Some(row.at))),
        ("day", array::<_, Date32Array, _>(rows, |row| Some(row.day.as_days()))),
        ("maybeSet", array::<_, BooleanArray, _>(rows, |row| row.maybe_set)),
        ("maybeNumber", array::<_, Int32Array, _>(rows, |row| row.maybe_number)),
        ("maybeRatio", array::<_, Float64Array, _>(rows, |row| row.maybe_ratio)),
        ("maybeText", texts(rows, |row| row.maybe_text.as_deref())),
        ("maybeBytes", binary(rows, |row| row.maybe_bytes.as_deref())),
        ("maybeAt", instants(rows, |row| row.maybe_at)),
        ("maybeDay", array::<_, Date32Array, _>(rows, |row| row.maybe_day.map(Date::as_days))),
    ])
}

/// Structs, of which null ones hold what no row has.
fn structs(rows: &[Option<&Inner>]) -> ArrayRef {
    let ids = array::<_, Int32Array, _>(rows, |row| Some(row.map_or(i32::MIN, |row| row.id)));
    let names = texts(rows, |row| row.and_then(|row| row.name.as_deref()));
    let fields =
        Fields::from(vec![Field::new("id", DataType::Int32, true), Field::new("name", DataType::Utf8, true)]);
    let nulls: NullBuffer = rows.iter().map(Option::is_some).collect();
    Arc::new(StructArray::new(fields, vec![ids, names], Some(nulls)))
}

pub(crate) fn nested_batch(rows: &[Nested]) -> RecordBatch {
    let mut tags = ListBuilder::new(StringBuilder::new());
    let mut numbers = ListBuilder::new(Int64Builder::new());
    for row in rows {
        tags.append_value(row.tags.iter().map(Some));
        numbers.append_option(row.numbers.clone());
    }
    let inner: Vec<_> = rows.iter().map(|row| Some(&row.inner)).collect();
    let maybe_inner: Vec<_> = rows.iter().map(|row| row.maybe_inner.as_ref()).collect();
    let inners: Vec<_> = rows.iter().flat_map(|row| row.inners.iter().map(Some)).collect();
    let inners = structs(&inners);
    let inners = ListArray::new(
        Arc::new(Field::new("element", inners.data_type().clone(), true)),
        OffsetBuffer::from_lengths(rows.iter().map(|row| row.inners.len())),
        inners,
        None,
    );
    let (start, end) =
        (instants(rows, |row| Some(row.window.start)), instants(rows, |row| Some(row.window.end)));
    let ends = Fields::from(vec![
        Field::new("start", start.data_type().clone(), true),
        Field::new("end", end.data_type().clone(), true),
    ]);
    super::support::batch(vec![
        ("byte", array::<_, UInt8Array, _>(rows, |row| Some(row.byte))),
        ("short", array::<_, UInt16Array, _>(rows, |row| Some(row.short))),
        ("unsigned", array::<_, UInt32Array, _>(rows, |row| Some(row.unsigned))),
        ("size", array::<_, UInt64Array, _>(rows, |row| Some(row.size))),
        ("lasting", array::<_, DurationMicrosecondArray, _>(rows, |row| Some(row.lasting.as_micros()))),
        ("tags", Arc::new(tags.finish())),
        ("numbers", Arc::new(numbers.finish())),
        ("inner", structs(&inner)),
        ("maybe_inner", structs(&maybe_inner)),
        ("inners", Arc::new(inners)),
        ("window", Arc::new(StructArray::new(ends, vec![start, end], None))),
    ])
}
