//! [`Latest`]: of the rows of a batch that have one key, the last.
//!
//! One `INSERT … ON CONFLICT` can't change a row twice.

use hashbrown::HashTable;

use crate::state::key::KeyHasher;

/// Which rows of a batch a later one doesn't replace.
#[derive(Debug)]
pub(super) struct Latest {
    /// That of the hash: keys come from outside, and nobody should be able to choose many that collide.
    seed: u64,
    /// The keys, one behind the other.
    keys: Vec<u8>,
    /// For each row, where its key ends.
    ends: Vec<usize>,
    index: HashTable<usize>,
    replaced: Vec<bool>,
}

impl Latest {
    pub(super) fn new() -> Self {
        let (seed, _) = uuid::Uuid::new_v4().as_u64_pair();
        Self { seed, keys: Vec::new(), ends: Vec::new(), index: HashTable::new(), replaced: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.ends.clear();
        self.index.clear();
        self.replaced.clear();
    }

    /// Takes the next row, with its key in parts whose bytes say where they end.
    pub(super) fn add<'a>(&mut self, key: impl Iterator<Item = &'a [u8]>) {
        let start = self.keys.len();
        key.for_each(|part| self.keys.extend_from_slice(part));
        let row = self.ends.len();
        self.ends.push(self.keys.len());
        self.replaced.push(false);
        let Self { seed, keys, ends, index, replaced } = self;
        let key = |row: usize| {
            let start = row.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
            ends.get(row).and_then(|end| keys.get(start..*end)).unwrap_or_default()
        };
        let hash = hash(*seed, keys.get(start..).unwrap_or_default());
        if let Some(earlier) = index.find_mut(hash, |other| key(*other) == key(row)) {
            if let Some(replaced) = replaced.get_mut(*earlier) {
                *replaced = true;
            }
            *earlier = row;
        } else {
            index.insert_unique(hash, row, |other| self::hash(*seed, key(*other)));
        }
    }

    /// Whether a later row has the key of this one.
    pub(super) fn is_replaced(&self, row: usize) -> bool {
        self.replaced.get(row).copied().unwrap_or(false)
    }
}

fn hash(seed: u64, key: &[u8]) -> u64 {
    let mut hasher = KeyHasher::new(seed);
    hasher.write_bytes(key);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_row_of_each_key_stays() {
        let mut latest = Latest::new();
        for _ in 0..2 {
            latest.clear();
            for key in ["a", "b", "a", "c", "a", "b", ""] {
                latest.add(std::iter::once(key.as_bytes()));
            }
            let replaced: Vec<_> = (0..8).filter(|row| latest.is_replaced(*row)).collect();
            assert_eq!(replaced, [0, 1, 2]);
        }
    }
}
