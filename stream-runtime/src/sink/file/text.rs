//! JSON lines and CSV as formats of a file sink.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};

use super::compression::{TextBody, TextCompression};
use super::format::{FileFormat, sealed::Sealed};
use crate::error::{Error, Result};
use crate::format::csv::{CsvFormat, write_record};
use crate::format::json::ObjectWriter;
use crate::format::{ColumnError, TextRow};
use crate::schema::columnar::Columns;
use crate::schema::derive::names;
use crate::schema::place::Place;
use crate::schema::{Column, ColumnSet, Schema};

/// How many bytes of text make a chunk.
const CHUNK: usize = 1 << 20;
/// A header that is longer is none.
const MAX_HEADER: usize = 1 << 20;

/// One JSON object a line.
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonLines {
    pub(super) compression: TextCompression,
}

/// CSV as in RFC 4180: `"` around a cell that holds a delimiter, a quote or a line end, and `""` for a quote.
/// (For Spark's reader set its option `escape` to `"`.)
#[derive(Clone, Copy, Debug, Default)]
pub struct Csv {
    pub(super) format: CsvFormat,
    pub(super) compression: TextCompression,
}

impl Sealed for JsonLines {}
impl Sealed for Csv {}

impl FileFormat for JsonLines {
    type Chunk = Vec<u8>;
    type Body = TextBody;
    type Shape = ();

    fn extension(&self) -> String {
        self.compression.extension("json")
    }

    fn chunk<'r, R: Schema, I: Iterator<Item = &'r R> + Clone>(
        &self,
        left_out: ColumnSet,
        _begins: bool,
        rows: &mut I,
    ) -> Result<Vec<u8>, ColumnError> {
        Ok(text(Vec::new(), rows, |row, out| {
            if left_out == 0 {
                row.encode_json(out);
            } else {
                let mut object = Object { left_out, writer: ObjectWriter::new(out) };
                let Ok(()) = R::write_columns(std::iter::once(Some(row.view())), &mut object);
                object.writer.end();
            }
            out.push(b'\n');
        }))
    }

    fn begin(&self, file: File, _first: &Vec<u8>) -> io::Result<TextBody> {
        self.compression.begin(file)
    }

    fn write(body: &mut TextBody, chunk: Vec<u8>) -> io::Result<()> {
        body.write_all(&chunk)
    }

    fn end(body: TextBody) -> io::Result<File> {
        body.end()
    }

    fn shape(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn merge(&self, (): &(), sources: &[PathBuf], file: File) -> io::Result<File> {
        let mut body = self.compression.begin(file)?;
        for source in sources {
            copy_lines(&mut self.compression.open(source)?, &mut body)?;
        }
        body.end()
    }
}

impl FileFormat for Csv {
    type Chunk = Vec<u8>;
    type Body = TextBody;
    /// The header.
    type Shape = Vec<u8>;

    // Without a header, or with another delimiter, the text is the same.
    const SELF_DESCRIBING: bool = false;

    fn extension(&self) -> String {
        self.compression.extension("csv")
    }

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

    fn chunk<'r, R: Schema, I: Iterator<Item = &'r R> + Clone>(
        &self,
        left_out: ColumnSet,
        begins: bool,
        rows: &mut I,
    ) -> Result<Vec<u8>, ColumnError> {
        let is_in = |index: usize| !names(left_out, index);
        let mut out = Vec::new();
        if begins && self.format.header {
            let fields = R::FIELDS.iter().enumerate().filter(|(index, _)| is_in(*index));
            write_record(self.format, fields.map(|(_, field)| Some(field.name)), &mut out);
        }
        let mut row_of_text = TextRow::default();
        Ok(text(out, rows, |row, out| {
            row_of_text.cells.clear();
            row.encode_text(&mut row_of_text);
            let cells = row_of_text.cells.iter().enumerate().filter(|(index, _)| is_in(*index));
            write_record(self.format, cells.map(|(_, cell)| cell.as_deref()), out);
        }))
    }

    fn begin(&self, file: File, _first: &Vec<u8>) -> io::Result<TextBody> {
        self.compression.begin(file)
    }

    fn write(body: &mut TextBody, chunk: Vec<u8>) -> io::Result<()> {
        body.write_all(&chunk)
    }

    fn end(body: TextBody) -> io::Result<File> {
        body.end()
    }

    fn shape(&self, path: &Path) -> io::Result<Vec<u8>> {
        if !self.format.header {
            return Ok(Vec::new());
        }
        let (mut header, mut quoted) = (Vec::new(), false);
        for byte in self.compression.open(path)?.bytes() {
            let byte = byte?;
            header.push(byte);
            quoted ^= byte == self.format.quote;
            if byte == b'\n' && !quoted {
                return Ok(header);
            }
            if header.len() == MAX_HEADER {
                break;
            }
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "the file has no header"))
    }

    fn merge(&self, header: &Vec<u8>, sources: &[PathBuf], file: File) -> io::Result<File> {
        let mut body = self.compression.begin(file)?;
        body.write_all(header)?;
        for source in sources {
            let mut rows = self.compression.open(source)?;
            io::copy(&mut rows.by_ref().take(header.len() as u64), &mut io::sink())?;
            copy_lines(&mut rows, &mut body)?;
        }
        body.end()
    }
}

/// Copies text that ends with its last line, so that what comes after it begins a line of its own.
fn copy_lines(from: &mut impl BufRead, to: &mut impl Write) -> io::Result<()> {
    let mut last = b'\n';
    loop {
        let text = match from.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            text => text?,
        };
        let Some(end) = text.last() else { break };
        last = *end;
        to.write_all(text)?;
        let length = text.len();
        from.consume(length);
    }
    if last == b'\n' {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "the last line of a file has no end"))
}

/// Appends rows until they make a chunk.
fn text<'r, R: 'r>(
    mut out: Vec<u8>,
    rows: &mut impl Iterator<Item = &'r R>,
    mut encode: impl FnMut(&R, &mut Vec<u8>),
) -> Vec<u8> {
    for row in rows {
        encode(row, &mut out);
        if out.len() >= CHUNK {
            break;
        }
    }
    out
}

/// A row's object without some columns.
struct Object<'a> {
    left_out: ColumnSet,
    writer: ObjectWriter<'a>,
}

impl Columns for Object<'_> {
    type Error = std::convert::Infallible;

    fn column<'a, T: Column, I>(&mut self, column: Place<T>, values: I) -> Result<(), Self::Error>
    where
        I: Iterator<Item = Option<T::View<'a>>> + Clone,
    {
        if !column.is_in(self.left_out) {
            values.flatten().for_each(|value| self.writer.write(column, value));
        }
        Ok(())
    }
}
