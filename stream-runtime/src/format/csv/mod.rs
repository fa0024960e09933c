//! CSV as RFC 4180 has it: records end with a line end, cells may be quoted, a quote in a quoted cell is doubled.
//!
//! An empty cell without quotes is null, `""` is empty text, as in Spark; a column of text that may not be null
//! reads both as empty text. A record has as many cells as the header, or it isn't a row: a cell too many is
//! most often a delimiter that should have been quoted, and would shift every column after it.

mod layout;
mod reader;
mod record;
mod write;

pub use layout::Layout;
pub(crate) use reader::{RecordReader, skip_line_ends};
pub use record::{Cells, Record};
pub use write::write_record;

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
