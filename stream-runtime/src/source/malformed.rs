//! What happens to rows that can't be decoded.

use std::fmt;

use crate::mode::Append;
use crate::sink::erased::AnySink;
use crate::sink::{Sink, Takes};
use crate::source::Header;
use crate::time::Timestamp;

/// A row that could not be decoded, as a dead-letter sink gets it.
#[derive(Clone, Debug, PartialEq, stream_macros::Schema)]
pub struct MalformedRow {
    /// The file, topic or address.
    pub source: String,
    /// The line, from 1; in Parquet and ORC the row; 0 where lines have no meaning.
    pub line: u64,
    /// The partition of the topic, if it is one.
    pub partition: Option<i32>,
    /// The byte offset in the source (in a compressed file that of its content; 0 in Parquet and ORC), or the message's offset in the
    /// partition.
    pub offset: u64,
    /// The message's key.
    pub key: Option<Vec<u8>>,
    /// What is wrong.
    pub reason: String,
    /// The row as it came: the value of a message, nothing for one without a value; of Parquet and ORC the columns that were read, as
    /// JSON.
    pub bytes: Vec<u8>,
    /// Whether it is a message without a value.
    pub tombstone: bool,
    /// The message's headers.
    pub headers: Vec<Header>,
    /// The message's timestamp.
    pub timestamp: Option<Timestamp>,
    /// The time of the batch that met the row.
    pub batch_time: Timestamp,
}

/// What happens to a row that can't be decoded. Whatever is chosen, such rows are counted in the progress
/// (`sources[].metrics.malformedRows`).
#[derive(Default)]
#[non_exhaustive]
pub enum OnMalformed {
    /// The batch fails, and with it the query; nothing of the batch is committed.
    #[default]
    Fail,
    /// The row is dropped and counted.
    Drop,
    /// The row goes to a sink of its own, within the batch's commit. See [`OnMalformed::dead_letter`].
    DeadLetter(DeadLetterSink),
}

impl OnMalformed {
    /// Sends the rows, with where they came from and what is wrong, to `sink`.
    pub fn dead_letter<S>(sink: S) -> Self
    where
        S: Sink<MalformedRow>,
        S::Modes: Takes<Append>,
    {
        Self::DeadLetter(DeadLetterSink(Box::new(sink)))
    }
}

impl fmt::Debug for OnMalformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fail => f.write_str("Fail"),
            Self::Drop => f.write_str("Drop"),
            Self::DeadLetter(sink) => write!(f, "DeadLetter({})", sink.0.describe()),
        }
    }
}

/// A sink for malformed rows.
pub struct DeadLetterSink(pub(crate) Box<dyn AnySink<MalformedRow>>);
