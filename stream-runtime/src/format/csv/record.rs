//! One record, and its cells as columns.

use super::Layout;
use crate::format::{Arena, RowError};
use crate::schema::place::Place;
use crate::schema::{Column, ColumnSet};

/// One record: its cells, and where each column is found.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The unescaped cells, one after the other.
    pub(super) text: &'a str,
    /// The end of each cell in `text`.
    pub(super) ends: &'a [usize],
    /// Which cells had quotes around them; may be shorter than `ends` if that makes no difference for the rest.
    pub(super) quoted: &'a [bool],
    /// Where each column is found.
    pub(super) layout: &'a Layout,
}

/// What a record has for a column.
enum Cell<'a> {
    /// The file doesn't have the column.
    Absent,
    /// Nothing, or `""` if it is quoted.
    Empty {
        quoted: bool,
    },
    Text(&'a str),
}

impl<'a> Record<'a> {
    #[inline]
    fn cell(self, index: usize, name: &str) -> Result<Cell<'a>, RowError> {
        let Some(at) = self.layout.cell_of(index) else { return Ok(Cell::Absent) };
        let Some(end) = self.ends.get(at).copied() else { return Err(self.too_short(at, name)) };
        let start = if at == 0 { 0 } else { self.ends.get(at - 1).copied().unwrap_or_default() };
        if start == end {
            return Ok(Cell::Empty { quoted: self.quoted.get(at).copied().unwrap_or_default() });
        }
        let text = self.text.get(start..end).ok_or_else(|| RowError::column(name, "the cell isn't UTF-8"))?;
        Ok(Cell::Text(text))
    }

    #[cold]
    fn too_short(self, at: usize, name: &str) -> RowError {
        let cells = self.ends.len();
        RowError::column(
            name,
            format_args!("it is cell {} of a record, and this one has only {cells}", at + 1),
        )
    }
}

/// Reads those cells of a record that the query names, column by column.
#[derive(Clone, Copy, Debug)]
pub struct Cells<'a, const COLUMNS: ColumnSet> {
    record: Record<'a>,
    arena: &'a Arena,
}

impl<'a, const COLUMNS: ColumnSet> Cells<'a, COLUMNS> {
    /// The cells of a record.
    pub fn new(record: Record<'a>, arena: &'a Arena) -> Self {
        Self { record, arena }
    }

    /// The value of a column; a placeholder if the query doesn't name it.
    #[inline]
    pub fn read<T: Column>(self, column: Place<T>) -> Result<T::View<'a>, RowError> {
        if !column.is_in(COLUMNS) {
            return Ok(T::placeholder());
        }
        match self.record.cell(column.index, column.name)? {
            Cell::Text(text) => self.decode(column, text),
            Cell::Empty { quoted } => T::empty_cell(quoted).ok_or_else(|| empty(column.name)),
            Cell::Absent => self
                .in_partition(column)
                .or_else(T::missing)
                .ok_or_else(|| RowError::column(column.name, "the file doesn't have it")),
        }
    }

    /// The value of a column with a default, which an empty cell stands for unless the column may be null.
    #[inline]
    pub fn read_or<T: Column>(
        self,
        column: Place<T>,
        default: impl FnOnce() -> T,
    ) -> Result<T::View<'a>, RowError> {
        if !column.is_in(COLUMNS) {
            return Ok(T::placeholder());
        }
        match self.record.cell(column.index, column.name)? {
            Cell::Text(text) => self.decode(column, text),
            Cell::Empty { quoted } if quoted || T::NULLABLE => {
                T::empty_cell(quoted).ok_or_else(|| empty(column.name))
            }
            Cell::Empty { .. } => Ok(T::keep(default().view(), self.arena)),
            Cell::Absent => {
                Ok(self.in_partition(column).unwrap_or_else(|| T::keep(default().view(), self.arena)))
            }
        }
    }

    #[inline]
    fn in_partition<T: Column>(self, column: Place<T>) -> Option<T::View<'a>> {
        self.record.layout.partition().value(column, self.arena)
    }

    #[inline]
    fn decode<T: Column>(self, column: Place<T>, text: &'a str) -> Result<T::View<'a>, RowError> {
        let value = T::decode_text(text, column.decoding(self.arena));
        value.map_err(|error| RowError::column(column.name, error))
    }
}

#[cold]
fn empty(name: &str) -> RowError {
    RowError::column(name, "the cell is empty")
}
