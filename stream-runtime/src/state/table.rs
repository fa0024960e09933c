//! [`Table`]: the groups of one bucket of time, key to accumulator.
//!
//! Entries lie in insertion order in one vector and are never removed one by one: a closed bucket is dropped
//! whole. The table remembers which entries the batch in progress has touched, which is what update mode
//! emits and what the checkpoint stores.

use hashbrown::HashTable;

use super::key::{Key, OwnedKey};

/// A group: its key, its accumulator, and the batch that last touched it.
#[derive(Debug)]
pub(crate) struct Entry<K, A> {
    pub(crate) hash: u64,
    touched_in: u64,
    pub(crate) key: K,
    pub(crate) accumulator: A,
}

/// Keys and accumulators of one bucket.
#[derive(Debug)]
pub(crate) struct Table<K, A> {
    index: HashTable<u32>,
    entries: Vec<Entry<K, A>>,
    touched: Vec<u32>,
    /// When the bucket closes, in µs.
    pub(super) expiry: i64,
    /// The batch that last opened this table.
    pub(super) opened_in: u64,
    /// How many of the entries are in the total of [`Buckets`](super::buckets::Buckets).
    pub(super) counted: usize,
    /// How many of its bytes are.
    pub(super) counted_bytes: usize,
}

impl<K, A> Default for Table<K, A> {
    fn default() -> Self {
        Self {
            index: HashTable::new(),
            entries: Vec::new(),
            touched: Vec::new(),
            expiry: 0,
            opened_in: UNTOUCHED,
            counted: 0,
            counted_bytes: 0,
        }
    }
}

impl<K: OwnedKey, A: Default> Table<K, A> {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn entries(&self) -> &[Entry<K, A>] {
        &self.entries
    }

    pub(crate) fn into_entries(self) -> Vec<Entry<K, A>> {
        self.entries
    }

    /// The entries that the batch in progress has touched, each once.
    pub(crate) fn touched(&self) -> impl ExactSizeIterator<Item = &Entry<K, A>> {
        self.touched.iter().map(|&index| &self.entries[index as usize])
    }

    /// Forgets what was touched, at the end of a batch.
    pub(crate) fn settle(&mut self) {
        self.touched.clear();
    }

    /// Bytes held by the table itself, without what keys and accumulators own on the heap.
    pub(crate) fn allocated_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry<K, A>>()
            + self.index.allocation_size()
            + self.touched.capacity() * 4
    }

    /// The accumulator of `key`, new if the key is, marked as touched by `batch`.
    #[inline]
    pub(crate) fn touch<Q: Key<Owned = K>>(&mut self, batch: u64, hash: u64, key: &Q) -> &mut A {
        let entries = &self.entries;
        let found = self.index.find(hash, |&index| {
            let entry = &entries[index as usize];
            entry.hash == hash && key.eq_owned(&entry.key)
        });
        let index = match found {
            Some(&index) => index,
            None => self.insert(hash, key.to_owned_key(), A::default()),
        };
        let entry = &mut self.entries[index as usize];
        if entry.touched_in != batch {
            entry.touched_in = batch;
            self.touched.push(index);
        }
        &mut entry.accumulator
    }

    /// Puts what a checkpoint holds of a key, in place of what was there.
    pub(crate) fn restore(&mut self, hash: u64, key: K, accumulator: A) {
        let entries = &self.entries;
        let found = self.index.find(hash, |&index| entries[index as usize].key.eq_owned(&key));
        match found {
            Some(&index) => self.entries[index as usize].accumulator = accumulator,
            None => {
                self.insert(hash, key, accumulator);
            }
        }
    }

    #[cold]
    fn insert(&mut self, hash: u64, key: K, accumulator: A) -> u32 {
        let index = u32::try_from(self.entries.len())
            .expect("a bucket holds fewer than 2^32 groups: memory ends first");
        self.entries.push(Entry { hash, touched_in: UNTOUCHED, key, accumulator });
        let entries = &self.entries;
        self.index.insert_unique(hash, index, |&index| entries[index as usize].hash);
        index
    }
}

/// No batch has this id.
pub(super) const UNTOUCHED: u64 = u64::MAX;
