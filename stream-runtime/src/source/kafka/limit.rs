//! How far a batch goes: Spark's proportional split of a limit over partitions, and the least that is worth a batch.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::kafka::PartitionOffsets;
use crate::time::Duration;

/// How large a message is taken to be until one has been read: a guess on the safe side, so that a first batch of large messages
/// isn't out of all proportion.
const UNKNOWN_SIZE: u64 = 64 << 10;

/// Ends of a batch of at most about `limit` offsets, each partition by its share of what is new (semantics 15.6).
///
/// A share below one is rounded up, so that no partition starves; the sum may be larger than the limit by as many.
/// Partitions that `start` doesn't have are left out.
pub(super) fn proportional(start: &PartitionOffsets, end: &PartitionOffsets, limit: u64) -> PartitionOffsets {
    let total = count(start, end);
    if total <= limit {
        return end.clone();
    }
    let cut = |(partition, end): (_, i64)| {
        let Some(start) = start.get(&partition) else { return (partition, end) };
        let size = end.saturating_sub(start);
        if size <= 0 {
            return (partition, end);
        }
        let share = limit as f64 * (size as f64 / total as f64);
        let share = if share < 1.0 { share.ceil() } else { share.floor() };
        (partition, start.saturating_add(share as i64).min(end))
    };
    end.iter().map(cut).collect()
}

/// How many offsets lie between.
pub(super) fn count(start: &PartitionOffsets, end: &PartitionOffsets) -> u64 {
    let new = |(partition, end): (_, i64)| {
        let start = start.get(&partition).unwrap_or(end);
        u64::try_from(end.saturating_sub(start)).unwrap_or(0)
    };
    end.iter().map(new).fold(0, u64::saturating_add)
}

/// The least that is worth a batch, unless the last one was long ago (semantics 15.7).
#[derive(Debug)]
pub(super) struct Minimum {
    pub(super) offsets: u64,
    pub(super) delay: Duration,
    /// When enough had come, or it had been long enough, for the last time.
    last: Option<Duration>,
}

impl Minimum {
    pub(super) fn new(offsets: u64, delay: Duration) -> Self {
        Self { offsets, delay, last: None }
    }

    /// Whether a batch of so many new offsets is due at `now`. The first time it is in any case.
    pub(super) fn is_reached(&mut self, new: u64, now: Duration) -> bool {
        let due = new >= self.offsets || self.last.is_none_or(|last| now - last >= self.delay);
        if due {
            self.last = Some(now);
        }
        due
    }
}

/// What a source's splits have read, for estimates of what the next batch will hold.
#[derive(Debug, Default)]
pub(super) struct Measured {
    bytes: AtomicU64,
    offsets: AtomicU64,
    tombstones: AtomicU64,
}

impl Measured {
    pub(super) fn add(&self, bytes: u64, offsets: u64, tombstones: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.offsets.fetch_add(offsets, Ordering::Relaxed);
        self.tombstones.fetch_add(tombstones, Ordering::Relaxed);
    }

    /// Tombstones that were passed over since the last call.
    pub(super) fn take_tombstones(&self) -> u64 {
        self.tombstones.swap(0, Ordering::Relaxed)
    }

    /// The offsets that about so many bytes lie between, as far as what was read since the last call tells; it remembers that if
    /// nothing was.
    pub(super) fn offsets_in(&self, bytes: u64, size: &mut Option<u64>) -> u64 {
        let read = self.bytes.swap(0, Ordering::Relaxed);
        if let Some(average) = read.checked_div(self.offsets.swap(0, Ordering::Relaxed)) {
            *size = Some(average.max(1));
        }
        (bytes / size.unwrap_or(UNKNOWN_SIZE)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::Partition;
    use crate::time::{Duration, minutes, seconds};

    fn offsets(of: &[i64]) -> PartitionOffsets {
        let partition = |number: usize| Partition { topic: "t".into(), number: number as i32 };
        of.iter().enumerate().map(|(number, &offset)| (partition(number), offset)).collect()
    }

    #[test]
    fn a_limit_is_split_by_what_is_new_in_each_partition() {
        let start = offsets(&[0, 10, 5, 0]);
        // 100, 300, 0 and 1 new: shares of 24.9, 74.8, 0 and 0.2.
        let end = offsets(&[100, 310, 5, 1]);
        assert_eq!(proportional(&start, &end, 100), offsets(&[24, 84, 5, 1]));
        assert_eq!(proportional(&start, &end, 401), end);
        assert_eq!(proportional(&start, &end, 1), offsets(&[1, 11, 5, 1]));
        assert_eq!(count(&start, &end), 401);
    }

    #[test]
    fn a_partition_that_went_backwards_counts_for_nothing() {
        let (start, end) = (offsets(&[100, 0]), offsets(&[5, 50]));
        assert_eq!(count(&start, &end), 50);
        assert_eq!(proportional(&start, &end, 10), offsets(&[5, 10]));
    }

    #[test]
    fn a_batch_waits_for_the_minimum_or_the_delay_but_not_the_first() {
        let mut minimum = Minimum::new(10, minutes(15));
        assert!(minimum.is_reached(1, Duration::ZERO));
        assert!(!minimum.is_reached(9, minutes(15) - seconds(1)));
        assert!(minimum.is_reached(9, minutes(15)));
        assert!(minimum.is_reached(10, minutes(15) + seconds(1)));
        assert!(!minimum.is_reached(0, minutes(30)));
    }

    #[test]
    fn the_size_of_messages_is_learnt() {
        let (measured, mut size) = (Measured::default(), None);
        assert_eq!(measured.offsets_in(1 << 20, &mut size), 16);
        measured.add(1_000, 10, 0);
        assert_eq!(measured.offsets_in(1 << 20, &mut size), (1 << 20) / 100);
        assert_eq!(measured.offsets_in(1 << 20, &mut size), (1 << 20) / 100);
        assert_eq!(measured.offsets_in(1, &mut size), 1);
    }
}
