//! Windows: groups by the window's start, then by key; a window is dropped whole.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use stream_runtime::prelude::*;

use super::super::input::EventView;
use super::super::queries::{ByAction, ByUser};
use super::{Case, Hasher, MINUTE, Watermark};

const DELAY: i64 = 5 * MINUTE;
const WIDTH: i64 = 10 * MINUTE;

#[derive(Default)]
struct Group {
    n: u64,
    total: f64,
}

#[derive(Default)]
struct Windows {
    open: BTreeMap<i64, HashMap<String, Group, Hasher>>,
    watermark: Watermark,
}

impl Windows {
    fn add(&mut self, start: i64, key: &str, amount: f64) {
        if start + WIDTH <= self.watermark.late {
            return;
        }
        let group = self.open.entry(start).or_default().entry_ref(key).or_default();
        group.n += 1;
        group.total += amount;
    }

    /// Ends a batch: what has ended is handed to `emit`.
    fn end_batch(&mut self, mut emit: impl FnMut(Window, String, Group)) {
        while let Some(first) = self.open.first_entry() {
            let start = *first.key();
            if start + WIDTH > self.watermark.evict {
                break;
            }
            let window =
                Window { start: Timestamp::from_micros(start), end: Timestamp::from_micros(start + WIDTH) };
            for (key, group) in first.remove() {
                emit(window, key, group);
            }
        }
        self.watermark.end_batch(DELAY);
    }
}

/// Tumbling windows over few keys.
#[derive(Default)]
pub(crate) struct W1(Windows);

impl Case for W1 {
    #[inline]
    fn row(&mut self, event: EventView<'_>) {
        let ts = event.ts.as_micros();
        self.0.watermark.observe(ts);
        self.0.add(ts.div_euclid(WIDTH) * WIDTH, event.action, event.amount);
    }

    fn end_batch(&mut self) -> usize {
        let mut rows = Vec::new();
        self.0.end_batch(|window, action, group| {
            let mean = group.total / group.n as f64;
            rows.push(ByAction { window, action, n: group.n, total: group.total, mean });
        });
        std::hint::black_box(&rows).len()
    }
}

/// Sliding windows over many keys.
#[derive(Default)]
pub(crate) struct W2(Windows);

impl Case for W2 {
    #[inline]
    fn row(&mut self, event: EventView<'_>) {
        let ts = event.ts.as_micros();
        self.0.watermark.observe(ts);
        let last = ts.div_euclid(WIDTH / 2) * (WIDTH / 2);
        self.0.add(last, event.user_id, event.amount);
        self.0.add(last - WIDTH / 2, event.user_id, event.amount);
    }

    fn end_batch(&mut self) -> usize {
        let mut rows = Vec::new();
        self.0.end_batch(|window, user_id, group| {
            rows.push(ByUser { window, user_id, n: group.n, total: group.total });
        });
        std::hint::black_box(&rows).len()
    }
}
