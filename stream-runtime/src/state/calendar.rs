//! [`Calendar`]: which entries to look at when the watermark passes.
//!
//! Entries stand under coarse spans of time; those of a span that the watermark has reached stand in a heap by their
//! own instants, so an entry is looked at at most twice, however slowly the watermark goes through its span. One may
//! stand in several places: only whoever keeps the entry knows which of them still counts.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Spans are at least 2^20 µs long, about a second.
const MIN_SPAN_BITS: u32 = 20;

/// And at most 2^48 µs, nearly nine years.
const MAX_SPAN_BITS: u32 = 48;

/// About how many spans are in use at a time, for entries that stay a known time: enough that what a span holds
/// beyond its need is little, few enough that sparse entries share one.
const SPANS: i64 = 512;

/// How many spans are at hand without a search: the disorder of most streams, in seconds.
const RECENT: usize = 64;

/// No span has this number.
const VACANT: (i64, usize) = (i64::MIN, 0);

#[derive(Debug)]
pub(super) struct Calendar {
    span_bits: u32,
    spans: BTreeMap<i64, usize>,
    slots: Vec<Vec<u32>>,
    free: Vec<usize>,
    recent: [(i64, usize); RECENT],
    /// How many entries all slots have room for.
    room: usize,
    /// The last span that `advance` has taken apart.
    reached: i64,
    /// Entries of the spans that were taken apart.
    near: BinaryHeap<Reverse<(i64, u32)>>,
}

impl Default for Calendar {
    fn default() -> Self {
        Self {
            span_bits: MIN_SPAN_BITS,
            spans: BTreeMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            recent: [VACANT; RECENT],
            room: 0,
            reached: i64::MIN,
            near: BinaryHeap::new(),
        }
    }
}

impl Calendar {
    /// A calendar of entries that mostly stay for `micros`.
    pub(super) fn for_retention(micros: i64) -> Self {
        let span = (micros / SPANS).max(1);
        Self { span_bits: span.ilog2().clamp(MIN_SPAN_BITS, MAX_SPAN_BITS), ..Self::default() }
    }

    /// The span that an instant in µs is in.
    #[inline]
    pub(super) fn span(&self, micros: i64) -> i64 {
        micros >> self.span_bits
    }

    /// Puts an entry under the span that `micros` is in. Gives the number by which the span goes as long as it is in
    /// the calendar; afterwards another span may have it.
    #[inline]
    pub(super) fn push(&mut self, micros: i64, entry: u32) -> usize {
        let span = self.span(micros);
        let (recent, slot) = self.recent[span as usize % RECENT];
        let slot = if recent == span { slot } else { self.find_or_add(span) };
        let entries = &mut self.slots[slot];
        let before = entries.capacity();
        entries.push(entry);
        self.room += entries.capacity() - before;
        slot
    }

    #[cold]
    fn find_or_add(&mut self, span: i64) -> usize {
        let Self { spans, slots, free, .. } = self;
        let slot = *spans.entry(span).or_insert_with(|| {
            free.pop().unwrap_or_else(|| {
                slots.push(Vec::new());
                slots.len() - 1
            })
        });
        self.recent[span as usize % RECENT] = (span, slot);
        slot
    }

    /// Moves an entry that stood at `before` to the earlier instant `micros`.
    pub(super) fn bring_forward(&mut self, before: i64, micros: i64, entry: u32) {
        let span = self.span(micros);
        if span != self.span(before) || span <= self.reached {
            self.push(micros, entry);
        }
    }

    /// Shows `look` every entry that stands at or before `micros`, and each of those that stand after it in the same
    /// span once. `look` answers with the instant at which the entry stands if that is after `micros`; an entry for
    /// which it answers `None` is in the calendar no more.
    pub(super) fn advance(&mut self, micros: i64, mut look: impl FnMut(u32) -> Option<i64>) {
        while let Some((span, entries)) = self.pop_through(micros) {
            for entry in entries {
                // An entry that stands in another span is in the calendar there.
                if let Some(at) = look(entry)
                    && self.span(at) == span
                {
                    self.near.push(Reverse((at, entry)));
                }
            }
        }
        while let Some(&Reverse((at, entry))) = self.near.peek()
            && at <= micros
        {
            self.near.pop();
            look(entry);
        }
    }

    /// Takes out the earliest span, if it begins at or before `micros`.
    fn pop_through(&mut self, micros: i64) -> Option<(i64, Vec<u32>)> {
        let through = self.span(micros);
        let first = self.spans.first_entry().filter(|first| *first.key() <= through)?;
        let (span, slot) = first.remove_entry();
        self.reached = self.reached.max(span);
        let recent = &mut self.recent[span as usize % RECENT];
        if recent.0 == span {
            *recent = VACANT;
        }
        let entries = std::mem::take(&mut self.slots[slot]);
        self.free.push(slot);
        self.room -= entries.capacity();
        Some((span, entries))
    }

    /// Whether no entry is left in it, those that don't count any more included.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.near.is_empty()
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.room * size_of::<u32>()
            + self.slots.capacity() * size_of::<Vec<u32>>()
            + self.free.capacity() * size_of::<usize>()
            + self.near.capacity() * size_of::<Reverse<(i64, u32)>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: i64 = 1 << MIN_SPAN_BITS;

    #[test]
    fn spans_come_out_in_order_and_whole() {
        let mut calendar = Calendar::default();
        // The second and the fourth share a place among the recent ones.
        for (entry, at) in [5, 1, -1, 1 + RECENT as i64, 1].into_iter().enumerate() {
            calendar.push(at * SPAN, entry as u32);
        }
        assert_eq!(calendar.pop_through(-2 * SPAN), None);
        let mut all = Vec::new();
        while let Some(span) = calendar.pop_through(i64::MAX) {
            all.push(span);
        }
        assert_eq!(all, [(-1, vec![2]), (1, vec![1, 4]), (5, vec![0]), (1 + RECENT as i64, vec![3])]);
    }

    #[test]
    fn a_span_that_was_taken_out_begins_anew() {
        let mut calendar = Calendar::default();
        calendar.push(3, 0);
        assert_eq!(calendar.pop_through(3), Some((0, vec![0])));
        assert_eq!(calendar.room, 0);
        calendar.push(SPAN, 1);
        calendar.push(4, 2);
        assert_eq!(calendar.pop_through(SPAN), Some((0, vec![2])));
        assert_eq!(calendar.pop_through(SPAN), Some((1, vec![1])));
    }

    /// Entries by number, at the instants given.
    fn look_through(calendar: &mut Calendar, at: &[i64], micros: i64, looks: &mut [usize]) -> Vec<u32> {
        let mut due = Vec::new();
        calendar.advance(micros, |entry| {
            looks[entry as usize] += 1;
            let at = at[entry as usize];
            if at <= micros {
                due.push(entry);
            }
            (at > micros).then_some(at)
        });
        due
    }

    #[test]
    fn an_entry_is_due_once_and_looked_at_at_most_twice() {
        let mut calendar = Calendar::for_retention(SPAN);
        let at: Vec<i64> = (0..1000).map(|entry| entry * 7919 % SPAN).collect();
        for (entry, &at) in at.iter().enumerate() {
            calendar.push(at, entry as u32);
        }
        let mut looks = vec![0; at.len()];
        for micros in (0..SPAN).step_by(SPAN as usize / 100) {
            let mut due = look_through(&mut calendar, &at, micros, &mut looks);
            due.sort_unstable();
            let before = micros - SPAN / 100;
            let expected: Vec<u32> = (0..at.len())
                .filter(|&entry| at[entry] > before && at[entry] <= micros)
                .map(|entry| entry as u32)
                .collect();
            assert_eq!(due, expected);
        }
        assert!(looks.iter().all(|&looks| looks <= 2));
    }

    #[test]
    fn spans_are_as_long_as_the_retention_asks_within_bounds() {
        for (retention, bits) in
            [(0, 20), (3_600_000_000, 22), (86_400_000_000, 27), (i64::MAX, 48), (-1, 20)]
        {
            assert_eq!(Calendar::for_retention(retention).span_bits, bits, "{retention}");
        }
    }
}
