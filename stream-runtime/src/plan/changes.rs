//! How a batch has changed the state, in the form that the checkpoint stores.

use serde::Serialize;

use crate::error::Result;
use crate::state::codec;

/// Key groups: the unit in which state is owned by workers and found in the checkpoint. A fixed number, so
/// that the number of workers may change between runs.
pub(crate) const KEY_GROUPS: u16 = 128;

/// The key group of a key's hash.
pub(crate) fn key_group(hash: u64) -> u16 {
    // Not the bits that the hash table uses (the lowest and the highest seven).
    ((hash >> 40) % u64::from(KEY_GROUPS)) as u16
}

/// The worker that owns a key.
pub(crate) fn owner(hash: u64, workers: usize) -> usize {
    usize::from(key_group(hash)) * workers / usize::from(KEY_GROUPS)
}

/// The changes of one operator in one batch.
#[derive(Debug, Default)]
pub struct OperatorChanges {
    /// Everything in buckets that expire at or before this was removed, before the `puts`.
    pub(crate) dropped_through: Option<i64>,
    /// Encoded puts, one after the other: bucket, key, value.
    pub(crate) puts: Vec<Put>,
    /// The bytes that the puts point into.
    pub(crate) bytes: Vec<u8>,
}

/// A put: where its encoded key and value end in the bytes of the changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Put {
    pub(crate) key_group: u16,
    pub(crate) bucket: i64,
    pub(crate) key_end: usize,
    pub(crate) value_end: usize,
}

/// A live entry of the checkpoint's state.
#[derive(Clone, Copy, Debug)]
pub struct StateEntry<'a> {
    /// The bucket's expiry in µs.
    pub bucket: i64,
    /// The encoded key.
    pub key: &'a [u8],
    /// The encoded value.
    pub value: &'a [u8],
}

impl OperatorChanges {
    /// Everything in buckets that expire at or before `bucket` is gone.
    pub fn drop_through(&mut self, bucket: i64) {
        self.dropped_through = Some(self.dropped_through.map_or(bucket, |before| before.max(bucket)));
    }

    /// A key has this value now.
    pub fn put(
        &mut self,
        key_group: u16,
        bucket: i64,
        key: &impl Serialize,
        value: &impl Serialize,
    ) -> Result<()> {
        codec::encode_into(key, &mut self.bytes)?;
        let key_end = self.bytes.len();
        codec::encode_into(value, &mut self.bytes)?;
        self.puts.push(Put { key_group, bucket, key_end, value_end: self.bytes.len() });
        Ok(())
    }
}
