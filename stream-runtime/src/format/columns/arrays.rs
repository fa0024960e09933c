//! Rows as Arrow's arrays: one loop a column, each into the builder of its type.

use std::sync::Arc;

use arrow_array::builder::{GenericByteBuilder, PrimitiveBuilder};
use arrow_array::types::{
    ArrowPrimitiveType, BinaryType, ByteArrayType, Date32Type, Decimal256Type, DurationMicrosecondType,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type, Utf8Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, ListArray, RecordBatch, RecordBatchOptions, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer, i256};
use arrow_schema::{ArrowError, Field, FieldRef, Schema as ArrowSchema};

use crate::format::ColumnError;
use crate::schema::columnar::{ColumnWriter, Columns};
use crate::schema::place::Place;
use crate::schema::{Column, ColumnSet, Element, List, Schema};
use crate::time::{Date, Duration, Timestamp, Window};

/// How deep structs and lists may stand within one another. A struct that holds a list of itself has no end.
const MAX_DEPTH: u32 = 64;
/// The digits of the longest integer of 128 bits.
const WIDE_DIGITS: u8 = 39;
/// A list's elements, as Parquet names them.
const ELEMENT: &str = "element";
/// The most text or binary data of one column in one array: offsets are 32 bits.
const MAX_BYTES: usize = i32::MAX as usize;

type Built = Result<ArrayRef, ColumnError>;

/// What the arrays are for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    /// What holds all arrays of a column, as errors call it.
    pub(crate) table: &'static str,
    /// What holds one of them.
    pub(crate) batch: &'static str,
    /// Whether integers of 128 bits become decimals without a fraction. If not, they are an error.
    pub(crate) wide_integers: bool,
}

/// The rows but for the columns left out. Without `count` at least one column has to be left.
pub(crate) fn record_batch<'a, S: Schema, I>(
    rows: I,
    count: Option<usize>,
    left_out: ColumnSet,
    form: Form,
) -> Result<RecordBatch, ColumnError>
where
    I: Iterator<Item = Option<S::View<'a>>> + Clone,
{
    let mut columns = Arrays { form, depth: 0, left_out, fields: Vec::new(), arrays: Vec::new() };
    S::write_columns(rows, &mut columns)?;
    let options = RecordBatchOptions::new().with_row_count(count);
    RecordBatch::try_new_with_options(Arc::new(ArrowSchema::new(columns.fields)), columns.arrays, &options)
        .map_err(|error| broken(&error))
}

/// Takes the columns of rows.
struct Arrays {
    form: Form,
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
        let array = T::write_column(values, &mut Builder { form: self.form, depth: self.depth })
            .map_err(|error| error.of(column.name))?;
        self.fields.push(Arc::new(Field::new(column.name, array.data_type().clone(), T::NULLABLE)));
        self.arrays.push(array);
        Ok(())
    }
}

/// Builds the array of a column.
struct Builder {
    form: Form,
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

    fn i128<I: Iterator<Item = Option<i128>>>(&mut self, values: I) -> Built {
        self.wide("i128", values.map(|value| value.map(i256::from_i128)))
    }

    fn u128<I: Iterator<Item = Option<u128>>>(&mut self, values: I) -> Built {
        self.wide("u128", values.map(|value| value.map(|value| i256::from_parts(value, 0))))
    }

    fn text<'a, I: Iterator<Item = Option<&'a str>>>(&mut self, values: I) -> Built {
        self.bytes::<Utf8Type>(values)
    }

    fn binary<'a, I: Iterator<Item = Option<&'a [u8]>>>(&mut self, values: I) -> Built {
        self.bytes::<BinaryType>(values)
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
            let end = i32::try_from(elements.len()).map_err(|_| self.too_much())?;
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
        let Self { form, depth } = self.within()?;
        let mut columns = Arrays { form, depth, left_out: 0, fields: Vec::new(), arrays: Vec::new() };
        S::write_columns(rows.clone(), &mut columns)?;
        structs(columns.fields, columns.arrays, rows.map(|row| row.is_some()))
    }
}

impl Builder {
    fn within(&self) -> Result<Self, ColumnError> {
        match self.depth + 1 {
            MAX_DEPTH => Err(ColumnError::new(format!(
                "holds lists or structs more than {MAX_DEPTH} deep, as a struct does that holds a list of itself: {} says in advance how deep they are; select its parts, or its JSON as text",
                self.form.table,
            ))),
            depth => Ok(Self { depth, ..*self }),
        }
    }

    fn wide(&self, name: &str, values: impl Iterator<Item = Option<i256>>) -> Built {
        if !self.form.wide_integers {
            return Err(ColumnError::new(format!(
                "is an integer of 128 bits (`{name}`), which {} has no type for; select it as `i64`, `u64`, `f64` or text",
                self.form.table,
            )));
        }
        let array = numbers::<Decimal256Type>(values).finish().with_precision_and_scale(WIDE_DIGITS, 0);
        Ok(Arc::new(array.map_err(|error| broken(&error))?))
    }

    fn bytes<'a, T: ByteArrayType>(&self, values: impl Iterator<Item = Option<&'a T::Native>>) -> Built {
        let count = values.size_hint().0;
        let mut builder = GenericByteBuilder::<T>::with_capacity(count, count * 16);
        for value in values {
            // What doesn't fit would be a panic of the builder.
            let length = value.map_or(0, |value| AsRef::<[u8]>::as_ref(value).len());
            if builder.values_slice().len() + length > MAX_BYTES {
                return Err(self.too_much());
            }
            builder.append_option(value);
        }
        Ok(Arc::new(builder.finish()))
    }

    fn too_much(&self) -> ColumnError {
        ColumnError::new(format!(
            "holds more than 2 GiB in a few thousand rows, which {} can't; put less into a row",
            self.form.batch,
        ))
    }
}

fn numbers<T: ArrowPrimitiveType>(values: impl Iterator<Item = Option<T::Native>>) -> PrimitiveBuilder<T> {
    let mut builder = PrimitiveBuilder::with_capacity(values.size_hint().0);
    values.for_each(|value| builder.append_option(value));
    builder
}

fn structs(fields: Vec<FieldRef>, arrays: Vec<ArrayRef>, valid: impl Iterator<Item = bool>) -> Built {
    let array = StructArray::try_new(fields.into(), arrays, nulls(valid));
    Ok(Arc::new(array.map_err(|error| broken(&error))?))
}

fn nulls(valid: impl Iterator<Item = bool>) -> Option<NullBuffer> {
    let nulls: NullBuffer = valid.collect();
    (nulls.null_count() > 0).then_some(nulls)
}

/// Arrays of different lengths, or nulls where none may be: the iterators rule it out.
fn broken(error: &ArrowError) -> ColumnError {
    ColumnError::new(format!("can't be written: {error}"))
}
