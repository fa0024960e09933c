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
    /// Puts and removals, one after the other.
    entries: Vec<Change>,
    /// The keys and values that the entries point into.
    bytes: Vec<u8>,
}

/// A put or a removal: where its encoded key and value end in the bytes of the changes.
#[derive(Clone, Copy, Debug)]
struct Change {
    key_group: u16,
    removed: bool,
    bucket: i64,
    key_end: usize,
    value_end: usize,
}

/// A put or a removal, as the checkpoint stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChangeRef<'a> {
    pub(crate) key_group: u16,
    pub(crate) bucket: i64,
    pub(crate) key: &'a [u8],
    /// `None`: the key is gone.
    pub(crate) value: Option<&'a [u8]>,
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
        self.put_with(key_group, bucket, key, |bytes| codec::encode_into(value, bytes))
    }

    /// A key has the value now that `encode` appends.
    pub(crate) fn put_with(
        &mut self,
        key_group: u16,
        bucket: i64,
        key: &impl Serialize,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        codec::encode_into(key, &mut self.bytes)?;
        let key_end = self.bytes.len();
        encode(&mut self.bytes)?;
        let value_end = self.bytes.len();
        self.entries.push(Change { key_group, removed: false, bucket, key_end, value_end });
        Ok(())
    }

    /// A key is gone, though its bucket isn't.
    pub fn remove(&mut self, key_group: u16, bucket: i64, key: &impl Serialize) -> Result<()> {
        codec::encode_into(key, &mut self.bytes)?;
        let key_end = self.bytes.len();
        self.entries.push(Change { key_group, removed: true, bucket, key_end, value_end: key_end });
        Ok(())
    }

    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.dropped_through.is_none()
    }

    /// The number of puts and removals.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of keys and values.
    pub fn encoded_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The puts and removals in the order in which they were made.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ChangeRef<'_>> {
        let mut start = 0;
        self.entries.iter().map(move |entry| {
            let from = std::mem::replace(&mut start, entry.value_end);
            entry.slice(from, &self.bytes)
        })
    }

    /// The puts and removals by key group; those of one group stay in the order in which they were made.
    pub(crate) fn by_key_group(&self) -> impl Iterator<Item = ChangeRef<'_>> {
        let mut order: Vec<u32> = (0..self.entries.len() as u32).collect();
        order.sort_by_key(|&index| self.entries[index as usize].key_group);
        order.into_iter().map(move |index| {
            let from = match index.checked_sub(1) {
                Some(before) => self.entries[before as usize].value_end,
                None => 0,
            };
            self.entries[index as usize].slice(from, &self.bytes)
        })
    }
}

impl Change {
    fn slice<'a>(&self, from: usize, bytes: &'a [u8]) -> ChangeRef<'a> {
        ChangeRef {
            key_group: self.key_group,
            bucket: self.bucket,
            key: &bytes[from..self.key_end],
            value: (!self.removed).then(|| &bytes[self.key_end..self.value_end]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_come_back_by_key_group_and_keep_their_order_within_one() {
        let mut changes = OperatorChanges::default();
        changes.put(7, 1, &1_u8, &10_u8).unwrap();
        changes.put(2, 1, &2_u8, &20_u8).unwrap();
        changes.remove(7, 1, &1_u8).unwrap();
        let found: Vec<_> = changes.by_key_group().map(|change| (change.key_group, change.value)).collect();
        assert_eq!(found, [(2, Some(&[20_u8][..])), (7, Some(&[10][..])), (7, None)]);
        assert_eq!(changes.iter().map(|change| change.key[0]).collect::<Vec<_>>(), [1, 2, 1]);
    }

    #[test]
    fn the_later_of_two_drops_holds() {
        let mut changes = OperatorChanges::default();
        assert!(changes.is_empty());
        changes.drop_through(5);
        changes.drop_through(3);
        assert_eq!(changes.dropped_through, Some(5));
        assert!(!changes.is_empty());
    }
}
