//! [`Bound`]: a column of a row type with the slices that its values come from.

use std::fmt;

use super::{ColumnData, ColumnField, Differences, NullsView, Values};
use crate::format::partition::unpack;
use crate::format::{Arena, RowError};
use crate::schema::place::Place;
use crate::schema::{Column, Schema, TimestampFormat};

/// A column of type `T` out of a batch.
///
/// Without values it is one that the batch doesn't have, or that isn't read.
pub struct Bound<'a, T: Column> {
    values: Option<T::Values<'a>>,
    nulls: NullsView<'a>,
    /// The packed value of all rows, if the batch doesn't have the column and a directory does.
    of_partition: Option<&'a [u8]>,
}

impl<T: Column> fmt::Debug for Bound<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound").field("is_there", &self.values.is_some()).finish_non_exhaustive()
    }
}

impl<'a, T: Column> Bound<'a, T> {
    const ABSENT: Self = Self { values: None, nulls: NullsView(None), of_partition: None };

    /// Binds the values of a column, of list elements, or of a struct's field; notes what doesn't fit.
    pub(crate) fn new(
        data: &'a ColumnData<'a>,
        timestamps: TimestampFormat,
        differences: &mut Differences,
    ) -> Self {
        let values = T::bind(&data.values, timestamps, differences);
        Self { values, nulls: data.nulls.view(), of_partition: None }
    }

    /// The value of a row.
    #[allow(
        clippy::inline_always,
        reason = "a call for each value of each row is a tenth of a query over few columns"
    )]
    #[inline(always)]
    pub(crate) fn value(&self, row: usize, arena: &'a Arena) -> Result<T::View<'a>, RowError> {
        match &self.values {
            Some(values) if !self.nulls.is_null(row) => T::value(values, row, arena),
            Some(_) => T::missing().ok_or_else(null),
            None => self.absent(arena),
        }
    }

    #[inline]
    fn absent(&self, arena: &'a Arena) -> Result<T::View<'a>, RowError> {
        let of_partition = self.of_partition.and_then(|packed| unpack::<T>(packed, arena));
        of_partition.or_else(T::missing).ok_or_else(null)
    }
}

#[cold]
fn null() -> RowError {
    RowError::new("it is null, and the row type allows no null there")
}

#[cold]
fn in_column(name: &str, error: &RowError) -> RowError {
    RowError::column(name, error)
}

/// Binds the columns of a struct within a column.
pub fn bind_nested<'a, R: Schema>(
    values: &'a Values<'a>,
    differences: &mut Differences,
) -> Option<R::Columns<'a>> {
    match values {
        Values::Struct(fields) => Some(R::bind_columns::<{ u128::MAX }>(fields, differences)),
        other => {
            differences.mismatch(other, "a struct");
            None
        }
    }
}

impl<T: Column> Place<T> {
    /// Binds the column if the query names it.
    pub fn bind<'a, const COLUMNS: u128>(
        self,
        fields: &'a [ColumnField<'a>],
        type_name: &'static str,
        has_default: bool,
        differences: &mut Differences,
    ) -> Bound<'a, T> {
        if !self.is_in(COLUMNS) {
            return Bound::ABSENT;
        }
        differences.within(self.name, type_name, |differences| {
            let Some(field) = fields.iter().find(|field| field.name == self.name) else {
                if !has_default {
                    differences.missing_column(T::missing().is_some());
                }
                return Bound::ABSENT;
            };
            if let Values::OfPartition(packed) = field.data.values {
                return Bound { of_partition: Some(packed), ..Bound::ABSENT };
            }
            if field.nullable && !T::NULLABLE {
                differences.may_be_null();
            }
            Bound::new(&field.data, self.timestamps, differences)
        })
    }

    /// The column's value in a row; a placeholder if the query doesn't name it.
    #[allow(clippy::inline_always, reason = "as for `Bound::value`")]
    #[inline(always)]
    pub fn value<'a, const COLUMNS: u128>(
        self,
        bound: &Bound<'a, T>,
        row: usize,
        arena: &'a Arena,
    ) -> Result<T::View<'a>, RowError> {
        if !self.is_in(COLUMNS) {
            return Ok(T::placeholder());
        }
        bound.value(row, arena).map_err(|error| in_column(self.name, &error))
    }

    /// The same for a column with a default, which stands in for one that the batch doesn't have.
    #[inline]
    pub fn value_or<'a, const COLUMNS: u128>(
        self,
        bound: &Bound<'a, T>,
        row: usize,
        arena: &'a Arena,
        default: impl FnOnce() -> T,
    ) -> Result<T::View<'a>, RowError> {
        if self.is_in(COLUMNS) && bound.values.is_none() && bound.of_partition.is_none() {
            return Ok(T::keep(default().view(), arena));
        }
        self.value::<COLUMNS>(bound, row, arena)
    }
}
