//! [`RecordReader`]: bytes to records, in buffers that every record reuses.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::{CsvFormat, Layout, Record};
use crate::format::RowError;

/// Reads one record after the other.
pub(crate) struct RecordReader {
    reader: Reader,
    format: CsvFormat,
    /// The unescaped cells, up to `length`.
    text: Vec<u8>,
    length: usize,
    /// The ends of the cells, up to `cells`.
    ends: Vec<usize>,
    cells: usize,
    quoted: Vec<bool>,
    /// Whether the record ran to the end of the input with line ends inside a quoted cell.
    unclosed: bool,
}

impl RecordReader {
    pub(crate) fn new(format: CsvFormat) -> Self {
        let reader = ReaderBuilder::new().delimiter(format.delimiter).quote(format.quote).build();
        Self {
            reader,
            format,
            text: vec![0; 1024],
            length: 0,
            ends: vec![0; 32],
            cells: 0,
            quoted: Vec::new(),
            unclosed: false,
        }
    }

    /// Reads the record at the start of `bytes`, and says how many bytes it took; `None` if there are no more.
    /// The last record may lack its line end.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Option<usize> {
        self.length = 0;
        self.cells = 0;
        let mut taken = 0;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            let (result, read, written, ends) =
                self.reader.read_record(rest, &mut self.text[self.length..], &mut self.ends[self.cells..]);
            taken += read;
            self.length += written;
            self.cells += ends;
            match result {
                // The reader learns of the end of its input by being given none.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => {
                    // A line end that didn't end the record, which only the end of the input did.
                    self.unclosed = rest.is_empty() && bytes.ends_with(b"\n");
                    break;
                }
                ReadRecordResult::End => return None,
            }
        }
        self.find_quoted(bytes.get(..taken).unwrap_or_default());
        Some(taken)
    }

    /// The cells of the record just read.
    pub(crate) fn cells(&self) -> Result<Vec<&str>, RowError> {
        let text = self.text()?;
        let mut start = 0;
        let cell = |end: &usize| {
            let cell = text.get(start..*end).ok_or_else(not_text);
            start = *end;
            cell
        };
        self.ends().iter().map(cell).collect()
    }

    /// The record just read, as a row of the layout's schema.
    pub(crate) fn record<'a>(&'a self, layout: &'a Layout) -> Result<Record<'a>, RowError> {
        if self.unclosed {
            return Err(RowError::new("a quoted cell isn't closed, and takes in every line after it"));
        }
        if self.cells != layout.cells() {
            return Err(RowError::new(format_args!(
                "the record has {} cells instead of {}; a cell with `{}` in it has to be quoted",
                self.cells,
                layout.cells(),
                char::from(self.format.delimiter),
            )));
        }
        Ok(Record { text: self.text()?, ends: self.ends(), quoted: &self.quoted, layout })
    }

    fn text(&self) -> Result<&str, RowError> {
        std::str::from_utf8(&self.text[..self.length]).map_err(|_| not_text())
    }

    fn ends(&self) -> &[usize] {
        &self.ends[..self.cells]
    }

    /// Finds out which cells were quoted, if that makes a difference: only empty ones are told apart by it.
    fn find_quoted(&mut self, raw: &[u8]) {
        self.quoted.clear();
        let ends = &self.ends[..self.cells];
        let has_empty = ends.first() == Some(&0) || ends.windows(2).any(|pair| pair[0] == pair[1]);
        if !has_empty || memchr::memchr(self.format.quote, raw).is_none() {
            return;
        }
        let CsvFormat { delimiter, quote, .. } = self.format;
        let mut rest = skip_line_ends(raw);
        while self.quoted.len() < self.cells {
            let is_quoted = rest.first() == Some(&quote);
            self.quoted.push(is_quoted);
            if is_quoted {
                rest = after_quoted(&rest[1..], quote);
            }
            match memchr::memchr(delimiter, rest) {
                Some(at) => rest = &rest[at + 1..],
                None => break,
            }
        }
    }
}

/// What follows the quote that ends a quoted cell; two quotes in a row are a quote in the cell.
fn after_quoted(mut rest: &[u8], quote: u8) -> &[u8] {
    while let Some(at) = memchr::memchr(quote, rest) {
        rest = &rest[at + 1..];
        match rest.split_first() {
            Some((next, after)) if *next == quote => rest = after,
            _ => return rest,
        }
    }
    &[]
}

#[cold]
fn not_text() -> RowError {
    RowError::new("the record isn't UTF-8")
}

/// Passes over line ends before a record: those of blank lines, and the `\n` of a `\r\n`.
pub(crate) fn skip_line_ends(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len());
    &bytes[start..]
}
