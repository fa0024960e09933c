//! The cases as a careful engineer would write them for one purpose: the same parser, the same hash function, keys looked
//! up borrowed, no look at what isn't evicted, the watermark advanced after each batch.

mod dedup;
mod enriched;
mod join;
#[cfg(feature = "parquet")]
mod parquet;
mod sessions;
mod windows;

use std::path::Path;

use stream_runtime::format::Arena;
use stream_runtime::prelude::*;

pub(crate) use self::dedup::W5;
pub(crate) use self::enriched::W3;
pub(crate) use self::join::{join_in_memory, join_over_json};
#[cfg(feature = "parquet")]
pub(crate) use self::parquet::over_parquet;
pub(crate) use self::sessions::W6;
pub(crate) use self::windows::{W1, W2};
use super::input::{Event, EventView};

type Hasher = rapidhash::fast::RandomState;

const MINUTE: i64 = 60_000_000;

/// The watermark of a loop, in µs.
#[derive(Default)]
struct Watermark {
    latest: i64,
    /// What is at or before this is late.
    late: i64,
    /// What is at or before this is evicted at the end of the batch.
    evict: i64,
}

impl Watermark {
    #[inline]
    fn observe(&mut self, ts: i64) {
        self.latest = self.latest.max(ts);
    }

    fn end_batch(&mut self, delay: i64) {
        self.late = self.evict;
        self.evict = self.evict.max(self.latest - delay);
    }
}

/// A loop that computes a case.
pub(crate) trait Case: Default {
    /// Takes in a row.
    fn row(&mut self, event: EventView<'_>);

    /// Ends a batch, and counts the result rows that it has built.
    fn end_batch(&mut self) -> usize;
}

/// Over rows in memory; gives the number of result rows, and the loop as it is after the last batch.
pub(crate) fn in_memory<C: Case>(batches: &[Vec<Event>]) -> (usize, C) {
    let mut case = C::default();
    let mut results = 0;
    for batch in batches {
        for event in batch {
            case.row(event.view());
        }
        results += case.end_batch();
    }
    results += case.end_batch();
    (results, case)
}

/// Over files of JSON lines, one a batch, with the columns that the case needs.
pub(crate) fn over_json<C: Case, const COLUMNS: u128>(files: &[impl AsRef<Path>]) -> usize {
    let mut case = C::default();
    let mut results = 0;
    for file in files {
        let text = std::fs::read_to_string(file).expect("the input can be read");
        let arena = Arena::default();
        for line in text.lines() {
            case.row(Event::decode_json::<COLUMNS>(line, &arena).expect("the input is well-formed"));
        }
        results += case.end_batch();
    }
    results + case.end_batch()
}
