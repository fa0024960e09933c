//! [`PartitionValues`]: the columns of a file that are in the names of its directories and not in the file.
//!
//! Decoders look here where they would find a column to be missing, so that files without such columns are read as if there
//! were none of this.

use super::Arena;
use crate::schema::derive::names;
use crate::schema::place::Place;
use crate::schema::{Column, ColumnSet};

/// Stands for null, and for empty text.
pub(crate) const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// The columns that have one value in all rows of a file, each packed as state packs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionValues {
    set: ColumnSet,
    /// A column's place in the row type, and its value.
    packed: Vec<(usize, Box<[u8]>)>,
}

impl PartitionValues {
    /// Adds a column.
    pub(crate) fn add<T: Column>(&mut self, column: Place<T>, value: T::View<'_>) {
        let mut packed = Vec::new();
        T::pack(value, &mut packed);
        self.set |= 1 << column.index;
        self.packed.push((column.index, packed.into()));
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.set == 0
    }

    /// The columns' places.
    pub(crate) fn set(&self) -> ColumnSet {
        self.set
    }

    /// Whether the column at `index` is among them.
    #[inline]
    pub(crate) fn contains(&self, index: usize) -> bool {
        names(self.set, index)
    }

    /// The packed value of the column at `index`, if it is among them.
    pub(crate) fn packed(&self, index: usize) -> Option<&[u8]> {
        self.packed.iter().find(|(column, _)| *column == index).map(|(_, packed)| &**packed)
    }

    /// The value of a column, if it is among them.
    #[inline]
    pub(crate) fn value<'a, T: Column>(&'a self, column: Place<T>, arena: &'a Arena) -> Option<T::View<'a>> {
        if self.contains(column.index) { unpack::<T>(self.packed(column.index)?, arena) } else { None }
    }
}

/// The value that was packed. Not a part of the loops that call it: most of them never do.
#[inline(never)]
pub(crate) fn unpack<'a, T: Column>(mut packed: &'a [u8], arena: &'a Arena) -> Option<T::View<'a>> {
    T::unpack(&mut packed, arena)
}
