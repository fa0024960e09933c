//! Arrow's arrays as [`ColumnData`].
//!
//! Numbers are borrowed as they are. Text gets a slice of references, once a batch, whatever its layout: so a dictionary
//! or a view costs nothing more per row than plain text.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, ArrowPrimitiveType, Date32Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, DictionaryArray, RecordBatch};
use arrow_buffer::{ArrowNativeType, i256};
use arrow_schema::{DataType, Fields, TimeUnit};

use super::{ColumnData, ColumnField, Nulls, Numbers, Unit, Values, Wide};
use crate::format::partition::PartitionValues;
use crate::schema::Schema;

/// What becomes of decimals without a fraction.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Decimals {
    /// No column can be made of them.
    Refused,
    /// They are whole numbers, as SQL's tables have integers of 128 bits.
    #[cfg_attr(not(feature = "sql"), allow(dead_code, reason = "only SQL's results have them"))]
    Whole,
}

/// The columns of a batch.
pub(crate) fn fields(batch: &RecordBatch, decimals: Decimals) -> Vec<ColumnField<'_>> {
    struct_fields(batch.schema_ref().fields(), batch.columns(), decimals)
}

/// The columns of a batch of a file whose directories hold some of them, which then aren't looked for in the batch.
pub(crate) fn fields_in<'a, R: Schema>(
    batch: &'a RecordBatch,
    partition: &'a PartitionValues,
) -> Vec<ColumnField<'a>> {
    let of_partition = R::FIELDS.iter().enumerate().filter_map(|(index, field)| {
        let values = Values::OfPartition(partition.packed(index)?);
        let data = ColumnData { nulls: Nulls::default(), values };
        Some(ColumnField { name: field.name, nullable: false, data })
    });
    // The first of a name counts.
    of_partition.chain(fields(batch, Decimals::Refused)).collect()
}

fn struct_fields<'a>(
    fields: &'a Fields,
    columns: &'a [arrow_array::ArrayRef],
    decimals: Decimals,
) -> Vec<ColumnField<'a>> {
    let field = |(field, column): (&'a arrow_schema::FieldRef, &'a arrow_array::ArrayRef)| ColumnField {
        name: field.name(),
        nullable: field.is_nullable(),
        data: column_data(column.as_ref(), decimals),
    };
    fields.iter().zip(columns).map(field).collect()
}

/// A column.
#[cfg(feature = "parquet")]
pub(crate) fn data(array: &dyn Array) -> ColumnData<'_> {
    column_data(array, Decimals::Refused)
}

fn column_data(array: &dyn Array, decimals: Decimals) -> ColumnData<'_> {
    ColumnData { nulls: nulls(array), values: values(array, decimals) }
}

fn nulls(array: &dyn Array) -> Nulls<'_> {
    // A dictionary may hold a null, which its keys then stand for.
    if matches!(array.data_type(), DataType::Dictionary(..)) {
        return array
            .logical_nulls()
            .filter(|nulls| nulls.null_count() > 0)
            .map_or_else(Nulls::default, |nulls| {
                Nulls::of_bits(Cow::Owned(nulls.validity().to_vec()), nulls.offset())
            });
    }
    match array.nulls() {
        Some(nulls) if nulls.null_count() > 0 => {
            Nulls::of_bits(Cow::Borrowed(nulls.validity()), nulls.offset())
        }
        _ => Nulls::default(),
    }
}

fn numbers<T: ArrowPrimitiveType>(array: &dyn Array) -> &[T::Native] {
    array.as_primitive::<T>().values()
}

fn values(array: &dyn Array, decimals: Decimals) -> Values<'_> {
    let rows = 0..array.len();
    match array.data_type() {
        DataType::Null => Values::Null,
        DataType::Boolean => Values::Bool(array.as_boolean().values().iter().collect()),
        DataType::Int8 => Values::Integers(Numbers::I8(numbers::<Int8Type>(array))),
        DataType::Int16 => Values::Integers(Numbers::I16(numbers::<Int16Type>(array))),
        DataType::Int32 => Values::Integers(Numbers::I32(numbers::<Int32Type>(array))),
        DataType::Int64 => Values::Integers(Numbers::I64(numbers::<Int64Type>(array))),
        DataType::UInt8 => Values::Integers(Numbers::U8(numbers::<UInt8Type>(array))),
        DataType::UInt16 => Values::Integers(Numbers::U16(numbers::<UInt16Type>(array))),
        DataType::UInt32 => Values::Integers(Numbers::U32(numbers::<UInt32Type>(array))),
        DataType::UInt64 => Values::Integers(Numbers::U64(numbers::<UInt64Type>(array))),
        DataType::Float32 => Values::F32(numbers::<Float32Type>(array)),
        DataType::Float64 => Values::F64(numbers::<Float64Type>(array)),
        DataType::Date32 => Values::Days(numbers::<Date32Type>(array)),
        DataType::Timestamp(unit, _) => Values::Times(timestamps(array, *unit), unit_of(*unit)),
        DataType::Duration(unit) => Values::Spans(durations(array, *unit), unit_of(*unit)),
        DataType::Utf8 => {
            let text = array.as_string::<i32>();
            Values::Text(rows.map(|row| text.value(row)).collect())
        }
        DataType::LargeUtf8 => {
            let text = array.as_string::<i64>();
            Values::Text(rows.map(|row| text.value(row)).collect())
        }
        DataType::Utf8View => {
            let text = array.as_string_view();
            Values::Text(rows.map(|row| text.value(row)).collect())
        }
        DataType::Binary => {
            let bytes = array.as_binary::<i32>();
            Values::Binary(rows.map(|row| bytes.value(row)).collect())
        }
        DataType::LargeBinary => {
            let bytes = array.as_binary::<i64>();
            Values::Binary(rows.map(|row| bytes.value(row)).collect())
        }
        DataType::BinaryView => {
            let bytes = array.as_binary_view();
            Values::Binary(rows.map(|row| bytes.value(row)).collect())
        }
        DataType::FixedSizeBinary(_) => {
            let bytes = array.as_fixed_size_binary();
            Values::Binary(rows.map(|row| bytes.value(row)).collect())
        }
        DataType::Dictionary(key, _) => match &**key {
            DataType::Int8 => dictionary(array.as_dictionary::<Int8Type>()),
            DataType::Int16 => dictionary(array.as_dictionary::<Int16Type>()),
            DataType::Int32 => dictionary(array.as_dictionary::<Int32Type>()),
            DataType::Int64 => dictionary(array.as_dictionary::<Int64Type>()),
            DataType::UInt8 => dictionary(array.as_dictionary::<UInt8Type>()),
            DataType::UInt16 => dictionary(array.as_dictionary::<UInt16Type>()),
            DataType::UInt32 => dictionary(array.as_dictionary::<UInt32Type>()),
            DataType::UInt64 => dictionary(array.as_dictionary::<UInt64Type>()),
            _ => unsupported(array),
        },
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let offsets = list.offsets().iter().map(|&offset| offset as usize).collect();
            Values::Lists(offsets, Box::new(column_data(list.values().as_ref(), decimals)))
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let offsets = list.offsets().iter().map(|&offset| offset as usize).collect();
            Values::Lists(offsets, Box::new(column_data(list.values().as_ref(), decimals)))
        }
        DataType::FixedSizeList(_, length) => {
            let list = array.as_fixed_size_list();
            let length = usize::try_from(*length).unwrap_or_default();
            let offsets = (0..=array.len()).map(|row| row * length).collect();
            Values::Lists(offsets, Box::new(column_data(list.values().as_ref(), decimals)))
        }
        DataType::Struct(fields) => {
            Values::Struct(struct_fields(fields, array.as_struct().columns(), decimals))
        }
        DataType::Decimal128(_, 0) if decimals == Decimals::Whole => {
            Values::Wide(numbers::<Decimal128Type>(array).iter().copied().map(Wide::Signed).collect())
        }
        DataType::Decimal256(_, 0) if decimals == Decimals::Whole => {
            Values::Wide(numbers::<Decimal256Type>(array).iter().copied().map(wide).collect())
        }
        _ => unsupported(array),
    }
}

fn wide(number: i256) -> Wide {
    let (low, high) = number.to_parts();
    let signed = low.cast_signed();
    match high {
        high if high == signed >> 127 => Wide::Signed(signed),
        0 => Wide::Unsigned(low),
        _ => Wide::Beyond,
    }
}

/// The value that each key stands for. Text is all that dictionaries are used for in files.
fn dictionary<K: ArrowDictionaryKeyType>(array: &DictionaryArray<K>) -> Values<'_> {
    let keys = array.keys().values().iter().map(|key| key.to_usize());
    // A dictionary may be much longer than its batch: only what the keys stand for is looked at.
    if let Some(texts) = array.values().as_string_opt::<i32>() {
        let text = |key: &usize| (*key < texts.len()).then(|| texts.value(*key));
        return Values::Text(keys.map(|key| key.as_ref().and_then(text).unwrap_or_default()).collect());
    }
    match values(array.values().as_ref(), Decimals::Refused) {
        // A null's key may be anything.
        Values::Text(texts) => Values::Text(
            keys.map(|key| key.and_then(|key| texts.get(key)).copied().unwrap_or_default()).collect(),
        ),
        Values::Binary(all) => Values::Binary(
            keys.map(|key| key.and_then(|key| all.get(key)).copied().unwrap_or_default()).collect(),
        ),
        _ => unsupported(array),
    }
}

fn timestamps(array: &dyn Array, unit: TimeUnit) -> &[i64] {
    match unit {
        TimeUnit::Second => numbers::<TimestampSecondType>(array),
        TimeUnit::Millisecond => numbers::<TimestampMillisecondType>(array),
        TimeUnit::Microsecond => numbers::<TimestampMicrosecondType>(array),
        TimeUnit::Nanosecond => numbers::<TimestampNanosecondType>(array),
    }
}

fn durations(array: &dyn Array, unit: TimeUnit) -> &[i64] {
    match unit {
        TimeUnit::Second => numbers::<DurationSecondType>(array),
        TimeUnit::Millisecond => numbers::<DurationMillisecondType>(array),
        TimeUnit::Microsecond => numbers::<DurationMicrosecondType>(array),
        TimeUnit::Nanosecond => numbers::<DurationNanosecondType>(array),
    }
}

const fn unit_of(unit: TimeUnit) -> Unit {
    match unit {
        TimeUnit::Second => Unit::Second,
        TimeUnit::Millisecond => Unit::Millisecond,
        TimeUnit::Microsecond => Unit::Microsecond,
        TimeUnit::Nanosecond => Unit::Nanosecond,
    }
}

fn unsupported(array: &dyn Array) -> Values<'_> {
    let data_type = array.data_type();
    let why = match data_type {
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => {
            "no column type holds a decimal exactly: write it as whole numbers of its smallest unit, or as text"
        }
        DataType::Date64 => "write dates as days (date32)",
        DataType::Map(..) => "write a map as a list of structs",
        DataType::Time32(_) | DataType::Time64(_) => "write a time of day as a number",
        _ => "no column type holds it",
    };
    Values::Unsupported(data_type.to_string(), why)
}
