//! [`Slab`]: the fixed part of every row of a side of a join, by number.
//!
//! The numbers of entries that are gone are given out again.

use std::ops::{Index, IndexMut};

use super::arena::Place;
use crate::state::blocks::Blocks;

/// No entry has this number.
pub(super) const NONE: u32 = u32::MAX;

/// A row, but for its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// The watermark in µs at which the row goes.
    pub(super) expiry: i64,
    /// The row after it in the ring of its key: of the last row, the first. Of a free entry, another free one.
    pub(super) next: u32,
    /// The row before it in the ring: of the first row, the last.
    pub(super) previous: u32,
    chunk: u32,
    offset: u16,
    flags: u8,
}

const _: () = assert!(size_of::<Entry>() == 24);

/// What is so or not about a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flag(u8);

impl Flag {
    /// The entry holds a row.
    pub(super) const LIVE: Self = Self(1);
    /// The row is the first of its key.
    pub(super) const FIRST: Self = Self(1 << 1);
    /// The row has matched.
    pub(super) const MATCHED: Self = Self(1 << 2);
    /// The row came with the batch in progress: no checkpoint holds it.
    pub(super) const NEW: Self = Self(1 << 3);
    /// The number is in the list of those touched by the batch; also of an entry that holds no row any more.
    pub(super) const LISTED: Self = Self(1 << 4);
    /// The row has expired and is about to go.
    pub(super) const EXPIRED: Self = Self(1 << 5);
}

impl Entry {
    /// An entry in no ring, whose bytes have no place yet.
    pub(super) fn new(expiry: i64) -> Self {
        Self { expiry, next: NONE, previous: NONE, chunk: NONE, offset: 0, flags: Flag::LIVE.0 }
    }

    pub(super) fn set_place(&mut self, place: Place) {
        Place { chunk: self.chunk, offset: self.offset } = place;
    }

    /// Where its bytes are.
    #[inline]
    pub(super) fn place(&self) -> Place {
        Place { chunk: self.chunk, offset: self.offset }
    }

    #[inline]
    pub(super) fn is(&self, flag: Flag) -> bool {
        self.flags & flag.0 != 0
    }

    /// Whether it holds a row that has not expired.
    #[inline]
    pub(super) fn stays(&self) -> bool {
        self.flags & (Flag::LIVE.0 | Flag::EXPIRED.0) == Flag::LIVE.0
    }

    #[inline]
    pub(super) fn set(&mut self, flag: Flag) {
        self.flags |= flag.0;
    }

    #[inline]
    pub(super) fn clear(&mut self, flag: Flag) {
        self.flags &= !flag.0;
    }
}

/// Entries by number.
#[derive(Debug)]
pub(super) struct Slab {
    entries: Blocks<Entry>,
    /// The first of the free entries.
    free: u32,
}

impl Default for Slab {
    fn default() -> Self {
        Self { entries: Blocks::default(), free: NONE }
    }
}

impl Slab {
    /// Puts an entry in. It is listed if the one before in its place was.
    pub(super) fn add(&mut self, mut entry: Entry) -> u32 {
        if self.free != NONE {
            let number = self.free;
            let vacant = &mut self[number];
            if vacant.is(Flag::LISTED) {
                entry.set(Flag::LISTED);
            }
            let next = std::mem::replace(vacant, entry).next;
            self.free = next;
            return number;
        }
        self.entries.push(entry)
    }

    /// Makes an entry the only one of its ring.
    pub(super) fn make_ring(&mut self, only: u32) {
        let entry = &mut self[only];
        (entry.next, entry.previous) = (only, only);
        entry.set(Flag::FIRST);
    }

    /// Puts an entry into the ring of `first`, as the last one.
    pub(super) fn link_before(&mut self, first: u32, new: u32) {
        let last = std::mem::replace(&mut self[first].previous, new);
        self[last].next = new;
        let entry = &mut self[new];
        (entry.next, entry.previous) = (first, last);
    }

    /// Joins the entries of one ring anew, in the order given; `first` was its first one.
    pub(super) fn link_ring(&mut self, first: u32, ring: &[u32]) {
        self[first].clear(Flag::FIRST);
        let [new_first, rest @ ..] = ring else { return };
        self.make_ring(*new_first);
        for &number in rest {
            self.link_before(*new_first, number);
        }
    }

    /// Takes an entry out of its ring. Gives the entry after it, which is now the first if this one was; `None` if there
    /// is no other.
    pub(super) fn unlink(&mut self, number: u32) -> Option<u32> {
        let Entry { next, previous, .. } = self[number];
        if next == number {
            return None;
        }
        self[previous].next = next;
        self[next].previous = previous;
        if self[number].is(Flag::FIRST) {
            self[next].set(Flag::FIRST);
        }
        Some(next)
    }

    /// Frees the place of an entry.
    pub(super) fn remove(&mut self, number: u32) {
        let free = std::mem::replace(&mut self.free, number);
        let entry = &mut self[number];
        entry.flags &= Flag::LISTED.0;
        entry.next = free;
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.entries.allocated_bytes()
    }
}

impl Index<u32> for Slab {
    type Output = Entry;
    #[inline]
    fn index(&self, number: u32) -> &Entry {
        &self.entries[number]
    }
}

impl IndexMut<u32> for Slab {
    #[inline]
    fn index_mut(&mut self, number: u32) -> &mut Entry {
        &mut self.entries[number]
    }
}
