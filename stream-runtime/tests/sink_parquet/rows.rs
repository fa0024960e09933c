//! What is written is read back: every type of a column, its nulls and its extremes.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, StructArray};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::value_support::{double, many, micros, some, text, time, window};
use super::*;

#[derive(Clone, Debug, PartialEq, Schema)]
struct Point {
    at: Timestamp,
    label: Option<String>,
    weights: Vec<f64>,
}

#[derive(Clone, Debug, PartialEq, Schema)]
struct Everything {
    yes: bool,
    maybe: Option<bool>,
    tiny: i8,
    small: i16,
    medium: i32,
    large: i64,
    own: isize,
    byte: u8,
    short: u16,
    word: u32,
    long: Option<u64>,
    #[schema(rename = "naïve name")]
    single: f32,
    double: Option<f64>,
    text: String,
    #[schema(rename = "r#type")]
    note: Option<String>,
    bytes: Vec<u8>,
    time: Timestamp,
    span: Option<Duration>,
    day: Date,
    window: Window,
    session: Option<Window>,
    tags: Vec<String>,
    lists: Option<Vec<Option<Vec<i64>>>>,
    point: Option<Point>,
    points: Vec<Point>,
    windows: Vec<Option<Window>>,
}

/// Reads a value that Arrow holds: the inverse of the sink, written without it.
trait FromArrow: Sized {
    fn get(array: &ArrayRef, index: usize) -> Self;
}

fn number<T: ArrowPrimitiveType>(array: &ArrayRef, index: usize) -> T::Native {
    assert!(array.is_valid(index));
    array.as_primitive::<T>().value(index)
}

macro_rules! numbers {
    ($($type:ty, $arrow:ident);* $(;)?) => {$(
        impl FromArrow for $type {
            fn get(array: &ArrayRef, index: usize) -> Self {
                number::<$arrow>(array, index) as $type
            }
        }
    )*};
}

numbers! {
    i8, Int8Type; i16, Int16Type; i32, Int32Type; i64, Int64Type; isize, Int64Type;
    u8, UInt8Type; u16, UInt16Type; u32, UInt32Type; u64, UInt64Type; f32, Float32Type; f64, Float64Type;
}

impl FromArrow for bool {
    fn get(array: &ArrayRef, index: usize) -> Self {
        array.as_boolean().value(index)
    }
}

impl FromArrow for String {
    fn get(array: &ArrayRef, index: usize) -> Self {
        array.as_string::<i32>().value(index).to_owned()
    }
}

impl FromArrow for Timestamp {
    fn get(array: &ArrayRef, index: usize) -> Self {
        Self::from_micros(number::<TimestampMicrosecondType>(array, index))
    }
}

impl FromArrow for Duration {
    fn get(array: &ArrayRef, index: usize) -> Self {
        Self::from_micros(number::<DurationMicrosecondType>(array, index))
    }
}

impl FromArrow for Date {
    fn get(array: &ArrayRef, index: usize) -> Self {
        Self::from_days(number::<Date32Type>(array, index))
    }
}

impl<T: FromArrow> FromArrow for Option<T> {
    fn get(array: &ArrayRef, index: usize) -> Self {
        array.is_valid(index).then(|| T::get(array, index))
    }
}

fn field<T: FromArrow>(rows: &StructArray, name: &str, index: usize) -> T {
    T::get(rows.column_by_name(name).unwrap_or_else(|| panic!("no column {name}")), index)
}

impl FromArrow for Window {
    fn get(array: &ArrayRef, index: usize) -> Self {
        let rows = array.as_struct();
        Self { start: field(rows, "start", index), end: field(rows, "end", index) }
    }
}

fn list<T: FromArrow>(array: &ArrayRef, index: usize) -> Vec<T> {
    let elements = array.as_list::<i32>().value(index);
    (0..elements.len()).map(|index| T::get(&elements, index)).collect()
}

macro_rules! lists {
    ($($type:ty),*) => {$(
        impl FromArrow for Vec<$type> {
            fn get(array: &ArrayRef, index: usize) -> Self {
                list(array, index)
            }
        }
    )*};
}
lists!(f64, i64, String, Point, Option<Window>, Option<Vec<i64>>);

impl FromArrow for Vec<u8> {
    fn get(array: &ArrayRef, index: usize) -> Self {
        array.as_binary::<i32>().value(index).to_owned()
    }
}

impl FromArrow for Point {
    fn get(array: &ArrayRef, index: usize) -> Self {
        let rows = array.as_struct();
        Self {
            at: field(rows, "at", index),
            label: field(rows, "label", index),
            weights: field(rows, "weights", index),
        }
    }
}

fn everything(batch: RecordBatch) -> Vec<Everything> {
    let rows = StructArray::from(batch);
    (0..rows.len())
        .map(|index| Everything {
            yes: field(&rows, "yes", index),
            maybe: field(&rows, "maybe", index),
            tiny: field(&rows, "tiny", index),
            small: field(&rows, "small", index),
            medium: field(&rows, "medium", index),
            large: field(&rows, "large", index),
            own: field(&rows, "own", index),
            byte: field(&rows, "byte", index),
            short: field(&rows, "short", index),
            word: field(&rows, "word", index),
            long: field(&rows, "long", index),
            single: field(&rows, "naïve name", index),
            double: field(&rows, "double", index),
            text: field(&rows, "text", index),
            note: field(&rows, "r#type", index),
            bytes: field(&rows, "bytes", index),
            time: field(&rows, "time", index),
            span: field(&rows, "span", index),
            day: field(&rows, "day", index),
            window: field(&rows, "window", index),
            session: field(&rows, "session", index),
            tags: field(&rows, "tags", index),
            lists: field(&rows, "lists", index),
            point: field(&rows, "point", index),
            points: field(&rows, "points", index),
            windows: field(&rows, "windows", index),
        })
        .collect()
}

fn point() -> impl Strategy<Value = Point> {
    (time(), some(text()), many(double())).prop_map(|(at, label, weights)| Point { at, label, weights })
}

fn row() -> impl Strategy<Value = Everything> {
    let numbers =
        (any::<(bool, Option<bool>, i8, i16, i32, i64, isize)>(), any::<(u8, u16, u32, Option<u64>)>());
    let floats = (any::<i32>().prop_map(|number| number as f32), some(double()));
    let texts = (text(), some(text()), many(any::<u8>()));
    let times =
        (time(), some(micros().prop_map(Duration::from_micros)), any::<i32>().prop_map(Date::from_days));
    let nested = (
        many(text()),
        some(many(some(many(any::<i64>())))),
        some(point()),
        many(point()),
        many(some(window())),
    );
    (numbers, floats, texts, times, (window(), some(window())), nested).prop_map(
        |(
            ((yes, maybe, tiny, small, medium, large, own), (byte, short, word, long)),
            (single, double),
            (text, note, bytes),
            (time, span, day),
            (window, session),
            (tags, lists, point, points, windows),
        )| Everything {
            yes,
            maybe,
            tiny,
            small,
            medium,
            large,
            own,
            byte,
            short,
            word,
            long,
            single,
            double,
            text,
            note,
            bytes,
            time,
            span,
            day,
            window,
            session,
            tags,
            lists,
            point,
            points,
            windows,
        },
    )
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 64,
        rng_seed: RngSeed::Fixed(20_260_505),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_row_is_read_back_as_it_was(rows in prop::collection::vec(row(), 1..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        runtime.block_on(async {
            let mut sink = opened::<Everything>(FileSink::parquet(dir.path())).await.unwrap();
            append(&mut sink, 0, &rows).await.unwrap();
        });
        let [file] = &committed(dir.path())[..] else { panic!("one file") };
        let written: Vec<Everything> = read(file).into_iter().flat_map(everything).collect();
        prop_assert_eq!(written, rows);
    }
}
