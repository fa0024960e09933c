//! Rows as Arrow arrays: one loop a column, each into the builder of its type.

use std::sync::Arc;

use arrow_array::builder::{GenericByteBuilder, PrimitiveBuilder};
use arrow_array::types::{
    ArrowPrimitiveType, BinaryType, ByteArrayType, Date32Type, DurationMicrosecondType, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type, Utf8Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, ListArray, RecordBatch, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, Field, FieldRef, Schema as ArrowSchema};

use crate::schema::columnar::{ColumnWriter, Columns};
use crate::schema::place::Place;
use crate::schema::{Column, ColumnSet, Element, List, Schema};
use crate::sink::file::format::ColumnError;
use crate::time::{Date, Duration, Timestamp, Window};

/// How deep structs and lists may stand within one another. A struct that holds a list of itself has no end.
const MAX_DEPTH: u32 = 64;
/// A list's elements, as Parquet names them.
const ELEMENT: &str = "element";
/// The most text or binary data of one column in one array: offsets are 32 bits.
const MAX_BYTES: usize = i32::MAX as usize;

type Built = Result<ArrayRef, ColumnError>;

/// The rows but for the columns left out.
pub(super) fn record_batch<'a, S: Schema, I>(rows: I, left_out: ColumnSet) -> Result<RecordBatch, ColumnError>
where
    I: Iterator<Item = Option<S::View<'a>>> + Clone,
{
    let mut columns = Arrays { depth: 0, left_out, fields: Vec::new(), arrays: Vec::new() };
    S::write_columns(rows, &mut columns)?;
    RecordBatch::try_new(Arc::new(ArrowSchema::new(columns.fields)), columns.arrays)
        .map_err(|error| broken(&error))
}

/// Takes the columns of rows.
struct Arrays {
    depth: u32,
    left_out: ColumnSet,
    fields: Vec<FieldRef>,
    arrays: Vec<ArrayRef>,
}

impl Columns for Arrays {
    type Error = ColumnError;

    fn column<'a, T: Column, I>(&mut self, column: Place<T>, values: I) -> Result<(), ColumnError>
    where
        I: Iterator<Item = Option<T::View<'a>>> + Clone,
    {
        if column.is_in(self.left_out) {
            return Ok(());
        }
        let array = T::write_column(values, &mut Builder { depth: self.depth })
            .map_err(|error| error.of(column.name))?;
        self.fields.push(Arc::new(Field::new(column.name, array.data_type().clone(), T::NULLABLE)));
        self.arrays.push(array);
        Ok(())
    }
}

/// Builds the array of a column.
struct Builder {
    depth: u32,
}

macro_rules! numbers {
    ($($method:ident $type:ident),* $(,)?) => {$(
        fn $method<I: Iterator<Item = Option<$method>>>(&mut self, values: I) -> Built {
            Ok(Arc::new(numbers::<$type>(values).finish()))
        }
    )*};
}

impl ColumnWriter for Builder {
    type Column = ArrayRef;
    type Error = ColumnError;

    numbers! {
        i8 Int8Type, i16 Int16Type, i32 Int32Type, i64 Int64Type,
        u8 UInt8Type, u16 UInt16Type, u32 UInt32Type, u64 UInt64Type,
        f32 Float32Type, f64 Float64Type,
    }

    fn bool<I: Iterator<Item = Option<bool>>>(&mut self, values: I) -> Built {
        Ok(Arc::new(values.collect::<BooleanArray>()))
    }

    fn i128<I: Iterator<Item = Option<i128>>>(&mut self, _values: I) -> Built {
        Err(too_wide("i128"))
    }

    fn u128<I: Iterator<Item = Option<u128>>>(&mut self, _values: I) -> Built {
        Err(too_wide("u128"))
    }

    fn text<'a, I: Iterator<Item = Option<&'a str>>>(&mut self, values: I) -> Built {
        bytes::<Utf8Type>(values)
    }

    fn binary<'a, I: Iterator<Item = Option<&'a [u8]>>>(&mut self, values: I) -> Built {
        bytes::<BinaryType>(values)
    }

    fn timestamp<I: Iterator<Item = Option<Timestamp>>>(&mut self, values: I) -> Built {
        let micros = values.map(|time| time.map(Timestamp::as_micros));
        Ok(Arc::new(numbers::<TimestampMicrosecondType>(micros).finish().with_timezone("UTC")))
    }

    fn duration<I: Iterator<Item = Option<Duration>>>(&mut self, values: I) -> Built {
        let micros = values.map(|time| time.map(Duration::as_micros));
        Ok(Arc::new(numbers::<DurationMicrosecondType>(micros).finish()))
    }

    fn date<I: Iterator<Item = Option<Date>>>(&mut self, values: I) -> Built {
        Ok(Arc::new(numbers::<Date32Type>(values.map(|date| date.map(Date::as_days))).finish()))
    }

    fn window<I: Iterator<Item = Option<Window>> + Clone>(&mut self, values: I) -> Built {
        let start = self.timestamp(values.clone().map(|window| window.map(|window| window.start)))?;
        let end = self.timestamp(values.clone().map(|window| window.map(|window| window.end)))?;
        let field = |name, array: &ArrayRef| Arc::new(Field::new(name, array.data_type().clone(), false));
        let fields = vec![field("start", &start), field("end", &end)];
        structs(fields, vec![start, end], values.map(|window| window.is_some()))
    }

    fn list<'a, T: Element, I>(&mut self, lists: I) -> Built
    where
        I: Iterator<Item = Option<List<'a, T>>> + Clone,
    {
        let mut within = self.within()?;
        // The elements are gathered, so that a list of lists isn't an iterator of iterators.
        let (mut elements, mut offsets) = (Vec::new(), vec![0_i32]);
        for list in lists.clone() {
            elements.extend(list.into_iter().flatten());
            let end = i32::try_from(elements.len()).map_err(|_| too_much())?;
            offsets.push(end);
        }
        let values = T::write_column(elements.iter().copied().map(Some), &mut within)?;
        let field = Arc::new(Field::new(ELEMENT, values.data_type().clone(), T::NULLABLE));
        let array = ListArray::try_new(
            field,
            OffsetBuffer::new(ScalarBuffer::from(offsets)),
            values,
            nulls(lists.map(|list| list.is_some())),
        );
        Ok(Arc::new(array.map_err(|error| broken(&error))?))
    }

    fn rows<'a, S: Schema, I>(&mut self, rows: I) -> Built
    where
        I: Iterator<Item = Option<S::View<'a>>> + Clone,
    {
        let Self { depth } = self.within()?;
        let mut columns = Arrays { depth, left_out: 0, fields: Vec::new(), arrays: Vec::new() };
        S::write_columns(rows.clone(), &mut columns)?;
        structs(columns.fields, columns.arrays, rows.map(|row| row.is_some()))
    }
}

impl Builder {
    fn within(&self) -> Result<Self, ColumnError> {
        match self.depth + 1 {
            MAX_DEPTH => Err(ColumnError::new(format!(
                "holds lists or structs more than {MAX_DEPTH} deep, as a struct does that holds a list of itself: a Parquet file says in advance how deep they are; select its parts, or its JSON as text"
            ))),
            depth => Ok(Self { depth }),
        }
    }
}

fn numbers<T: ArrowPrimitiveType>(values: impl Iterator<Item = Option<T::Native>>) -> PrimitiveBuilder<T> {
    let mut builder = PrimitiveBuilder::with_capacity(values.size_hint().0);
    values.for_each(|value| builder.append_option(value));
    builder
}

fn bytes<'a, T: ByteArrayType>(values: impl Iterator<Item = Option<&'a T::Native>>) -> Built {
    let count = values.size_hint().0;
    let mut builder = GenericByteBuilder::<T>::with_capacity(count, count * 16);
    for value in values {
        // What doesn't fit would be a panic of the builder.
        let length = value.map_or(0, |value| AsRef::<[u8]>::as_ref(value).len());
        if builder.values_slice().len() + length > MAX_BYTES {
            return Err(too_much());
        }
        builder.append_option(value);
    }
    Ok(Arc::new(builder.finish()))
}

fn structs(fields: Vec<FieldRef>, arrays: Vec<ArrayRef>, valid: impl Iterator<Item = bool>) -> Built {
    let array = StructArray::try_new(fields.into(), arrays, nulls(valid));
    Ok(Arc::new(array.map_err(|error| broken(&error))?))
}

fn nulls(valid: impl Iterator<Item = bool>) -> Option<NullBuffer> {
    let nulls: NullBuffer = valid.collect();
    (nulls.null_count() > 0).then_some(nulls)
}

fn too_wide(name: &str) -> ColumnError {
    ColumnError::new(format!(
        "is an integer of 128 bits (`{name}`), which Parquet has no type for; select it as `i64`, `u64`, `f64` or text"
    ))
}

fn too_much() -> ColumnError {
    ColumnError::new(
        "holds more than 2 GiB in a few thousand rows, which Parquet's pages can't; put less into a row",
    )
}

/// Arrays of different lengths, or nulls where none may be: the iterators rule it out.
fn broken(error: &ArrowError) -> ColumnError {
    ColumnError::new(format!("can't be written: {error}"))
}
