//! What a checkpoint holds of [`JoinRows`]: what a batch has changed, and how rows come back.
//!
//! A row is stored under its side, its packed key and its ordinal, which is one more than that of the row of the key
//! before it; its bucket is its expiry. Both sides' expiries are watermarks, so dropping a bucket drops it on both.

use serde::{Serialize, Serializer};

use super::arena::Record;
use super::slab::Flag;
use super::{JoinRows, hash_packed};
use crate::error::{Error, Result};
use crate::plan::{OperatorChanges, StateEntry, key_group};
use crate::state::codec;

/// What the batch in progress has changed.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// Rows that are new or have changed, each once; some of them may be gone.
    pub(super) listed: Vec<u32>,
    /// The watermark at which rows have expired that a checkpoint may hold.
    pub(super) dropped_through: Option<i64>,
}

impl Changed {
    pub(super) fn allocated_bytes(&self) -> usize {
        self.listed.capacity() * size_of::<u32>()
    }
}

/// Bytes that are encoded in one go.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// A row as a checkpoint holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoredRow<'a> {
    /// The side that `JoinRows::changes` was given.
    pub(crate) side: u8,
    /// The packed key. It may be any bytes if the checkpoint is damaged.
    pub(crate) key: &'a [u8],
    /// The row's place among those of its key.
    pub(crate) ordinal: u64,
    /// The watermark in µs at which it goes.
    pub(crate) expiry: i64,
    /// Whether it has matched.
    pub(crate) matched: bool,
    /// The row's bytes; as for the key, any bytes.
    pub(crate) row: &'a [u8],
}

impl<'a> StoredRow<'a> {
    /// Reads an entry of a checkpoint.
    ///
    /// # Errors
    /// If it isn't the entry of a row.
    pub(crate) fn decode(entry: &StateEntry<'a>) -> Result<Self> {
        let damaged = |what: &str, why: String| {
            Error::Other(format!("state holds {what} of a join that can't be decoded: {why}").into())
        };
        let (side, key, ordinal) =
            codec::decode_borrowed(entry.key).map_err(|why| damaged("the key of a row", why))?;
        let (matched, row) = codec::decode_borrowed(entry.value).map_err(|why| damaged("a row", why))?;
        Ok(Self { side, key, ordinal, expiry: entry.bucket, matched, row })
    }
}

impl JoinRows {
    /// Adds what the batch has changed. Both sides of a join may write to the same `changes`, as long as each batch expires
    /// both at the same watermark.
    pub(crate) fn changes(&self, changes: &mut OperatorChanges, side: u8) -> Result<()> {
        let Changed { listed, dropped_through } = &self.changed;
        if let &Some(through) = dropped_through {
            changes.drop_through(through);
        }
        for &id in listed {
            let entry = &self.rows[id];
            if entry.stays() {
                let Record { ordinal, key, row } = self.arena.record(entry.place());
                let value = (entry.is(Flag::MATCHED), Bytes(row));
                changes.put(self.key_group(key), entry.expiry, &(side, Bytes(key), ordinal), &value)?;
            }
        }
        Ok(())
    }

    fn key_group(&self, key: &[u8]) -> u16 {
        key_group(hash_packed(self.seed, key))
    }

    /// Ends the batch: drops what has expired, and nothing counts as changed any more. Ends the restoring of a checkpoint,
    /// too.
    pub(crate) fn settle(&mut self) {
        self.drop_expired();
        for id in self.changed.listed.drain(..) {
            let entry = &mut self.rows[id];
            entry.clear(Flag::LISTED);
            entry.clear(Flag::NEW);
        }
        self.changed.dropped_through = None;
        self.sort_disordered();
    }

    /// Adds a row that a checkpoint holds. Rows may come in any order; `settle` has to follow before they are read.
    pub(crate) fn restore(&mut self, hash: u64, stored: &StoredRow<'_>) {
        let &StoredRow { key, ordinal, expiry, matched, row, .. } = stored;
        self.add(hash, expiry, matched, Some(ordinal), Record { ordinal, key, row });
    }

    /// Puts the rows of each key in the order of their ordinals.
    fn sort_disordered(&mut self) {
        let mut keys = std::mem::take(&mut self.disordered);
        keys.sort_unstable();
        keys.dedup();
        for first in keys {
            let mut ring = vec![first];
            let mut at = first;
            while let Some(next) = self.next(at) {
                ring.push(next);
                at = next;
            }
            ring.sort_by_cached_key(|&id| self.record(id).ordinal);
            let hash = hash_packed(self.seed, self.key(first));
            if let Ok(mut found) = self.index.find_entry(hash, |&indexed| indexed == first) {
                *found.get_mut() = ring[0];
            }
            self.rows.link_ring(first, &ring);
        }
    }
}
