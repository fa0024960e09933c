//! What stands before and behind joins, to be read rather than to be fast. Watermarks are given: each operator has its own.

use std::collections::BTreeMap;

use super::joins::Item;

/// `dedup by key, ts`
#[derive(Default)]
pub(crate) struct Dedup {
    seen: Vec<(Option<String>, Option<i64>)>,
}

impl Dedup {
    /// The rows that go on.
    pub(crate) fn batch(&mut self, rows: &[Item], late_ms: i64, evict_ms: i64) -> Vec<Item> {
        let passed = |micros: Option<i64>, ms: i64| micros.is_some_and(|micros| micros <= ms * 1_000);
        let mut first = Vec::new();
        for row in rows.iter().filter(|row| !passed(row.micros, late_ms)) {
            let key = (row.key.clone(), row.micros);
            if !self.seen.contains(&key) {
                self.seen.push(key);
                first.push(row.clone());
            }
        }
        self.seen.retain(|(_, micros)| !passed(*micros, evict_ms));
        first
    }

    pub(crate) fn state_rows(&self) -> u64 {
        self.seen.len() as u64
    }
}

/// A window by its start and its end in ms, and a key.
pub(crate) type Group = (i64, i64, Option<String>);

/// A row's event time in µs, its key and its value.
pub(crate) type Timed<V> = (Option<i64>, Option<String>, V);

/// `group by window(ts, width), key` in append mode: the values of each group in their order.
pub(crate) struct Windows<V> {
    width_ms: i64,
    state: BTreeMap<Group, Vec<V>>,
}

impl<V> Windows<V> {
    pub(crate) fn seconds(width: i64) -> Self {
        Self { width_ms: width * 1_000, state: BTreeMap::new() }
    }

    /// The groups that are closed.
    pub(crate) fn batch(
        &mut self,
        rows: impl IntoIterator<Item = Timed<V>>,
        late_ms: i64,
        evict_ms: i64,
    ) -> BTreeMap<Group, Vec<V>> {
        for (micros, key, value) in rows {
            let Some(micros) = micros else { continue };
            let start_ms = micros.div_euclid(self.width_ms * 1_000) * self.width_ms;
            let end_ms = start_ms + self.width_ms;
            if end_ms > late_ms {
                self.state.entry((start_ms, end_ms, key)).or_default().push(value);
            }
        }
        let (closed, open) =
            std::mem::take(&mut self.state).into_iter().partition(|((_, end_ms, _), _)| *end_ms <= evict_ms);
        self.state = open;
        closed
    }

    pub(crate) fn state_rows(&self) -> u64 {
        self.state.len() as u64
    }
}
