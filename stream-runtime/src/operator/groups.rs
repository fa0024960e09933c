//! [`Groups`]: the operator behind `group by`, as a query's row function sees it.

use std::collections::HashSet;

use crate::expr::Accumulator;
use crate::state::buckets::Buckets;
use crate::state::key::{Key, KeyHasher, OwnedKey};
use crate::state::table::Entry;

use super::windowing::{EventTime, Instant, Instants, NEVER, Windowing};

/// What the rows of a batch are grouped into: buckets of time, in them keys, in them accumulators.
///
/// One worker's share. It holds the state itself when the query has one worker; otherwise it holds the
/// batch's partial results, which are merged into the state after the last row.
pub struct Groups<W, K, A> {
    pub(crate) buckets: Buckets<K, A>,
    pub(crate) late: LateRows,
    batch: u64,
    seed: u64,
    closed: i64,
    windowing: std::marker::PhantomData<fn() -> W>,
}

impl<T: Instant, K: OwnedKey, A: Accumulator> Groups<Instants<T>, K, A> {
    /// Brings a row into the group of its event time, whose type is also the label's.
    #[inline]
    pub fn update_at<Q: Key<Owned = K>>(&mut self, time: T, key: Q, update: impl FnMut(&mut A)) {
        self.update(time, key, update);
    }
}

/// Rows that came after their bucket had closed.
#[derive(Debug, Default)]
pub(crate) struct LateRows {
    pub(crate) rows: u64,
    pub(crate) max_lateness_micros: i64,
    /// Hashes of bucket and key: Spark counts groups, not rows.
    pub(crate) groups: HashSet<u64>,
    /// Whether the row at hand is one of them.
    pub(crate) at_hand: bool,
}

impl LateRows {
    pub(crate) fn merge(&mut self, other: &mut Self) {
        self.rows += other.rows;
        self.max_lateness_micros = self.max_lateness_micros.max(other.max_lateness_micros);
        self.groups.extend(other.groups.drain());
        *other = Self::default();
    }
}

impl<W: Windowing, K: OwnedKey, A: Accumulator> Groups<W, K, A> {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            buckets: Buckets::default(),
            late: LateRows::default(),
            batch: 0,
            seed,
            closed: i64::MIN,
            windowing: std::marker::PhantomData,
        }
    }

    /// Starts a batch in which buckets that expire at or before `closed` (µs) take no more rows.
    pub(crate) fn begin(&mut self, batch: u64, closed: i64) {
        self.batch = batch;
        self.closed = closed;
        self.buckets.begin(batch);
        self.late = LateRows::default();
    }

    /// Brings a row into its group, or into each of its windows' groups.
    #[inline]
    pub fn update<Q: Key<Owned = K>>(
        &mut self,
        time: impl EventTime,
        key: Q,
        mut update: impl FnMut(&mut A),
    ) {
        let hash = self.hash(&key);
        let mut late = false;
        let micros = time.micros();
        W::assign(micros, |near, expiry| match self.buckets.open(near, expiry, self.closed) {
            Some(table) => update(table.touch(self.batch, hash, &key)),
            None => {
                late = true;
                self.late.groups.insert(hash ^ (expiry as u64).rotate_left(17));
            }
        });
        if late {
            self.late.rows += 1;
            self.late.at_hand = true;
            let lateness = self.closed.saturating_sub(micros.unwrap_or(self.closed));
            self.late.max_lateness_micros = self.late.max_lateness_micros.max(lateness);
        }
    }

    /// Brings a row into its group, in a query that doesn't group by time.
    #[inline]
    pub fn update_untimed<Q: Key<Owned = K>>(&mut self, key: Q, update: impl FnMut(&mut A)) {
        self.update(None::<crate::time::Timestamp>, key, update);
    }

    /// Takes in what another worker's rows added up to in the bucket that expires at `expiry`.
    pub(crate) fn merge_into(&mut self, expiry: i64, entries: Vec<Entry<K, A>>) {
        let Some(table) = self.buckets.open(expiry as usize, expiry, i64::MIN) else { return };
        for entry in entries {
            table.touch(self.batch, entry.hash, &entry.key).merge(entry.accumulator);
        }
    }

    /// Puts back a group of a checkpoint.
    pub(crate) fn restore(&mut self, expiry: i64, hash: u64, key: K, accumulator: A) {
        if let Some(table) = self.buckets.open(expiry as usize, expiry, i64::MIN) {
            table.restore(hash, key, accumulator);
        }
    }

    /// Makes a group outside time exist, and marks it as touched.
    pub(crate) fn touch_untimed(&mut self, hash: u64, key: &K) {
        if let Some(table) = self.buckets.open(0, NEVER, i64::MIN) {
            table.touch(self.batch, hash, key);
        }
    }

    #[inline]
    pub(crate) fn hash(&self, key: &impl Key) -> u64 {
        let mut hasher = KeyHasher::new(self.seed);
        key.hash_key(&mut hasher);
        hasher.finish()
    }
}
