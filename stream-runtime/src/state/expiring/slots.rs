//! [`Slots`]: the entries of an [`ExpiringMap`](super::ExpiringMap) by number.
//!
//! An entry takes what its key, its value and its expiry take, and no more. The numbers of entries that are gone are
//! given out again.

use std::num::NonZeroU64;

use crate::state::blocks::Blocks;

/// No entry has this number.
const NONE: u32 = u32::MAX;

/// A key, its value, and when to look at it.
#[derive(Debug)]
pub(crate) struct Entry<K, V> {
    pub(crate) key: K,
    pub(crate) value: V,
    expiry: Expiry,
}

impl<K, V> Entry<K, V> {
    pub(super) fn new(key: K, value: V, expiry: i64) -> Self {
        Self { key, value, expiry: Expiry::new(expiry) }
    }

    /// When the entry expires.
    #[inline]
    pub(crate) fn expiry(&self) -> i64 {
        self.expiry.micros()
    }

    pub(super) fn set_expiry(&mut self, expiry: i64) {
        self.expiry = Expiry::new(expiry);
    }
}

/// An instant in µs, but not the first of all, which leaves a form for the slot that holds no entry. No key expires then:
/// a row of that time is late before any other has come.
#[derive(Clone, Copy, Debug)]
struct Expiry(NonZeroU64);

impl Expiry {
    #[inline]
    fn new(micros: i64) -> Self {
        Self(NonZeroU64::new(micros as u64 ^ (1 << 63)).unwrap_or(NonZeroU64::MIN))
    }

    #[inline]
    fn micros(self) -> i64 {
        (self.0.get() ^ (1 << 63)) as i64
    }
}

#[derive(Debug)]
enum Slot<K, V> {
    Held(Entry<K, V>),
    Free { next: u32 },
}

const _: () = assert!(size_of::<Slot<(i64, i64), ()>>() == 24);

/// Entries by number.
#[derive(Debug)]
pub(super) struct Slots<K, V> {
    slots: Blocks<Slot<K, V>>,
    /// The first of the free ones.
    free: u32,
}

impl<K, V> Default for Slots<K, V> {
    fn default() -> Self {
        Self { slots: Blocks::default(), free: NONE }
    }
}

impl<K, V> Slots<K, V> {
    pub(super) fn add(&mut self, entry: Entry<K, V>) -> u32 {
        match self.slots.get_mut(self.free) {
            Some(slot) => {
                let number = self.free;
                self.free = match std::mem::replace(slot, Slot::Held(entry)) {
                    Slot::Free { next } => next,
                    Slot::Held(_) => unreachable!("a slot in the list of free ones holds no entry"),
                };
                number
            }
            None => self.slots.push(Slot::Held(entry)),
        }
    }

    pub(super) fn remove(&mut self, number: u32) -> Option<Entry<K, V>> {
        let slot = self.slots.get_mut(number)?;
        match std::mem::replace(slot, Slot::Free { next: self.free }) {
            Slot::Held(entry) => {
                self.free = number;
                Some(entry)
            }
            free @ Slot::Free { .. } => {
                *slot = free;
                None
            }
        }
    }

    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&Entry<K, V>> {
        match self.slots.get(number)? {
            Slot::Held(entry) => Some(entry),
            Slot::Free { .. } => None,
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Entry<K, V>> {
        match self.slots.get_mut(number)? {
            Slot::Held(entry) => Some(entry),
            Slot::Free { .. } => None,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry<K, V>> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Held(entry) => Some(entry),
            Slot::Free { .. } => None,
        })
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.slots.allocated_bytes()
    }
}
