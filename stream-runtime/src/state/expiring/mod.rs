//! [`ExpiringMap`]: keys with a value, each of which expires at an instant of its own.
//!
//! For operators whose key doesn't fix the time (a session, a key seen within the watermark): a key is looked up without
//! knowing when it expires, and evicting costs what is evicted. Entries lie in one slab; a calendar of coarse
//! spans of time says which entries to look at when the watermark passes.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Place;

use self::slots::Slots;
use self::touched::Touched;
use super::calendar::Calendar;
use super::key::{Key, KeyHasher, OwnedKey};
use crate::operator::windowing::NEVER;

mod slots;
#[cfg(test)]
mod tests;
mod touched;

pub(crate) use self::slots::Entry;

/// What becomes of an entry that is due.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    Removed,
    /// It stays as it is, to be looked at again at the instant given.
    PutOff(i64),
    /// As `PutOff`, but its value has changed, so it counts as touched.
    Changed(i64),
}

/// Keys and values, and when to look whether they have expired.
#[derive(Debug)]
pub(crate) struct ExpiringMap<K, V> {
    seed: u64,
    index: HashTable<u32>,
    slots: Slots<K, V>,
    calendar: Calendar,
    touched: Touched,
    /// How many of the entries don't expire.
    endless: usize,
}

fn hash(seed: u64, key: &(impl Key + ?Sized)) -> u64 {
    let mut hasher = KeyHasher::new(seed);
    key.hash_key(&mut hasher);
    hasher.finish()
}

impl<K: OwnedKey, V> ExpiringMap<K, V> {
    /// A map of keys that mostly stay for `retention_micros` of event time. Hashes are those of `seed`.
    pub(crate) fn new(seed: u64, retention_micros: i64) -> Self {
        Self {
            seed,
            index: HashTable::new(),
            slots: Slots::default(),
            calendar: Calendar::for_retention(retention_micros),
            touched: Touched::default(),
            endless: 0,
        }
    }

    /// The hash of a key.
    #[inline]
    pub(crate) fn hash(&self, key: &(impl Key + ?Sized)) -> u64 {
        hash(self.seed, key)
    }

    /// The entry of a key, and whether it is new: then it holds what `value` gives, counts as touched by the batch, and
    /// expires at `expiry`.
    #[inline]
    pub(crate) fn find_or_insert<Q: Key<Owned = K> + ?Sized>(
        &mut self,
        given: u64,
        key: &Q,
        expiry: i64,
        value: impl FnOnce() -> V,
    ) -> (u32, bool) {
        let Self { seed, index, slots, .. } = self;
        debug_assert_eq!(given, hash(*seed, key));
        let place = index.entry(
            given,
            |&index| slots.get(index).is_some_and(|entry| key.eq_owned(&entry.key)),
            |&index| slots.get(index).map_or(0, |entry| hash(*seed, &entry.key)),
        );
        let place = match place {
            Place::Occupied(place) => return (*place.get(), false),
            Place::Vacant(place) => place,
        };
        let index = slots.add(Entry::new(key.to_owned_key(), value(), expiry));
        place.insert(index);
        self.endless += usize::from(expiry == NEVER);
        self.touched.add(index);
        self.schedule(index, expiry);
        (index, true)
    }

    #[inline]
    fn schedule(&mut self, index: u32, expiry: i64) {
        if expiry != NEVER {
            self.calendar.push(expiry, index);
        }
    }

    /// Lets an entry expire at `expiry` if that is earlier than it would.
    pub(crate) fn expire_by(&mut self, index: u32, expiry: i64) {
        if let Some(entry) = self.slots.get_mut(index)
            && expiry < entry.expiry()
        {
            let before = entry.expiry();
            entry.set_expiry(expiry);
            self.endless -= usize::from(before == NEVER);
            self.calendar.bring_forward(before, expiry, index);
        }
    }

    /// The value of an entry, which counts as touched by the batch.
    pub(crate) fn touch(&mut self, index: u32) -> Option<&mut V> {
        self.touch_entry(index).map(|(entry, _)| &mut entry.value)
    }

    /// An entry, which counts as touched by the batch, and whether it hasn't been so far.
    #[inline]
    pub(crate) fn touch_entry(&mut self, index: u32) -> Option<(&mut Entry<K, V>, bool)> {
        let entry = self.slots.get_mut(index)?;
        let is_first = self.touched.add(index);
        Some((entry, is_first))
    }

    /// An entry.
    pub(crate) fn get(&self, index: u32) -> Option<&Entry<K, V>> {
        self.slots.get(index)
    }

    /// An entry, to be changed without being touched.
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut Entry<K, V>> {
        self.slots.get_mut(index)
    }

    /// Takes out an entry that doesn't expire, with its hash.
    pub(crate) fn remove(&mut self, index: u32) -> Option<(u64, Entry<K, V>)> {
        let entry = self.slots.remove(index)?;
        self.endless -= usize::from(entry.expiry() == NEVER);
        let hash = self.hash(&entry.key);
        if let Ok(found) = self.index.find_entry(hash, |&other| other == index) {
            found.remove();
        }
        Some((hash, entry))
    }

    /// Calls `due` with each entry that expires at or before `watermark`, and hands those that it removes to `gone` with
    /// their hashes, at once.
    pub(crate) fn expire(
        &mut self,
        watermark: i64,
        mut due: impl FnMut(&mut Entry<K, V>) -> Due,
        mut gone: impl FnMut(u64, Entry<K, V>),
    ) {
        let Self { seed, index: by_key, slots, calendar, touched, endless } = self;
        let mut later = Vec::new();
        calendar.advance(watermark, |index| {
            let entry = slots.get_mut(index)?;
            if entry.expiry() > watermark {
                return Some(entry.expiry());
            }
            *endless -= usize::from(entry.expiry() == NEVER);
            match due(entry) {
                Due::Removed => {
                    let hash = hash(*seed, &entry.key);
                    if let Ok(found) = by_key.find_entry(hash, |&other| other == index) {
                        found.remove();
                    }
                    if let Some(entry) = slots.remove(index) {
                        gone(hash, entry);
                    }
                }
                Due::PutOff(expiry) => {
                    *endless += usize::from(expiry == NEVER);
                    entry.set_expiry(expiry);
                    later.push((index, expiry));
                }
                Due::Changed(expiry) => {
                    *endless += usize::from(expiry == NEVER);
                    entry.set_expiry(expiry);
                    touched.add(index);
                    later.push((index, expiry));
                }
            }
            None
        });
        for (index, expiry) in later {
            self.schedule(index, expiry);
        }
    }

    /// Ends the batch: nothing is touched any more. `each` sees every touched value once more.
    pub(crate) fn settle(&mut self, mut each: impl FnMut(&mut V)) {
        for &index in self.touched.numbers() {
            if let Some(entry) = self.slots.get_mut(index) {
                each(&mut entry.value);
            }
        }
        self.touched.clear();
    }

    /// How many entries the batch has touched, those that it has removed included.
    pub(crate) fn touched_count(&self) -> usize {
        self.touched.numbers().len()
    }

    /// The entries that the batch has touched and not removed.
    pub(crate) fn touched(&self) -> impl Iterator<Item = &Entry<K, V>> {
        self.touched.numbers().iter().filter_map(|&index| self.slots.get(index))
    }

    /// The places of the entries that the batch has touched, those that it has removed included.
    pub(crate) fn touched_places(&self) -> impl Iterator<Item = u32> {
        self.touched.numbers().iter().copied()
    }

    /// All entries.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry<K, V>> {
        self.slots.iter()
    }

    /// The number of entries.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// The number of entries that expire.
    pub(crate) fn expiring_len(&self) -> usize {
        self.len() - self.endless
    }

    /// Bytes held by the map itself, without what keys and values own on the heap.
    pub(crate) fn allocated_bytes(&self) -> usize {
        self.slots.allocated_bytes()
            + self.index.allocation_size()
            + self.touched.allocated_bytes()
            + self.calendar.allocated_bytes()
    }
}
