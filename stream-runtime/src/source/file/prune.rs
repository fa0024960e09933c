//! [`Pruner`]: which row groups of a Parquet file needn't be read.
//!
//! Invariant: leaving a row group out makes no difference to a query but to its counts of input rows. Its statistics have to prove that
//! `where` drops every row, that no row is malformed, and what its event times do to the watermark.

use std::cmp::Ordering;

use ::parquet::arrow::arrow_reader::ArrowReaderMetadata;
use ::parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use ::parquet::file::metadata::RowGroupMetaData;
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};

use crate::format::columns::{Values, arrow};
use crate::format::partition::{PartitionValues, unpack};
use crate::plan::{Prune, PruneOp, PruneValue, Pruning};
use crate::schema::derive::names;
use crate::schema::{self, Arena, Column, ColumnSet, Field, Kind, Schema};
use crate::time::{Date, Timestamp};

/// The earliest and the latest event time of rows that aren't read, if they have any.
pub(super) type EventTimes = Option<(Timestamp, Timestamp)>;

/// Looks at the statistics of a file's row groups.
pub(super) struct Pruner<'a> {
    metadata: &'a ArrowReaderMetadata,
    pruning: &'a Pruning,
    columns: ColumnSet,
    /// The columns whose value is known without statistics.
    partition: &'a PartitionValues,
    fields: &'static [Field],
    types: Vec<schema::DataType>,
}

/// What is known of a column of a row group.
struct Known {
    min: ArrayRef,
    max: ArrayRef,
    /// How many nulls there are.
    nulls: Option<u64>,
}

impl<'a> Pruner<'a> {
    pub(super) fn new<R: Schema>(
        metadata: &'a ArrowReaderMetadata,
        pruning: &'a Pruning,
        columns: ColumnSet,
        partition: &'a PartitionValues,
    ) -> Self {
        let columns = columns & !partition.set();
        Self { metadata, pruning, columns, partition, fields: R::FIELDS, types: R::data_types() }
    }

    /// The event times of a row group that needn't be read; `None` if it has to be.
    pub(super) fn prune(&self, group: &RowGroupMetaData) -> Option<EventTimes> {
        let dropped = self.pruning.conditions.iter().any(|condition| self.excludes(condition, group));
        if !dropped {
            return None;
        }
        let columns = self.fields.iter().zip(&self.types).enumerate();
        let mut named = columns.filter(|(index, _)| names(self.columns, *index));
        if !named.all(|(_, (field, of))| self.is_well_formed(field, of, group)) {
            return None;
        }
        match self.pruning.event_time {
            None => Some(None),
            Some(column) => self.event_times(column, group),
        }
    }

    /// Whether no row of the group meets the condition.
    fn excludes(&self, condition: &Prune, group: &RowGroupMetaData) -> bool {
        use Ordering::{Equal, Greater, Less};

        let Some(value) = condition.value else { return false };
        let (min, max) = if let Some((kind, packed)) = self.in_partition(condition.column) {
            let ordering = packed.and_then(|packed| compare_packed(kind, packed, value));
            (ordering, ordering)
        } else {
            let Some(known) = self.field(condition.column).and_then(|field| self.known(field, group)) else {
                return false;
            };
            (compare(&known.min, value), compare(&known.max, value))
        };
        let is = |ordering: Option<Ordering>, wanted: &[Ordering]| {
            ordering.is_some_and(|ordering| wanted.contains(&ordering))
        };
        match condition.op {
            PruneOp::Equal => is(min, &[Greater]) || is(max, &[Less]),
            PruneOp::Less => is(min, &[Equal, Greater]),
            PruneOp::LessOrEqual => is(min, &[Greater]),
            PruneOp::Greater => is(max, &[Equal, Less]),
            PruneOp::GreaterOrEqual => is(max, &[Less]),
        }
    }

    /// Whether every value of the group fits into the row type's column.
    fn is_well_formed(&self, field: &Field, of: &schema::DataType, group: &RowGroupMetaData) -> bool {
        let Some((_, found)) = self.metadata.schema().column_with_name(field.name) else {
            return field.nullable || field.has_default;
        };
        let known = self.known(field, group);
        let has_nulls = || known.as_ref().and_then(|known| known.nulls) != Some(0);
        if found.is_nullable() && !field.nullable && has_nulls() {
            return false;
        }
        let kind = match of.kind() {
            Kind::Nullable(inner) => inner.kind(),
            kind => kind,
        };
        if let Some((min, max)) = integers(kind) {
            return known.is_some_and(|known| {
                let fits = |number: Option<i128>| number.is_some_and(|number| (min..=max).contains(&number));
                fits(number(&known.min)) && fits(number(&known.max))
            });
        }
        match (kind, found.data_type()) {
            (Kind::Bool, DataType::Boolean)
            | (Kind::F32, DataType::Float32)
            | (Kind::F64, DataType::Float64 | DataType::Float32)
            | (Kind::Text, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
            | (Kind::Binary, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
            | (Kind::Day, DataType::Date32)
            | (Kind::Time, DataType::Timestamp(TimeUnit::Microsecond | TimeUnit::Nanosecond, _)) => true,
            (Kind::Text, DataType::Dictionary(_, values)) => **values == DataType::Utf8,
            (Kind::Time, DataType::Timestamp(..)) => {
                known.is_some_and(|known| micros(&known.min).is_some() && micros(&known.max).is_some())
            }
            _ => false,
        }
    }

    /// What the watermark has to know of a group; `None` if that can't be told.
    fn event_times(&self, column: ColumnSet, group: &RowGroupMetaData) -> Option<EventTimes> {
        if group.num_rows() == 0 {
            // A directory has a time for the rows that it has.
            return Some(None);
        }
        if let Some((_, packed)) = self.in_partition(column) {
            let Some(packed) = packed else { return Some(None) };
            let time = unpacked::<Timestamp>(packed)?;
            return Some(Some((time, time)));
        }
        let known = self.known(self.field(column)?, group)?;
        match (micros(&known.min), micros(&known.max)) {
            (Some(min), Some(max)) => Some(Some((min, max))),
            _ => (known.nulls == u64::try_from(group.num_rows()).ok()).then_some(None),
        }
    }

    /// The kind of a column that a directory names, and its packed value unless that is null.
    fn in_partition(&self, column: ColumnSet) -> Option<(&Kind, Option<&[u8]>)> {
        let index = usize::try_from(column.trailing_zeros()).ok()?;
        let packed = self.partition.packed(index)?;
        Some(match (self.types.get(index)?.kind(), packed) {
            (Kind::Nullable(inner), [1, packed @ ..]) => (inner.kind(), Some(packed)),
            (Kind::Nullable(inner), _) => (inner.kind(), None),
            (kind, packed) => (kind, Some(packed)),
        })
    }

    fn field(&self, column: ColumnSet) -> Option<&'static Field> {
        self.fields.get(usize::try_from(column.trailing_zeros()).ok()?)
    }

    fn known(&self, field: &Field, group: &RowGroupMetaData) -> Option<Known> {
        let converter =
            StatisticsConverter::try_new(field.name, self.metadata.schema(), self.metadata.parquet_schema())
                .ok()?
                .with_missing_null_counts_as_zero(false);
        let statistics = group.columns().get(converter.parquet_column_index()?)?.statistics()?;
        // Old writers compared text as if its bytes had signs.
        if statistics.is_min_max_deprecated() {
            return None;
        }
        let nulls = converter.row_group_null_counts([group]).ok()?;
        Some(Known {
            min: converter.row_group_mins([group]).ok()?,
            max: converter.row_group_maxes([group]).ok()?,
            nulls: (nulls.len() == 1 && nulls.is_valid(0)).then(|| nulls.value(0)),
        })
    }
}

/// How the only value of `bound` compares; `None` if it isn't there, or of a type that isn't compared.
fn compare(bound: &ArrayRef, value: PruneValue) -> Option<Ordering> {
    if bound.len() != 1 || bound.is_null(0) {
        return None;
    }
    match (arrow::data(bound.as_ref()).values, value) {
        (Values::Bool(bound), PruneValue::Bool(value)) => Some(bound.first()?.cmp(&value)),
        (Values::Integers(bound), PruneValue::Integer(value)) => Some(bound.get(0)?.cmp(&value)),
        (Values::F64(bound), PruneValue::Float(value)) => bound.first()?.partial_cmp(&value),
        (Values::Text(bound), PruneValue::Text(value)) => Some((*bound.first()?).cmp(value)),
        (Values::Days(bound), PruneValue::Day(value)) => Some(bound.first()?.cmp(&value.as_days())),
        (Values::Times(bound, unit), PruneValue::Time(value)) => {
            Some(unit.micros(*bound.first()?)?.cmp(&value.as_micros()))
        }
        _ => None,
    }
}

/// How a packed value of this kind compares; `None` if it is of one that isn't compared.
fn compare_packed(kind: &Kind, packed: &[u8], value: PruneValue) -> Option<Ordering> {
    match (kind, value) {
        (Kind::Bool, PruneValue::Bool(value)) => Some(unpacked::<bool>(packed)?.cmp(&value)),
        (Kind::F64, PruneValue::Float(value)) => unpacked::<f64>(packed)?.partial_cmp(&value),
        (Kind::Text, PruneValue::Text(value)) => {
            let arena = Arena::default();
            Some(unpack::<String>(packed, &arena)?.cmp(value))
        }
        (Kind::Day, PruneValue::Day(value)) => Some(unpacked::<Date>(packed)?.cmp(&value)),
        (Kind::Time, PruneValue::Time(value)) => Some(unpacked::<Timestamp>(packed)?.cmp(&value)),
        (kind, PruneValue::Integer(value)) => {
            let number = match kind {
                Kind::I8 => unpacked::<i8>(packed)?.into(),
                Kind::I16 => unpacked::<i16>(packed)?.into(),
                Kind::I32 => unpacked::<i32>(packed)?.into(),
                Kind::I64 => unpacked::<i64>(packed)?.into(),
                Kind::I128 => unpacked::<i128>(packed)?,
                Kind::U8 => unpacked::<u8>(packed)?.into(),
                Kind::U16 => unpacked::<u16>(packed)?.into(),
                Kind::U32 => unpacked::<u32>(packed)?.into(),
                Kind::U64 => unpacked::<u64>(packed)?.into(),
                _ => return None,
            };
            Some(number.cmp(&value))
        }
        _ => None,
    }
}

fn unpacked<T: for<'a> Column<View<'a> = T>>(packed: &[u8]) -> Option<T> {
    unpack::<T>(packed, &Arena::default())
}

/// The range of a kind of whole numbers.
fn integers(kind: &Kind) -> Option<(i128, i128)> {
    Some(match kind {
        Kind::I8 => (i8::MIN.into(), i8::MAX.into()),
        Kind::I16 => (i16::MIN.into(), i16::MAX.into()),
        Kind::I32 => (i32::MIN.into(), i32::MAX.into()),
        Kind::I64 => (i64::MIN.into(), i64::MAX.into()),
        Kind::I128 => (i128::MIN, i128::MAX),
        Kind::U8 => (0, u8::MAX.into()),
        Kind::U16 => (0, u16::MAX.into()),
        Kind::U32 => (0, u32::MAX.into()),
        Kind::U64 => (0, u64::MAX.into()),
        // No file has greater numbers.
        Kind::U128 => (0, i128::MAX),
        _ => return None,
    })
}

fn number(bound: &ArrayRef) -> Option<i128> {
    match arrow::data(bound.as_ref()).values {
        Values::Integers(numbers) if bound.len() == 1 && bound.is_valid(0) => numbers.get(0),
        _ => None,
    }
}

fn micros(bound: &ArrayRef) -> Option<Timestamp> {
    match arrow::data(bound.as_ref()).values {
        Values::Times(times, unit) if bound.len() == 1 && bound.is_valid(0) => {
            unit.micros(*times.first()?).map(Timestamp::from_micros)
        }
        _ => None,
    }
}
