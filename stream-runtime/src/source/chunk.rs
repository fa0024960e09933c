//! [`Chunk`]: what a split hands to the query, a megabyte or so at a time.

use std::fmt;

use crate::error::Result;
use crate::format::csv;
use crate::format::partition::PartitionValues;
use crate::plan::Wanted;

use super::Message;

/// Where a chunk begins.
#[derive(Clone, Copy, Debug)]
pub struct Position<'a> {
    /// The file, topic or address.
    pub source: &'a str,
    /// The line that the chunk begins with, from 1, after those of `lines_before`; 0 where lines have no meaning.
    pub line: u64,
    /// The byte offset in the source.
    pub offset: u64,
    /// Counts the lines before line 1, for a split that begins within a file.
    pub lines_before: Option<&'a dyn LinesBefore>,
    /// The message that this is about: `source` is then its topic, and `offset` is in its partition.
    pub message: Option<&'a Message<'a>>,
}

impl<'a> Position<'a> {
    /// Where a message is.
    pub fn of_message(message: &'a Message<'a>) -> Self {
        Self {
            source: message.topic,
            line: 0,
            // Offsets of messages that were fetched begin at 0.
            offset: u64::try_from(message.offset).unwrap_or(0),
            lines_before: None,
            message: Some(message),
        }
    }
}

impl Position<'_> {
    /// The line's number in the whole source, from 1; `None` where lines have no meaning or can't be counted.
    ///
    /// May read the file up to here: for messages, not for every row.
    pub fn line_number(&self) -> Option<u64> {
        if self.line == 0 {
            return None;
        }
        match self.lines_before {
            Some(before) => Some(before.lines_before()? + self.line),
            None => Some(self.line),
        }
    }
}

/// Counts the lines that lie before a split of a file, when a message needs a line's number: a file that several
/// workers read from several places isn't read once more just to number lines that nobody asks about.
pub trait LinesBefore: fmt::Debug + Sync {
    /// The number of lines before the split; `None` if they can't be counted any more.
    fn lines_before(&self) -> Option<u64>;
}

impl fmt::Display for Position<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(message) = self.message {
            let Message { topic, partition, offset, .. } = message;
            return write!(f, "topic `{topic}`, partition {partition}, offset {offset}");
        }
        f.write_str(self.source)?;
        if let Some(line) = self.line_number() {
            write!(f, ":{line}")?;
        }
        write!(f, " (byte {})", self.offset)
    }
}

/// Rows in one of the encodings that a query decodes.
#[derive(Debug)]
#[non_exhaustive]
pub enum Chunk<'a, R> {
    /// Complete lines of JSON, one object each; the last may lack its line end.
    Json {
        /// The lines.
        bytes: &'a [u8],
        /// Where they begin.
        at: Position<'a>,
    },
    /// The same, of a file whose directories hold some columns.
    #[doc(hidden)]
    JsonInPartition {
        /// The lines.
        bytes: &'a [u8],
        /// The columns that aren't in the lines.
        partition: &'a PartitionValues,
        /// Where they begin.
        at: Position<'a>,
    },
    /// Complete CSV records, without the header.
    Csv {
        /// The records.
        bytes: &'a [u8],
        /// Delimiter, quote and where each column is found.
        layout: &'a csv::Layout,
        /// Where they begin.
        at: Position<'a>,
    },
    /// Messages of a partition, in order.
    Messages(&'a [Message<'a>]),
    /// A batch of columns, found by the names of the row type's. Those that the query doesn't name needn't be there.
    #[cfg(feature = "arrow")]
    Columns {
        /// The columns.
        batch: &'a arrow_array::RecordBatch,
        /// The file.
        source: &'a str,
        /// The number of the first row in the file, from 1.
        row: u64,
    },
    /// The same, of a file whose directories hold some columns.
    #[cfg(feature = "arrow")]
    #[doc(hidden)]
    ColumnsInPartition {
        /// The columns.
        batch: &'a arrow_array::RecordBatch,
        /// Those that aren't among them.
        partition: &'a PartitionValues,
        /// The file.
        source: &'a str,
        /// The number of the first row in the file, from 1.
        row: u64,
    },
    /// Rows that needn't be read, since `where` lets none of them through: what the watermark has to know of them.
    #[cfg(feature = "arrow")]
    #[doc(hidden)]
    Pruned {
        /// How many rows.
        rows: u64,
        /// The earliest and the latest event time, unless they are all null or the query has no watermark.
        event_times: Option<(crate::time::Timestamp, crate::time::Timestamp)>,
    },
    /// Rows in memory.
    Rows(&'a [R]),
    /// Bytes that the source itself found to be no row, such as a line past the length limit.
    Malformed {
        /// The beginning of what was found.
        bytes: &'a [u8],
        /// Where it begins.
        at: Position<'a>,
        /// What is wrong.
        reason: &'a str,
    },
}

/// Takes the chunks of a split: the query's decoder and row function behind one dynamic call a chunk.
pub trait Rows<R> {
    /// What the query wants of the rows, for a split that can leave columns and rows out.
    fn wanted(&self) -> Wanted<'_> {
        Wanted::EVERYTHING
    }

    /// Decodes the chunk's rows and runs the query over them.
    ///
    /// # Errors
    /// [`Error::MalformedRow`](crate::Error::MalformedRow) if a row can't be decoded and the input's policy is
    /// to fail; pass it on.
    fn push(&mut self, chunk: Chunk<'_, R>) -> Result<()>;
}
