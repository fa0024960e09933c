//! [`Deduplicated`]: the operator behind `dedup by`, as a query's row function sees it.
//!
//! The first row of a key goes on, later ones are dropped, for as long as the key is in state: until the watermark
//! passes the event time that is part of the key, or the first row's event time plus the watermark's delay, or for
//! ever.

use crate::state::expiring::ExpiringMap;
use crate::state::key::{Key, OwnedKey};

use super::route::{Router, Verdict};
use super::windowing::{EventTime, NEVER};

/// The keys that have been seen, and what the rows that go on push into.
#[derive(Debug)]
pub struct Deduplicated<K, T> {
    pub(crate) seen: ExpiringMap<K, ()>,
    pub(crate) router: Router,
    pub(crate) counts: DedupCounts,
    /// What the first row of a key goes on to.
    pub next: T,
    /// Rows at or before this are late.
    closed: i64,
}

/// What became of a batch's rows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DedupCounts {
    pub(crate) duplicates: u64,
    pub(crate) late: u64,
    /// Whether the row at hand is late.
    pub(crate) late_at_hand: bool,
    pub(crate) max_lateness_micros: i64,
}

impl<K: OwnedKey, T> Deduplicated<K, T> {
    /// `retention_micros`: about how long the watermark takes to reach a row.
    pub(crate) fn new(seed: u64, retention_micros: i64, next: T) -> Self {
        Self {
            seen: ExpiringMap::new(seed, retention_micros),
            router: Router::default(),
            counts: DedupCounts::default(),
            next,
            closed: i64::MIN,
        }
    }

    pub(crate) fn begin(&mut self, closed: i64) {
        self.counts = DedupCounts::default();
        self.closed = closed;
    }

    pub(crate) fn hash(&self, key: &impl Key) -> u64 {
        self.seen.hash(key)
    }

    /// Whether the row is the first of its key. `time` is its event time, and its key is remembered until the watermark
    /// has passed `time` plus `delay_micros`: 0 for a key that holds the event time.
    #[inline]
    pub fn admit<Q: Key<Owned = K>>(&mut self, time: impl EventTime, delay_micros: i64, key: Q) -> bool {
        let micros = time.passed_at();
        let expiry = micros.map_or(NEVER, |micros| micros.saturating_add(delay_micros));
        self.admit_until(micros, expiry, &key)
    }

    /// Whether the row is the first of its key, which is remembered for ever. Late rows don't go on either.
    #[inline]
    pub fn admit_unbounded<Q: Key<Owned = K>>(&mut self, time: impl EventTime, key: Q) -> bool {
        self.admit_until(time.passed_at(), NEVER, &key)
    }

    #[inline]
    fn admit_until<Q: Key<Owned = K>>(&mut self, micros: Option<i64>, expiry: i64, key: &Q) -> bool {
        let hash = self.hash(key);
        match self.router.verdict(hash) {
            Verdict::Apply => {}
            Verdict::GoOn => return true,
            Verdict::Leave => return false,
        }
        if let Some(micros) = micros
            && micros <= self.closed
        {
            self.counts.late += 1;
            self.counts.late_at_hand = true;
            let lateness = self.closed.saturating_sub(micros);
            self.counts.max_lateness_micros = self.counts.max_lateness_micros.max(lateness);
            return false;
        }
        let is_first = self.remember(hash, key, expiry);
        self.counts.duplicates += u64::from(!is_first);
        is_first
    }

    /// Puts a key into state; whether it is new there.
    #[inline]
    pub(crate) fn remember<Q: Key<Owned = K>>(&mut self, hash: u64, key: &Q, expiry: i64) -> bool {
        self.seen.find_or_insert(hash, key, expiry, || ()).1
    }
}
