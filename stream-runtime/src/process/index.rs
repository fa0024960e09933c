//! [`TimerIndex`]: which keys of a worker are due, by each of the clocks.
//!
//! It holds exactly the timers that its keys hold: one that is cancelled is gone from it, so that an empty place in
//! the worker's table may be used again.

use std::collections::BTreeSet;

use crate::time::Timestamp;

use super::timer::{Timer, TimerKind};

/// Times, each with the place of a key in the worker's table.
type Times = BTreeSet<(Timestamp, u32)>;

/// The timers of a worker's keys, and the instants at which values of their state expire.
#[derive(Debug, Default)]
pub(crate) struct TimerIndex {
    event: Times,
    processing: Times,
    expiries: Times,
}

impl TimerIndex {
    fn of(&self, kind: TimerKind) -> &Times {
        match kind {
            TimerKind::EventTime => &self.event,
            TimerKind::ProcessingTime => &self.processing,
        }
    }

    fn of_mut(&mut self, kind: TimerKind) -> &mut Times {
        match kind {
            TimerKind::EventTime => &mut self.event,
            TimerKind::ProcessingTime => &mut self.processing,
        }
    }

    pub(crate) fn insert(&mut self, timer: Timer, place: u32) {
        self.of_mut(timer.kind).insert((timer.time, place));
    }

    pub(crate) fn remove(&mut self, timer: Timer, place: u32) {
        self.of_mut(timer.kind).remove(&(timer.time, place));
    }

    /// The time of the next timer of a kind.
    pub(crate) fn next(&self, kind: TimerKind) -> Option<Timestamp> {
        self.of(kind).first().map(|(time, _)| *time)
    }

    /// How many timers of a kind there are.
    pub(crate) fn count(&self, kind: TimerKind) -> usize {
        self.of(kind).len()
    }

    /// The places of the keys that have this timer.
    pub(crate) fn places(&self, timer: Timer) -> impl Iterator<Item = u32> {
        self.of(timer.kind).range((timer.time, 0)..=(timer.time, u32::MAX)).map(|(_, place)| *place)
    }

    /// Moves the instant at which the first value of a key expires; `Timestamp::MAX` is none.
    pub(crate) fn move_expiry(&mut self, place: u32, before: Timestamp, now: Timestamp) {
        if before != now {
            self.expiries.remove(&(before, place));
            if now != Timestamp::MAX {
                self.expiries.insert((now, place));
            }
        }
    }

    /// The places of the keys that have values which expire at or before `now`.
    pub(crate) fn expired(&self, now: Timestamp) -> impl Iterator<Item = u32> {
        self.expiries.range(..=(now, u32::MAX)).map(|(_, place)| *place)
    }

    /// About the bytes that it takes.
    pub(crate) fn allocated_bytes(&self) -> usize {
        let entries = self.event.len() + self.processing.len() + self.expiries.len();
        entries * size_of::<(Timestamp, u32)>()
    }
}
