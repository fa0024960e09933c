//! [`Calendar`]: which entries to look at when the watermark passes.
//!
//! Entries stand under coarse spans of time. One may stand under several: only whoever keeps the entry knows which of
//! them still counts.

use std::collections::BTreeMap;

/// Spans are 2^20 µs, about a second: a span that the watermark is in the middle of is looked through, and that costs no
/// more than what came in within a second of event time.
const SPAN_BITS: u32 = 20;

/// How many spans are at hand without a search: the disorder of most streams, in seconds.
const RECENT: usize = 64;

/// No span has this number.
const VACANT: (i64, usize) = (i64::MIN, 0);

/// The span that an instant in µs is in.
pub(super) fn span(micros: i64) -> i64 {
    micros >> SPAN_BITS
}

#[derive(Debug)]
pub(super) struct Calendar {
    spans: BTreeMap<i64, usize>,
    slots: Vec<Vec<u32>>,
    free: Vec<usize>,
    recent: [(i64, usize); RECENT],
    /// How many entries all slots have room for.
    room: usize,
}

impl Default for Calendar {
    fn default() -> Self {
        Self {
            spans: BTreeMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            recent: [VACANT; RECENT],
            room: 0,
        }
    }
}

impl Calendar {
    /// Puts an entry under the span that `micros` is in.
    #[inline]
    pub(super) fn push(&mut self, micros: i64, entry: u32) {
        let span = span(micros);
        let (recent, slot) = self.recent[span as usize % RECENT];
        let slot = if recent == span { slot } else { self.find_or_add(span) };
        let entries = &mut self.slots[slot];
        let before = entries.capacity();
        entries.push(entry);
        self.room += entries.capacity() - before;
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

    /// Takes out the earliest span, if it begins at or before `micros`.
    pub(super) fn pop_through(&mut self, micros: i64) -> Option<(i64, Vec<u32>)> {
        let first = self.spans.first_entry().filter(|first| *first.key() <= span(micros))?;
        let (span, slot) = first.remove_entry();
        let recent = &mut self.recent[span as usize % RECENT];
        if recent.0 == span {
            *recent = VACANT;
        }
        let entries = std::mem::take(&mut self.slots[slot]);
        self.free.push(slot);
        self.room -= entries.capacity();
        Some((span, entries))
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.room * size_of::<u32>()
            + self.slots.capacity() * size_of::<Vec<u32>>()
            + self.free.capacity() * size_of::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: i64 = 1 << SPAN_BITS;

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
}
