//! The formats of a file sink: how a row becomes bytes.

use crate::error::{Error, Result};
use crate::format::TextRow;
use crate::format::csv::{CsvFormat, write_record};
use crate::schema::Schema;

/// A format that [`FileSink`](super::FileSink) writes.
pub trait FileFormat: sealed::Sealed + Send + Sync + 'static {
    /// The ending of the files' names.
    const EXTENSION: &'static str;

    /// Whether the format's options make sense.
    #[doc(hidden)]
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Appends what a file begins with.
    #[doc(hidden)]
    fn begin<R: Schema>(&self, _out: &mut Vec<u8>) {}

    /// Appends a row. `cells` is room for it that is used again and again.
    #[doc(hidden)]
    fn row<R: Schema>(&self, row: &R, cells: &mut TextRow, out: &mut Vec<u8>);
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::JsonLines {}
    impl Sealed for super::Csv {}
}

/// One JSON object a line.
#[derive(Clone, Copy, Debug)]
pub struct JsonLines;

/// CSV as in RFC 4180: `"` around a cell that holds a delimiter, a quote or a line end, and `""` for a quote.
/// (For Spark's reader set its option `escape` to `"`.)
#[derive(Clone, Copy, Debug, Default)]
pub struct Csv {
    pub(super) format: CsvFormat,
}

impl FileFormat for JsonLines {
    const EXTENSION: &'static str = "json";

    fn row<R: Schema>(&self, row: &R, _cells: &mut TextRow, out: &mut Vec<u8>) {
        row.encode_json(out);
        out.push(b'\n');
    }
}

impl FileFormat for Csv {
    const EXTENSION: &'static str = "csv";

    fn check(&self) -> Result<()> {
        let delimiter = self.format.delimiter;
        if !delimiter.is_ascii() || matches!(delimiter, b'\n' | b'\r' | 0) || delimiter == self.format.quote {
            return Err(Error::InvalidOption {
                option: "delimiter",
                message: format!(
                    "`{}` can't stand between the cells of a CSV file; use an ASCII character such as `,`, `;` or a tab",
                    delimiter.escape_ascii()
                ),
            });
        }
        Ok(())
    }

    fn begin<R: Schema>(&self, out: &mut Vec<u8>) {
        if self.format.header {
            write_record(self.format, R::FIELDS.iter().map(|field| Some(field.name)), out);
        }
    }

    fn row<R: Schema>(&self, row: &R, cells: &mut TextRow, out: &mut Vec<u8>) {
        cells.cells.clear();
        row.encode_text(cells);
        write_record(self.format, cells.cells.iter().map(Option::as_deref), out);
    }
}
