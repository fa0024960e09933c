//! [`Rejects`]: what becomes of the rows that a worker can't decode.

use crate::error::{Error, Result};
use crate::format::RowError;
use crate::source::{Header, MalformedRow, Message, OnMalformed, Position};
use crate::time::Timestamp;

/// What a worker does with malformed rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    Fail,
    Drop,
    Keep,
}

/// Counts a worker's rows, and deals with those that can't be decoded as the input's policy says.
#[derive(Clone, Debug)]
pub struct Rejects {
    policy: Policy,
    batch_time: Timestamp,
    /// Rows that were decoded.
    pub(crate) rows: u64,
    /// Rows that weren't read, since the query would have dropped them.
    pub(crate) left_out: u64,
    /// Rows that could not be decoded.
    pub(crate) malformed: u64,
    /// Those of them that the dead-letter sink gets.
    pub(crate) kept: Vec<MalformedRow>,
}

impl Rejects {
    /// Nothing counted yet, for a batch of this time.
    pub fn new(policy: &OnMalformed, batch_time: Timestamp) -> Self {
        let policy = match policy {
            OnMalformed::Fail => Policy::Fail,
            OnMalformed::Drop => Policy::Drop,
            OnMalformed::DeadLetter(_) => Policy::Keep,
        };
        Self { policy, batch_time, rows: 0, left_out: 0, malformed: 0, kept: Vec::new() }
    }

    /// Takes in a row that can't be decoded.
    #[cold]
    pub(crate) fn reject(&mut self, at: Position<'_>, bytes: &[u8], error: &RowError) -> Result<()> {
        self.take_in(&at, error, |reason, batch_time| MalformedRow {
            source: at.source.to_owned(),
            line: at.line_number().unwrap_or_default(),
            partition: at.message.map(|message| message.partition),
            offset: at.offset,
            key: at.message.and_then(|message| message.key).map(<[u8]>::to_vec),
            reason,
            bytes: bytes.to_vec(),
            tombstone: at.message.is_some_and(|message| message.value.is_none()),
            headers: at.message.map(headers).unwrap_or_default(),
            timestamp: at.message.and_then(|message| message.timestamp),
            batch_time,
        })
    }

    /// Takes in a row, by its number, of a file that has columns instead of lines.
    #[cfg(feature = "arrow")]
    #[cold]
    pub(crate) fn reject_row(
        &mut self,
        source: &str,
        row: u64,
        bytes: &[u8],
        error: &RowError,
    ) -> Result<()> {
        self.take_in(&format_args!("{source}, row {row}"), error, |reason, batch_time| MalformedRow {
            source: source.to_owned(),
            line: row,
            partition: None,
            offset: 0,
            key: None,
            reason,
            bytes: bytes.to_vec(),
            tombstone: false,
            headers: Vec::new(),
            timestamp: None,
            batch_time,
        })
    }

    fn take_in(
        &mut self,
        location: &dyn std::fmt::Display,
        error: &RowError,
        kept: impl FnOnce(String, Timestamp) -> MalformedRow,
    ) -> Result<()> {
        self.malformed += 1;
        let reason = error.to_string();
        match self.policy {
            Policy::Fail => return Err(Error::MalformedRow { location: location.to_string(), reason }),
            Policy::Drop => {}
            Policy::Keep => self.kept.push(kept(reason, self.batch_time)),
        }
        Ok(())
    }
}

fn headers(message: &Message<'_>) -> Vec<Header> {
    let mut headers = Vec::new();
    let shown = message.headers.for_each(&mut |key, value| {
        headers.push(Header { key: key.to_owned(), value: value.map(<[u8]>::to_vec) });
    });
    // Those that can't be read are the reason, or would hide it; a part of them would be taken for all.
    if shown.is_ok() { headers } else { Vec::new() }
}
