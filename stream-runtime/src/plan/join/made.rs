//! [`Made`]: the rows that a join has made in a batch, in their order, for the row function that comes next.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::Arena;
use crate::plan::item::Item;
use crate::plan::operator::WorkerContext;

/// What one worker has made.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    /// For each row, where there are several workers: its place among the rows of all of them, and where it begins.
    places: Vec<(u64, usize)>,
    /// Rows that come after all others, where they begin, and what they are sorted by.
    unmatched: Vec<Unmatched>,
}

/// A row that comes out because it has not matched.
#[derive(Debug)]
struct Unmatched {
    /// The left side's come first.
    is_right: bool,
    expiry: i64,
    start: usize,
    end: usize,
}

/// The rows of all workers.
#[derive(Debug, Default)]
pub(super) struct Made {
    bytes: Vec<Vec<u8>>,
    /// Up to here the rows of a lone worker follow one another.
    in_sequence: usize,
    /// For each row after those: the worker that has made it, and where it begins.
    order: Vec<(u32, usize)>,
}

impl Outbox {
    /// Begins a row, which `write` appends; `place` is that of the row that has brought it about.
    pub(super) fn push(&mut self, place: Option<u64>, write: impl FnOnce(&mut Vec<u8>)) {
        if let Some(place) = place {
            self.places.push((place, self.bytes.len()));
        }
        write(&mut self.bytes);
    }

    /// As `push`, for a row that comes out at the end of the batch.
    pub(super) fn push_unmatched(&mut self, is_right: bool, expiry: i64, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.unmatched.push(Unmatched { is_right, expiry, start, end: self.bytes.len() });
    }
}

impl Made {
    /// Puts the rows of all workers in order: matches as their rows came, then what has not matched, by side and time.
    pub(super) fn new(mut boxes: Vec<Outbox>) -> Arc<Self> {
        let mut unmatched: Vec<_> = boxes
            .iter()
            .enumerate()
            .flat_map(|(index, outbox)| outbox.unmatched.iter().map(move |row| (index, row)))
            .collect();
        let content = |&(index, row): &(usize, &Unmatched)| {
            (row.is_right, row.expiry, &boxes[index].bytes[row.start..row.end])
        };
        unmatched.sort_unstable_by(|left, right| content(left).cmp(&content(right)));
        let unmatched: Vec<_> = unmatched.into_iter().map(|(index, row)| (index as u32, row.start)).collect();
        let mut matches: Vec<(u64, u32, usize)> = Vec::new();
        for (index, outbox) in boxes.iter_mut().enumerate() {
            matches.extend(outbox.places.drain(..).map(|(place, start)| (place, index as u32, start)));
        }
        // Each worker's are in order already, which this sort makes use of. What one row has brought about lies with one worker.
        matches.sort_by_key(|(place, ..)| *place);
        let order = matches.into_iter().map(|(_, index, start)| (index, start)).chain(unmatched).collect();
        let in_sequence = match boxes.as_slice() {
            [alone] => alone.unmatched.first().map_or(alone.bytes.len(), |first| first.start),
            _ => 0,
        };
        Arc::new(Self { bytes: boxes.into_iter().map(|outbox| outbox.bytes).collect(), in_sequence, order })
    }

    /// Calls `row` with each row of a worker's share.
    pub(super) fn for_each<I: Item>(
        &self,
        context: WorkerContext,
        mut row: impl FnMut(I::View<'_>),
    ) -> Result<()> {
        let mut arena = Arena::default();
        let mut in_sequence = self.bytes.first().map_or(&[][..], |bytes| &bytes[..self.in_sequence]);
        while !in_sequence.is_empty() {
            arena.make_room();
            // A borrow of its own, which ends with the row.
            let mut rest = in_sequence;
            row(I::unpack(&mut rest, &arena).ok_or_else(damaged)?);
            in_sequence = &in_sequence[in_sequence.len() - rest.len()..];
        }
        let share = |worker: usize| self.order.len() * worker / context.workers;
        for &(index, start) in &self.order[share(context.worker)..share(context.worker + 1)] {
            arena.make_room();
            let mut bytes = &self.bytes[index as usize][start..];
            row(I::unpack(&mut bytes, &arena).ok_or_else(damaged)?);
        }
        Ok(())
    }
}

fn damaged() -> Error {
    Error::Other("a row was damaged between a join and what follows it".into())
}
