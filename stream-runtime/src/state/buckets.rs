//! [`Buckets`]: the tables of an aggregation by the instant at which they expire.

use std::collections::BTreeMap;

use super::key::OwnedKey;
use super::table::Table;
use crate::operator::windowing::NEVER;

/// As many windows as a row of a sliding query mostly has, and more.
const RECENT: usize = 64;

/// Tables by expiry, with the last few used at hand: rows of a stream mostly fall into the buckets that the
/// rows before them fell into.
#[derive(Debug)]
pub(crate) struct Buckets<K, A> {
    by_expiry: BTreeMap<i64, usize>,
    slots: Vec<Table<K, A>>,
    free: Vec<usize>,
    recent: [(i64, usize); RECENT],
    /// Slots of the tables that the batch in progress has opened.
    opened: Vec<usize>,
    batch: u64,
    groups: u64,
    bytes: u64,
}

/// No bucket expires at the beginning of time.
const VACANT: (i64, usize) = (i64::MIN, usize::MAX);

impl<K, A> Default for Buckets<K, A> {
    fn default() -> Self {
        Self {
            by_expiry: BTreeMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            recent: [VACANT; RECENT],
            opened: Vec::new(),
            batch: 0,
            groups: 0,
            bytes: 0,
        }
    }
}

impl<K: OwnedKey, A: Default> Buckets<K, A> {
    /// Starts a batch: nothing is touched yet.
    pub(crate) fn begin(&mut self, batch: u64) {
        self.batch = batch;
    }

    /// The table that expires at `expiry`; `None` if that is at or before `closed`. In one batch `closed` is the same
    /// for every row: what has been opened once is at hand without another look.
    /// `near` is any number that mostly differs between neighbouring buckets.
    #[inline]
    pub(crate) fn open(&mut self, near: usize, expiry: i64, closed: i64) -> Option<&mut Table<K, A>> {
        let (recent, slot) = self.recent[near % RECENT];
        if recent == expiry && slot != usize::MAX {
            return self.slots.get_mut(slot);
        }
        self.find_or_open(near, expiry, closed)
    }

    #[cold]
    fn find_or_open(&mut self, near: usize, expiry: i64, closed: i64) -> Option<&mut Table<K, A>> {
        if expiry <= closed {
            return None;
        }
        let slot = match self.by_expiry.get(&expiry) {
            Some(&slot) => slot,
            None => {
                let slot = self.free.pop().unwrap_or_else(|| {
                    self.slots.push(Table::default());
                    self.slots.len() - 1
                });
                self.slots[slot].expiry = expiry;
                self.by_expiry.insert(expiry, slot);
                slot
            }
        };
        self.recent[near % RECENT] = (expiry, slot);
        let table = &mut self.slots[slot];
        if table.opened_in != self.batch {
            table.opened_in = self.batch;
            self.opened.push(slot);
        }
        Some(table)
    }

    /// All tables in the order in which they expire.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, &Table<K, A>)> {
        self.by_expiry.iter().map(|(&expiry, &slot)| (expiry, &self.slots[slot]))
    }

    /// The tables that the batch in progress has opened.
    pub(crate) fn opened(&self) -> impl Iterator<Item = (i64, &Table<K, A>)> {
        self.opened.iter().map(|&slot| (self.slots[slot].expiry, &self.slots[slot]))
    }

    /// Removes and returns the tables that expire at or before `watermark`, earliest first.
    pub(crate) fn close(&mut self, watermark: i64) -> Vec<(i64, Table<K, A>)> {
        let mut closed = Vec::new();
        while let Some(entry) = self.by_expiry.first_entry() {
            if *entry.key() > watermark {
                break;
            }
            let (expiry, slot) = entry.remove_entry();
            let table = std::mem::take(&mut self.slots[slot]);
            self.groups -= table.counted as u64;
            self.bytes -= table.counted_bytes as u64;
            closed.push((expiry, table));
            self.free.push(slot);
        }
        if !closed.is_empty() {
            self.recent = [VACANT; RECENT];
        }
        closed
    }

    /// Takes everything out.
    pub(crate) fn drain(&mut self) -> Vec<(i64, Table<K, A>)> {
        self.close(i64::MAX)
    }

    /// Ends the batch: counts what it added, and nothing is touched or at hand any more.
    pub(crate) fn settle(&mut self) {
        for slot in self.opened.drain(..) {
            let table = &mut self.slots[slot];
            self.groups += (table.len() - table.counted) as u64;
            table.counted = table.len();
            table.settle();
            let bytes = table.allocated_bytes();
            self.bytes = self.bytes + bytes as u64 - table.counted_bytes as u64;
            table.counted_bytes = bytes;
        }
        self.recent = [VACANT; RECENT];
    }

    /// The number of groups, those of the batch in progress included.
    pub(crate) fn groups_now(&self) -> u64 {
        self.groups + self.opened().map(|(_, table)| (table.len() - table.counted) as u64).sum::<u64>()
    }

    /// The number of groups that no watermark closes, those of the batch in progress included.
    pub(crate) fn endless_now(&self) -> u64 {
        self.by_expiry.get(&NEVER).map_or(0, |&slot| self.slots[slot].len() as u64)
    }

    /// Bytes held by the tables, with what the batch in progress has added.
    pub(crate) fn bytes_now(&self) -> u64 {
        let grown = |table: &Table<K, A>| (table.allocated_bytes() - table.counted_bytes) as u64;
        self.bytes + self.opened().map(|(_, table)| grown(table)).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(buckets: &mut Buckets<(u64,), u64>, near: usize, expiry: i64, key: u64) -> bool {
        match buckets.open(near, expiry, 10) {
            Some(table) => {
                *table.touch(1, key, &(key,)) += 1;
                true
            }
            None => false,
        }
    }

    #[test]
    fn a_closed_bucket_is_gone_and_stays_shut() {
        let mut buckets = Buckets::default();
        assert!(count(&mut buckets, 1, 20, 1) && count(&mut buckets, 2, 30, 1));
        assert!(!count(&mut buckets, 0, 10, 1));
        let closed: Vec<_> = buckets.close(20).iter().map(|(expiry, table)| (*expiry, table.len())).collect();
        assert_eq!(closed, [(20, 1)]);
        assert_eq!(buckets.groups_now(), 1);
        assert!(buckets.open(1, 20, 20).is_none());
    }

    #[test]
    fn a_row_is_late_by_the_watermark_alone_whatever_state_still_holds() {
        let mut buckets = Buckets::default();
        assert!(count(&mut buckets, 1, 20, 1));
        buckets.settle();
        buckets.begin(2);
        assert!(buckets.open(1, 20, 20).is_none());
    }

    #[test]
    fn buckets_that_share_a_place_in_the_cache_stay_apart() {
        let mut buckets = Buckets::default();
        for expiry in [100, 200, 100, 200] {
            assert!(count(&mut buckets, 3, expiry, 9));
        }
        let counts: Vec<_> = buckets.iter().map(|(_, table)| table.entries()[0].accumulator).collect();
        assert_eq!(counts, [2, 2]);
    }
}
