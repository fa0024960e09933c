//! [`JoinRows`]: the rows of one side of a stream–stream join, by the key on which they join.
//!
//! A row is two byte strings, its packed key and itself, and goes when the watermark reaches its own expiry; rows of a
//! key are met in the order in which they came, and evicting costs what is evicted. A row takes 24 bytes and what its
//! key and itself take, and no allocation: entries lie in a slab and form a ring per key, bytes lie in an arena that is
//! freed piece by piece as time goes on, and a table finds the first row of each key.
//!
//! Rows are named by number, so that one can go from row to row and change them on the way:
//!
//! ```text
//! let mut at = rows.first(hash, key);
//! while let Some(row) = at {
//!     if condition(rows.row(row)) {
//!         rows.set_matched(row);
//!     }
//!     at = rows.next(row);
//! }
//! ```
//!
//! A number is good until the row is dropped, or until the batch ends.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Place;

use self::arena::{Record, RowArena};
use self::slab::{Entry, Flag, NONE, Slab};
use super::calendar::Calendar;
use super::key::KeyHasher;
use crate::operator::windowing::NEVER;

mod arena;
mod slab;
mod stored;
#[cfg(test)]
mod tests;

pub(crate) use self::stored::StoredRow;

/// The hash of a packed key, by which a join finds rows and the checkpoint places them.
#[inline]
pub(crate) fn hash_packed(seed: u64, key: &[u8]) -> u64 {
    let mut hasher = KeyHasher::new(seed);
    hasher.write_bytes(key);
    hasher.finish()
}

/// The rows of one side of a join. Hashes that its methods take are those of [`hash_packed`], with its seed.
#[derive(Debug)]
pub(crate) struct JoinRows {
    seed: u64,
    /// The first row of each key.
    index: HashTable<u32>,
    rows: Slab,
    arena: RowArena,
    calendar: Calendar,
    len: usize,
    /// How many of the rows stay whatever the watermark.
    endless: usize,
    expired: Vec<u32>,
    changed: stored::Changed,
    /// First rows of keys whose rows came out of a checkpoint in another order than their own.
    disordered: Vec<u32>,
}

impl JoinRows {
    /// State of rows that mostly stay for `retention_micros` of event time.
    pub(crate) fn new(seed: u64, retention_micros: i64) -> Self {
        Self {
            seed,
            index: HashTable::new(),
            rows: Slab::default(),
            arena: RowArena::default(),
            calendar: Calendar::for_retention(retention_micros),
            len: 0,
            endless: 0,
            expired: Vec::new(),
            changed: stored::Changed::default(),
            disordered: Vec::new(),
        }
    }

    /// Adds a row behind those of its key. It goes when the watermark reaches `expiry`, in µs; with `NEVER` it stays.
    pub(crate) fn insert(&mut self, hash: u64, key: &[u8], expiry: i64, row: &[u8], matched: bool) -> u32 {
        let id = self.add(hash, expiry, matched, None, Record { ordinal: 0, key, row });
        self.rows[id].set(Flag::NEW);
        self.list(id);
        id
    }

    /// The first row of a key.
    #[inline]
    pub(crate) fn first(&self, hash: u64, key: &[u8]) -> Option<u32> {
        self.index.find(hash, |&first| self.key(first) == key).copied()
    }

    /// The row of the same key that came after this one.
    #[inline]
    pub(crate) fn next(&self, id: u32) -> Option<u32> {
        let next = self.rows[id].next;
        (!self.rows[next].is(Flag::FIRST)).then_some(next)
    }

    /// The bytes of a row.
    #[inline]
    pub(crate) fn row(&self, id: u32) -> &[u8] {
        self.record(id).row
    }

    /// The packed key of a row.
    #[inline]
    pub(crate) fn key(&self, id: u32) -> &[u8] {
        self.record(id).key
    }

    /// The watermark in µs at which a row goes.
    pub(crate) fn expiry(&self, id: u32) -> i64 {
        self.rows[id].expiry
    }

    /// Whether a row has matched.
    #[inline]
    pub(crate) fn is_matched(&self, id: u32) -> bool {
        self.rows[id].is(Flag::MATCHED)
    }

    /// Notes that a row has matched.
    #[inline]
    pub(crate) fn set_matched(&mut self, id: u32) {
        let entry = &mut self.rows[id];
        if !entry.is(Flag::MATCHED) {
            entry.set(Flag::MATCHED);
            self.list(id);
        }
    }

    /// Finds the rows whose expiry is at or before `watermark`, and adds them to `expired`. They can be read, and are met
    /// by `first` and `next`, until `drop_expired` or the end of the batch removes them; no row may be added
    /// before.
    pub(crate) fn expire(&mut self, watermark: i64) {
        // Rows that stay are in no calendar; the checkpoint has them in the bucket `NEVER`.
        let watermark = watermark.min(NEVER - 1);
        let Self { rows, calendar, expired, changed, .. } = self;
        calendar.advance(watermark, |id| {
            let entry = &mut rows[id];
            // The calendar may also lead to another row in the place of one that was removed.
            if !entry.stays() {
                return None;
            }
            if entry.expiry > watermark {
                return Some(entry.expiry);
            }
            entry.set(Flag::EXPIRED);
            if !entry.is(Flag::NEW) {
                changed.dropped_through = Some(watermark);
            }
            expired.push(id);
            None
        });
    }

    /// The rows that have expired and not yet been dropped, in no order that a restart would keep.
    pub(crate) fn expired(&self) -> &[u32] {
        &self.expired
    }

    /// Removes the rows that have expired.
    pub(crate) fn drop_expired(&mut self) {
        let mut expired = std::mem::take(&mut self.expired);
        for id in expired.drain(..) {
            self.forget(id);
        }
        self.expired = expired;
    }

    /// The number of rows, without those that have expired.
    pub(crate) fn len(&self) -> usize {
        self.len - self.expired.len()
    }

    /// The number of rows that a watermark will drop.
    pub(crate) fn expiring_len(&self) -> usize {
        self.len() - self.endless
    }

    /// Bytes held.
    pub(crate) fn allocated_bytes(&self) -> usize {
        self.rows.allocated_bytes()
            + self.index.allocation_size()
            + self.arena.allocated_bytes()
            + self.calendar.allocated_bytes()
            + self.changed.allocated_bytes()
            + self.expired.capacity() * size_of::<u32>()
    }

    #[inline]
    fn record(&self, id: u32) -> Record<'_> {
        self.arena.record(self.rows[id].place())
    }

    /// Adds a row at the end of its key's ring, with the ordinal that comes next or the one given.
    fn add(
        &mut self,
        hash: u64,
        expiry: i64,
        matched: bool,
        ordinal: Option<u64>,
        mut record: Record<'_>,
    ) -> u32 {
        let Self { seed, index, rows, arena, calendar, .. } = self;
        debug_assert_eq!(hash, hash_packed(*seed, record.key));
        let key = |first: u32| arena.record(rows[first].place()).key;
        let place =
            index.entry(hash, |&first| key(first) == record.key, |&first| hash_packed(*seed, key(first)));
        let last = match &place {
            Place::Occupied(place) => Some(rows[*place.get()].previous),
            Place::Vacant(_) => None,
        };
        let last_ordinal = last.map(|last| arena.record(rows[last].place()).ordinal);
        record.ordinal = ordinal.unwrap_or_else(|| last_ordinal.map_or(0, |ordinal| ordinal.wrapping_add(1)));

        // The calendar knows the number only once the entry is there, and the entry wants to know where its bytes are.
        let id = rows.add(Entry::new(expiry));
        let lane = if expiry == NEVER { 0 } else { 1 + calendar.push(expiry, id) };
        rows[id].set_place(arena.append(lane, calendar.span(expiry), record));
        if matched {
            rows[id].set(Flag::MATCHED);
        }
        match place {
            Place::Vacant(place) => {
                rows.make_ring(id);
                place.insert(id);
            }
            Place::Occupied(place) => {
                let first = *place.get();
                rows.link_before(first, id);
                if last_ordinal > Some(record.ordinal) {
                    self.disordered.push(first);
                }
            }
        }
        self.len += 1;
        self.endless += usize::from(expiry == NEVER);
        id
    }

    /// Takes a row out of its ring and gives up its bytes.
    fn forget(&mut self, id: u32) {
        let entry = self.rows[id];
        debug_assert!(entry.is(Flag::LIVE) && entry.next != NONE, "a row is forgotten once");
        let next = self.rows.unlink(id);
        if entry.is(Flag::FIRST) {
            let hash = hash_packed(self.seed, self.key(id));
            match (self.index.find_entry(hash, |&first| first == id), next) {
                (Ok(mut found), Some(next)) => *found.get_mut() = next,
                (Ok(found), None) => {
                    found.remove();
                }
                (Err(_), _) => debug_assert!(false, "the first row of a key is in the index"),
            }
        }
        self.arena.release(entry.place());
        self.rows.remove(id);
        self.len -= 1;
        self.endless -= usize::from(entry.expiry == NEVER);
    }

    /// Counts a row as touched by the batch.
    #[inline]
    fn list(&mut self, id: u32) {
        let entry = &mut self.rows[id];
        if !entry.is(Flag::LISTED) {
            entry.set(Flag::LISTED);
            self.changed.listed.push(id);
        }
    }
}
