//! What a query means: its shapes, its output modes, its lateness, checked against results that were worked out by
//! hand from the rules.

mod aggregates;
mod chains;
mod complete;
mod formats;
mod global;
mod joins;
mod keys;
mod lateness;
mod limit;
mod microseconds;
mod no_data;
mod order;
mod rows;
mod static_joins;
mod windows;

use stream_runtime::prelude::*;

/// An instant of 1970, by seconds.
fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(second)
}

/// A window of 1970, by seconds.
fn window(start: i64, end: i64) -> Window {
    Window { start: at(start), end: at(end) }
}
