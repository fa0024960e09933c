//! `limit`: the first rows of a result.
//!
//! In append mode the result is all rows of the query's life, so how many have come out is state (Spark's `globalLimit`). In
//! complete mode it is what one batch puts out, and there is nothing to remember.

use crate::error::{Error, Result};
use crate::mode::Mode;
use crate::operator::windowing::NEVER;
use crate::state::codec;

use super::operator::Emitted;
use super::{OperatorChanges, OperatorMetrics, StateEntry};

/// The key group of the one count that there is.
const KEY_GROUP: u16 = 0;

/// How many rows come out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limit {
    /// All.
    None,
    /// At most so many of each batch.
    OfBatch(u64),
    /// At most so many of all batches together.
    OfQuery(u64),
}

/// How many rows have come out, which the first worker knows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PutOut {
    rows: u64,
    /// Whether the batch in progress has added to it.
    has_grown: bool,
}

impl Limit {
    pub(super) fn new(rows: u64, mode: Mode) -> Self {
        if mode == Mode::Append { Self::OfQuery(rows) } else { Self::OfBatch(rows) }
    }

    /// What it keeps, for the fingerprint; the number of rows isn't a part of it.
    pub(super) fn state_type(self) -> Option<String> {
        matches!(self, Self::OfQuery(_)).then(|| "() -> u64".to_owned())
    }

    /// Takes away the rows that are too many.
    pub(super) fn cut<O>(self, put_out: &mut PutOut, emitted: &mut Emitted<O>) {
        match self {
            Self::None => {}
            Self::OfBatch(rows) => truncate(&mut emitted.rows, rows),
            Self::OfQuery(rows) => {
                truncate(&mut emitted.rows, rows.saturating_sub(put_out.rows));
                put_out.rows += emitted.rows.len() as u64;
                put_out.has_grown = !emitted.rows.is_empty();
                let rows_total = u64::from(put_out.rows > 0);
                emitted.report.operators.push(OperatorMetrics {
                    rows_total,
                    rows_updated: u64::from(put_out.has_grown),
                    memory_used_bytes: rows_total * size_of::<u64>() as u64,
                    ..OperatorMetrics::default()
                });
            }
        }
    }

    /// Takes away the rows of a whole result, put out again, that are too many.
    pub(super) fn cut_standing<O>(self, rows: &mut Vec<O>) {
        if let Self::OfBatch(limit) = self {
            truncate(rows, limit);
        }
    }

    /// Writes down the count if the batch has changed it, and ends the batch.
    pub(super) fn settle(
        self,
        put_out: &mut PutOut,
        changes: Option<&mut Vec<OperatorChanges>>,
    ) -> Result<()> {
        let has_grown = std::mem::take(&mut put_out.has_grown);
        if let (Self::OfQuery(_), Some(all)) = (self, changes) {
            let mut changes = OperatorChanges::default();
            if has_grown {
                changes.put(KEY_GROUP, NEVER, &(), &put_out.rows)?;
            }
            all.push(changes);
        }
        Ok(())
    }
}

impl PutOut {
    pub(super) fn restore(&mut self, entry: StateEntry<'_>) -> Result<()> {
        self.rows = codec::decode(entry.value).map_err(|why| {
            Error::Other(format!("state holds a count of rows that can't be decoded: {why}").into())
        })?;
        Ok(())
    }
}

fn truncate<O>(rows: &mut Vec<O>, limit: u64) {
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
}
