//! [`DistinctValues`]: a hash map that is looked up borrowed and remembers the order of insertion.
//!
//! The order is that of each value's first row. Encoding and iteration follow it, so that neither a checkpoint
//! nor a result depends on where hashes fall.

use std::hash::BuildHasher;
use std::sync::LazyLock;

use hashbrown::HashTable;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::state::key::{Key, KeyHasher, OwnedKey};

/// Up to this many values are compared one by one: most groups of a stream are small, and need no index.
const UNINDEXED: usize = 8;

/// Differs in each process, so that nobody can send values that all hash alike. Nothing that leaves the process
/// depends on it.
static SEED: LazyLock<u64> = LazyLock::new(|| std::hash::RandomState::new().hash_one(0_u64));

/// Distinct values, each with `P`.
#[derive(Clone, Debug)]
pub(super) struct DistinctValues<K, P> {
    entries: Vec<(K, P)>,
    /// Positions in `entries`; empty while there are few.
    index: HashTable<u32>,
}

impl<K, P> Default for DistinctValues<K, P> {
    fn default() -> Self {
        Self { entries: Vec::new(), index: HashTable::new() }
    }
}

impl<K: OwnedKey, P> DistinctValues<K, P> {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Values in the order of their first rows.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(K, P)> {
        self.entries.iter()
    }

    pub(super) fn into_entries(self) -> Vec<(K, P)> {
        self.entries
    }

    fn find<Q: Key<Owned = K>>(&self, key: &Q) -> Option<usize> {
        if self.index.is_empty() {
            return self.entries.iter().position(|(known, _)| key.eq_owned(known));
        }
        let found = self.index.find(hash(key), |&at| key.eq_owned(&self.entries[at as usize].0));
        found.map(|&at| at as usize)
    }

    fn push(&mut self, key: K, payload: P) {
        self.entries.push((key, payload));
        if self.entries.len() <= UNINDEXED {
            return;
        }
        let entries = &self.entries;
        // All of them at first, then the one that is new.
        for (at, (key, _)) in entries.iter().enumerate().skip(self.index.len()) {
            let at = u32::try_from(at).expect("a group holds fewer than 2^32 values: memory ends first");
            self.index.insert_unique(hash(key), at, |&at| hash(&entries[at as usize].0));
        }
    }
}

impl<K: OwnedKey, P: Default> DistinctValues<K, P> {
    /// What belongs to the value, which is added if it's new; a known one costs no allocation.
    #[inline]
    pub(super) fn entry<Q: Key<Owned = K>>(&mut self, key: &Q) -> &mut P {
        let at = self.find(key).unwrap_or_else(|| {
            self.push(key.to_owned_key(), P::default());
            self.entries.len() - 1
        });
        &mut self.entries[at].1
    }

    /// Like [`entry`](Self::entry), of a value that is owned already.
    pub(super) fn entry_owned(&mut self, key: K) -> &mut P {
        let at = self.find(&key).unwrap_or_else(|| {
            self.push(key, P::default());
            self.entries.len() - 1
        });
        &mut self.entries[at].1
    }
}

fn hash(key: &impl Key) -> u64 {
    let mut hasher = KeyHasher::new(*SEED);
    key.hash_key(&mut hasher);
    hasher.finish()
}

impl<K: OwnedKey, P: Serialize> Serialize for DistinctValues<K, P> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.entries.serialize(serializer)
    }
}

impl<'de, K: OwnedKey, P: Deserialize<'de>> Deserialize<'de> for DistinctValues<K, P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut values = Self::default();
        for (key, payload) in Vec::<(K, P)>::deserialize(deserializer)? {
            if values.find(&key).is_some() {
                return Err(D::Error::custom("a value that should be distinct is there twice"));
            }
            values.push(key, payload);
        }
        Ok(values)
    }
}
