//! A windowed aggregation with a watermark, as one would write it to be read: every rule on its own line.

#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod chains;
pub(crate) mod joins;
pub(crate) mod stateful;

use std::collections::BTreeMap;

/// The watermark's delay.
pub(crate) const DELAY_MS: i64 = 10_000;

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) key: String,
    pub(crate) number: i64,
    pub(crate) ms: i64,
}

/// A result: the numbers of a group in input order.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    pub(crate) key: String,
    pub(crate) numbers: Vec<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Append,
    Update,
    Complete,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    width_ms: i64,
    slide_ms: i64,
    start_ms: i64,
    mode: Mode,
}

impl Shape {
    pub(crate) fn tumbling(seconds: i64) -> Self {
        Self::sliding(seconds, seconds, 0)
    }

    pub(crate) fn sliding(width: i64, slide: i64, start: i64) -> Self {
        Self { width_ms: width * 1_000, slide_ms: slide * 1_000, start_ms: start * 1_000, mode: Mode::Append }
    }

    pub(crate) fn append(self) -> Self {
        Self { mode: Mode::Append, ..self }
    }

    pub(crate) fn update(self) -> Self {
        Self { mode: Mode::Update, ..self }
    }

    pub(crate) fn complete(self) -> Self {
        Self { mode: Mode::Complete, ..self }
    }

    /// Every window that holds `ms`, found by trying all that could.
    fn windows(self, ms: i64) -> Vec<(i64, i64)> {
        let guess = ms / self.slide_ms;
        let reach = self.width_ms / self.slide_ms + 2;
        (guess - reach..=guess + reach)
            .map(|n| n * self.slide_ms + self.start_ms)
            .map(|start| (start, start + self.width_ms))
            .filter(|(start, end)| *start <= ms && ms < *end)
            .collect()
    }
}

pub(crate) struct Model {
    shape: Shape,
    state: BTreeMap<(i64, i64, String), Vec<i64>>,
    late_ms: i64,
    evict_ms: i64,
    next_ms: i64,
}

impl Model {
    pub(crate) fn new(shape: Shape) -> Self {
        Self { shape, state: BTreeMap::new(), late_ms: 0, evict_ms: 0, next_ms: 0 }
    }

    pub(crate) fn batch(&mut self, rows: &[Row]) -> Vec<Group> {
        self.batch_after(rows, rows)
    }

    /// A batch of which the watermark sees `observed`, and the aggregation what is left of it.
    pub(crate) fn batch_after(&mut self, observed: &[Row], rows: &[Row]) -> Vec<Group> {
        self.late_ms = self.evict_ms;
        self.evict_ms = self.next_ms;
        for row in observed {
            self.next_ms = self.next_ms.max(row.ms - DELAY_MS);
        }
        let mut touched = Vec::new();
        for row in rows {
            if row.number == 0 {
                continue;
            }
            for (start, end) in self.shape.windows(row.ms) {
                if self.shape.mode != Mode::Complete && end <= self.late_ms {
                    continue;
                }
                let group = (start, end, row.key.clone());
                touched.push(group.clone());
                self.state.entry(group).or_default().push(row.number);
            }
        }
        let emitted = match self.shape.mode {
            Mode::Complete => return self.state.iter().map(group).collect(),
            Mode::Update => self.state.iter().filter(|(key, _)| touched.contains(key)).map(group).collect(),
            Mode::Append => {
                self.state.iter().filter(|((_, end, _), _)| *end <= self.evict_ms).map(group).collect()
            }
        };
        self.state.retain(|(_, end, _), _| *end > self.evict_ms);
        emitted
    }

    /// The batch that runs only to let a new watermark take effect; there is none in complete mode.
    pub(crate) fn batch_without_data(&mut self) -> Vec<Group> {
        if self.shape.mode == Mode::Complete || self.next_ms <= self.evict_ms {
            Vec::new()
        } else {
            self.batch(&[])
        }
    }
}

fn group(((start_ms, end_ms, key), numbers): (&(i64, i64, String), &Vec<i64>)) -> Group {
    Group { start_ms: *start_ms, end_ms: *end_ms, key: key.clone(), numbers: numbers.clone() }
}
