//! The cases w1 and w2 as a careful engineer would write them for one purpose: the same parser, the same hash
//! function, groups looked up borrowed, windows dropped whole, the watermark advanced after each batch.

use std::collections::BTreeMap;
use std::path::Path;

use hashbrown::HashMap;
use stream_runtime::format::Arena;
use stream_runtime::prelude::*;

use super::input::{Event, EventView};
use super::queries::{ByAction, ByUser};

type Hasher = rapidhash::fast::RandomState;

const MINUTE: i64 = 60_000_000;
const DELAY: i64 = 5 * MINUTE;
const WIDTH: i64 = 10 * MINUTE;

#[derive(Default)]
struct Group {
    n: u64,
    total: f64,
}

/// Groups by window start, then by key.
#[derive(Default)]
pub(crate) struct Windows {
    open: BTreeMap<i64, HashMap<String, Group, Hasher>>,
    latest: i64,
    late: i64,
    watermark: i64,
}

impl Windows {
    fn add(&mut self, start: i64, key: &str, amount: f64) {
        if start + WIDTH <= self.late {
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
            if start + WIDTH > self.watermark {
                break;
            }
            let window =
                Window { start: Timestamp::from_micros(start), end: Timestamp::from_micros(start + WIDTH) };
            for (key, group) in first.remove() {
                emit(window, key, group);
            }
        }
        self.late = self.watermark;
        self.watermark = self.watermark.max(self.latest - DELAY);
    }
}

/// Which case a loop computes.
#[derive(Clone, Copy)]
pub(crate) enum Case {
    W1,
    W2,
}

impl Case {
    #[inline]
    fn row(self, windows: &mut Windows, event: EventView<'_>) {
        let ts = event.ts.as_micros();
        windows.latest = windows.latest.max(ts);
        match self {
            Self::W1 => windows.add(ts.div_euclid(WIDTH) * WIDTH, event.action, event.amount),
            Self::W2 => {
                let last = ts.div_euclid(WIDTH / 2) * (WIDTH / 2);
                windows.add(last, event.user_id, event.amount);
                windows.add(last - WIDTH / 2, event.user_id, event.amount);
            }
        }
    }

    /// Ends a batch, and counts the result rows that it builds.
    fn end_batch(self, windows: &mut Windows) -> usize {
        match self {
            Self::W1 => {
                let mut rows = Vec::new();
                windows.end_batch(|window, action, group| {
                    let mean = group.total / group.n as f64;
                    rows.push(ByAction { window, action, n: group.n, total: group.total, mean });
                });
                std::hint::black_box(&rows).len()
            }
            Self::W2 => {
                let mut rows = Vec::new();
                windows.end_batch(|window, user_id, group| {
                    rows.push(ByUser { window, user_id, n: group.n, total: group.total });
                });
                std::hint::black_box(&rows).len()
            }
        }
    }

    /// Over rows in memory; gives the number of result rows.
    pub(crate) fn in_memory(self, batches: &[Vec<Event>]) -> usize {
        let mut windows = Windows::default();
        let mut results = 0;
        for batch in batches {
            for event in batch {
                self.row(&mut windows, event.view());
            }
            results += self.end_batch(&mut windows);
        }
        results + self.end_batch(&mut windows)
    }

    /// Over files of JSON lines, one a batch, with the columns that the case needs.
    pub(crate) fn over_json<const COLUMNS: u128>(self, files: &[impl AsRef<Path>]) -> usize {
        let mut windows = Windows::default();
        let mut results = 0;
        for file in files {
            let text = std::fs::read_to_string(file).expect("the input can be read");
            let arena = Arena::default();
            for line in text.lines() {
                let event = Event::decode_json::<COLUMNS>(line, &arena).expect("the input is well-formed");
                self.row(&mut windows, event);
            }
            results += self.end_batch(&mut windows);
        }
        results + self.end_batch(&mut windows)
    }
}
