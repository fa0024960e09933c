//! Deduplication and sessions under a watermark, to be read rather than to be fast.

use super::{DELAY_MS, Row};

/// The watermarks of a batch, and what the next one will have.
#[derive(Default)]
pub(crate) struct Watermark {
    pub(crate) late_ms: i64,
    pub(crate) evict_ms: i64,
    next_ms: i64,
}

impl Watermark {
    /// Starts a batch that reads these rows.
    pub(crate) fn batch(&mut self, rows: &[Row]) {
        self.late_ms = self.evict_ms;
        self.evict_ms = self.next_ms;
        for row in rows {
            self.next_ms = self.next_ms.max(row.ms - DELAY_MS);
        }
    }

    /// Whether a batch without rows follows.
    pub(crate) fn moved(&self) -> bool {
        self.next_ms > self.evict_ms
    }
}

/// When a key leaves the state.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keep {
    /// With the event time that is part of it.
    EventTime,
    /// With the first row's event time plus the delay.
    WithinWatermark,
    /// Never.
    Unbounded,
}

pub(crate) struct Dedup {
    pub(crate) watermark: Watermark,
    keep: Keep,
    state: Vec<(Row, i64)>,
}

impl Dedup {
    pub(crate) fn new(keep: Keep) -> Self {
        Self { watermark: Watermark::default(), keep, state: Vec::new() }
    }

    /// The rows that go on.
    pub(crate) fn batch(&mut self, rows: &[Row]) -> Vec<Row> {
        self.watermark.batch(rows);
        let mut first = Vec::new();
        for row in rows {
            let is_key = |other: &Row| {
                other.key == row.key && (!matches!(self.keep, Keep::EventTime) || other.ms == row.ms)
            };
            if row.ms <= self.watermark.late_ms || self.state.iter().any(|(other, _)| is_key(other)) {
                continue;
            }
            let expires = match self.keep {
                Keep::EventTime => row.ms,
                Keep::WithinWatermark => row.ms + DELAY_MS,
                Keep::Unbounded => i64::MAX,
            };
            self.state.push((row.clone(), expires));
            first.push(row.clone());
        }
        self.state.retain(|(_, expires)| *expires > self.watermark.evict_ms);
        first
    }

    pub(crate) fn state_rows(&self) -> usize {
        self.state.len()
    }
}

/// A session: its rows in the order of the batches.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) key: String,
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    pub(crate) rows: Vec<Row>,
}

/// A row's gap depends on its number: 0 and less is no session.
pub(crate) fn gap_ms(row: &Row) -> i64 {
    row.number * 5_000
}

#[derive(Default)]
pub(crate) struct Sessions {
    pub(crate) watermark: Watermark,
    state: Vec<Session>,
}

impl Sessions {
    /// The sessions that end.
    pub(crate) fn batch(&mut self, rows: &[Row]) -> Vec<Session> {
        self.batch_after(rows, rows)
    }

    /// A batch of which the watermark sees `observed`, and the aggregation what is left of it.
    pub(crate) fn batch_after(&mut self, observed: &[Row], rows: &[Row]) -> Vec<Session> {
        self.watermark.batch(observed);
        for row in rows {
            let (start_ms, end_ms) = (row.ms, row.ms + gap_ms(row));
            if start_ms == end_ms || gap_ms(row) < 0 || end_ms <= self.watermark.late_ms {
                continue;
            }
            let mut new = Session { key: row.key.clone(), start_ms, end_ms, rows: vec![row.clone()] };
            let touches = |other: &Session| {
                other.key == row.key && other.start_ms <= end_ms && start_ms <= other.end_ms
            };
            for other in self.state.extract_if(.., |other| touches(other)) {
                new.start_ms = new.start_ms.min(other.start_ms);
                new.end_ms = new.end_ms.max(other.end_ms);
                new.rows.extend(other.rows);
            }
            self.state.push(new);
        }
        let evict_ms = self.watermark.evict_ms;
        self.state.extract_if(.., |session| session.end_ms <= evict_ms).collect()
    }

    pub(crate) fn state_rows(&self) -> usize {
        self.state.len()
    }
}
