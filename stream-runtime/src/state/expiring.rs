//! [`ExpiringMap`]: keys with a value, each of which expires at an instant of its own.
//!
//! For operators whose key doesn't fix the time (a session, a key seen within the watermark): a key is looked up without
//! knowing when it expires, and evicting costs what is evicted. Entries lie in one slab; a calendar of coarse
//! spans of time says which entries to look at when the watermark passes.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Place;

use super::calendar::{Calendar, span};
use super::key::{Key, OwnedKey};
use crate::operator::windowing::NEVER;

#[derive(Debug)]
pub(crate) struct Entry<K, V> {
    pub(crate) hash: u64,
    pub(crate) key: K,
    pub(crate) value: V,
    touched_in: u64,
    /// When to look at the entry; `NEVER` for one that stays.
    expiry: i64,
}

impl<K, V> Entry<K, V> {
    /// When the entry expires.
    pub(crate) fn expiry(&self) -> i64 {
        self.expiry
    }
}

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
    index: HashTable<u32>,
    slab: Vec<Option<Entry<K, V>>>,
    free: Vec<u32>,
    calendar: Calendar,
    touched: Vec<u32>,
    batch: u64,
}

impl<K, V> Default for ExpiringMap<K, V> {
    fn default() -> Self {
        Self {
            index: HashTable::new(),
            slab: Vec::new(),
            free: Vec::new(),
            calendar: Calendar::default(),
            touched: Vec::new(),
            batch: 0,
        }
    }
}

impl<K: OwnedKey, V> ExpiringMap<K, V> {
    /// Starts a batch.
    pub(crate) fn begin(&mut self, batch: u64) {
        self.batch = batch;
    }

    /// The entry of a key, and whether it is new: then it holds what `value` gives, counts as touched by the batch, and
    /// expires at `expiry`.
    #[inline]
    pub(crate) fn find_or_insert<Q: Key<Owned = K> + ?Sized>(
        &mut self,
        hash: u64,
        key: &Q,
        expiry: i64,
        value: impl FnOnce() -> V,
    ) -> (u32, bool) {
        let Self { index, slab, free, .. } = self;
        let place = index.entry(
            hash,
            |&index| {
                let entry = slab[index as usize].as_ref();
                entry.is_some_and(|entry| entry.hash == hash && key.eq_owned(&entry.key))
            },
            |&index| slab[index as usize].as_ref().map_or(0, |entry| entry.hash),
        );
        let place = match place {
            Place::Occupied(place) => return (*place.get(), false),
            Place::Vacant(place) => place,
        };
        let entry =
            Some(Entry { hash, key: key.to_owned_key(), value: value(), touched_in: self.batch, expiry });
        let index = match free.pop() {
            Some(index) => {
                slab[index as usize] = entry;
                index
            }
            None => {
                slab.push(entry);
                u32::try_from(slab.len() - 1).expect("fewer than 2^32 keys: memory ends first")
            }
        };
        place.insert(index);
        self.touched.push(index);
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
        if let Some(Some(entry)) = self.slab.get_mut(index as usize)
            && expiry < entry.expiry
        {
            let is_under_another = span(expiry) != span(entry.expiry);
            entry.expiry = expiry;
            if is_under_another {
                self.schedule(index, expiry);
            }
        }
    }

    /// The value of an entry, which counts as touched by the batch.
    pub(crate) fn touch(&mut self, index: u32) -> Option<&mut V> {
        self.touch_entry(index).map(|(entry, _)| &mut entry.value)
    }

    /// An entry, which counts as touched by the batch, and whether it hasn't been so far.
    pub(crate) fn touch_entry(&mut self, index: u32) -> Option<(&mut Entry<K, V>, bool)> {
        let entry = self.slab.get_mut(index as usize)?.as_mut()?;
        let is_first = entry.touched_in != self.batch;
        if is_first {
            entry.touched_in = self.batch;
            self.touched.push(index);
        }
        Some((entry, is_first))
    }

    /// An entry.
    pub(crate) fn get(&self, index: u32) -> Option<&Entry<K, V>> {
        self.slab.get(index as usize)?.as_ref()
    }

    /// An entry, to be changed without being touched.
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut Entry<K, V>> {
        self.slab.get_mut(index as usize)?.as_mut()
    }

    /// Takes out an entry that doesn't expire.
    pub(crate) fn remove(&mut self, index: u32) -> Option<Entry<K, V>> {
        let entry = self.slab.get_mut(index as usize)?.take()?;
        if let Ok(found) = self.index.find_entry(entry.hash, |&other| other == index) {
            found.remove();
        }
        self.free.push(index);
        Some(entry)
    }

    /// Calls `due` with each entry that expires at or before `watermark`, and hands those that it removes to `gone`, at
    /// once.
    pub(crate) fn expire(
        &mut self,
        watermark: i64,
        mut due: impl FnMut(&mut Entry<K, V>) -> Due,
        mut gone: impl FnMut(Entry<K, V>),
    ) {
        let mut later = Vec::new();
        while let Some((this_span, indices)) = self.calendar.pop_through(watermark) {
            for index in indices {
                let Some(slot) = self.slab.get_mut(index as usize) else { continue };
                let Some(entry) = slot else { continue };
                if span(entry.expiry) != this_span {
                    // It is in the calendar a second time, at its true expiry.
                    continue;
                }
                if entry.expiry > watermark {
                    later.push((index, entry.expiry));
                    continue;
                }
                match due(entry) {
                    Due::Removed => {
                        if let Ok(found) = self.index.find_entry(entry.hash, |&other| other == index) {
                            found.remove();
                        }
                        self.free.push(index);
                        if let Some(entry) = slot.take() {
                            gone(entry);
                        }
                    }
                    Due::PutOff(expiry) => {
                        entry.expiry = expiry;
                        later.push((index, expiry));
                    }
                    Due::Changed(expiry) => {
                        entry.expiry = expiry;
                        if entry.touched_in != self.batch {
                            entry.touched_in = self.batch;
                            self.touched.push(index);
                        }
                        later.push((index, expiry));
                    }
                }
            }
        }
        for (index, expiry) in later {
            self.schedule(index, expiry);
        }
    }

    /// Ends the batch: nothing is touched any more. `each` sees every touched value once more.
    pub(crate) fn settle(&mut self, mut each: impl FnMut(&mut V)) {
        for index in self.touched.drain(..) {
            if let Some(Some(entry)) = self.slab.get_mut(index as usize) {
                each(&mut entry.value);
            }
        }
    }

    /// How many entries the batch has touched, those that it has removed included.
    pub(crate) fn touched_count(&self) -> usize {
        self.touched.len()
    }

    /// The entries that the batch has touched and not removed.
    pub(crate) fn touched(&self) -> impl Iterator<Item = &Entry<K, V>> {
        self.touched.iter().filter_map(|&index| self.slab.get(index as usize)?.as_ref())
    }

    /// The places of the entries that the batch has touched, those that it has removed included.
    pub(crate) fn touched_places(&self) -> impl Iterator<Item = u32> {
        self.touched.iter().copied()
    }

    /// All entries.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry<K, V>> {
        self.slab.iter().flatten()
    }

    /// The number of entries.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Bytes held by the map itself, without what keys and values own on the heap.
    pub(crate) fn allocated_bytes(&self) -> usize {
        self.slab.capacity() * size_of::<Option<Entry<K, V>>>()
            + self.index.allocation_size()
            + (self.free.capacity() + self.touched.capacity()) * size_of::<u32>()
            + self.calendar.allocated_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(expiries: &[i64]) -> ExpiringMap<(u64,), ()> {
        let mut map = ExpiringMap::default();
        for (key, &expiry) in expiries.iter().enumerate() {
            map.find_or_insert(key as u64, &(key as u64,), expiry, || ());
        }
        map
    }

    fn holds(map: &ExpiringMap<(u64,), ()>, key: u64) -> bool {
        map.iter().any(|entry| entry.key == (key,))
    }

    fn expire(map: &mut ExpiringMap<(u64,), ()>, watermark: i64) -> Vec<u64> {
        let mut gone = Vec::new();
        map.expire(watermark, |_| Due::Removed, |entry| gone.push(entry.key.0));
        gone
    }

    #[test]
    fn expiry_is_exact_within_a_span_of_the_calendar() {
        let mut map = map(&[5, 7, 6, 3_000_000]);
        assert_eq!(expire(&mut map, 6), [0, 2]);
        assert_eq!(map.len(), 2);
        assert!(expire(&mut map, 6).is_empty());
        assert_eq!(expire(&mut map, 7), [1]);
        assert!(expire(&mut map, 2_999_999).is_empty());
        assert_eq!(expire(&mut map, i64::MAX), [3]);
    }

    #[test]
    fn a_place_in_the_slab_is_used_again_and_the_key_that_left_it_is_gone() {
        let mut map = map(&[1]);
        expire(&mut map, 1);
        assert!(!holds(&map, 0));
        assert_eq!(map.find_or_insert(9, &(9_u64,), 50, || ()), (0, true));
        assert_eq!(map.slab.len(), 1);
        assert_eq!(map.find_or_insert(9, &(9_u64,), 60, || ()), (0, false));
        assert_eq!(map.find_or_insert(0, &(0_u64,), 50, || ()), (1, true), "a key that is gone is new again");
    }

    #[test]
    fn an_entry_that_is_put_off_or_brought_forward_expires_once() {
        let mut map = map(&[9_000_000, 9_000_001]);
        map.expire_by(0, 5);
        let mut calls = 0;
        let put_off = |entry: &mut Entry<(u64,), ()>| {
            calls += 1;
            if entry.expiry() < 8_000_000 { Due::Changed(8_000_000) } else { Due::Removed }
        };
        map.expire(5, put_off, |_| unreachable!("it was put off"));
        assert_eq!(calls, 1);
        assert_eq!(map.touched().count(), 2, "both are new, and the one put off is touched once");
        assert_eq!(expire(&mut map, 8_000_000), [0]);
        assert_eq!(expire(&mut map, 9_000_001), [1]);
        assert!(map.calendar.pop_through(i64::MAX).is_none() && map.len() == 0);
    }

    #[test]
    fn an_entry_that_is_put_off_is_touched_only_if_its_value_has_changed() {
        let mut map = map(&[5, 6]);
        map.settle(|()| {});
        map.begin(1);
        map.expire(5, |_| Due::PutOff(100), |_| unreachable!("it was put off"));
        assert_eq!(map.touched().count(), 0);
        map.expire(6, |_| Due::Changed(101), |_| unreachable!("it was put off"));
        assert_eq!(map.touched().map(|entry| entry.key.0).collect::<Vec<_>>(), [1]);
        assert_eq!(expire(&mut map, 101), [0, 1]);
    }

    #[test]
    fn a_calendar_entry_left_behind_by_a_new_expiry_is_dropped_and_not_carried_on() {
        let mut map = map(&[9_000_000]);
        for earlier in [8_000_000, 6_000_000, 4_000_000] {
            map.expire_by(0, earlier);
        }
        map.expire(4_000_000, |_| Due::PutOff(50_000_000), |_| unreachable!("it was put off"));
        assert!(expire(&mut map, 20_000_000).is_empty());
        let (_, left) = map.calendar.pop_through(i64::MAX).expect("the entry is under its new span");
        assert_eq!(left, [0]);
        assert!(map.calendar.pop_through(i64::MAX).is_none());
    }

    #[test]
    fn a_calendar_entry_of_a_key_that_is_gone_leaves_the_next_key_in_its_place_alone() {
        // The second key expires in the span in which the first one was to expire, and a third one later.
        for (next, watermark) in [(9_000_001, 9_000_000), (30_000_000, 20_000_000)] {
            let mut map = map(&[9_000_000]);
            map.expire_by(0, 5);
            assert_eq!(expire(&mut map, 5), [0]);
            let (index, _) = map.find_or_insert(7, &(7_u64,), next, || ());
            assert_eq!(index, 0, "the place is used again");
            assert!(expire(&mut map, watermark).is_empty());
            assert_eq!(expire(&mut map, next), [7]);
            assert!(map.calendar.pop_through(i64::MAX).is_none() && map.len() == 0);
        }
    }

    #[test]
    fn negative_times_have_spans_of_their_own() {
        let mut map = map(&[-1, 0]);
        assert_eq!(expire(&mut map, -1), [0]);
    }
}
