//! [`Sides`]: the rows that a worker keeps of both sides of a join, and what a row does when it arrives.
//!
//! A symmetric hash join (SEMANTICS 10, Spark's `StreamingSymmetricHashJoinExec`): a row looks for partners among the rows of the
//! other side that are kept, comes out with each that it matches, and is kept itself, for those that are to come.

use crate::error::{Error, Result};
use crate::format::Arena;
use crate::operator::join::{Admitted, Keyed};
use crate::plan::BatchContext;
use crate::plan::item::Item;
use crate::state::join_rows::JoinRows;

use super::bounds::Bounds;
use super::kind::Rules;
use super::made::Outbox;

/// A worker's share of a join.
#[derive(Debug)]
pub(super) struct Sides {
    pub(super) left: JoinRows,
    pub(super) right: JoinRows,
    pub(super) made: Outbox,
    pub(super) counts: Counts,
    rules: Rules,
    bounds: Bounds,
    late_micros: i64,
    evict_micros: i64,
    /// The row at hand, packed.
    row: Vec<u8>,
    arena: Arena,
}

/// What became of a batch's rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Rows that were stored.
    pub(super) stored: u64,
    /// Rows that were removed, as Spark counts: without those of a side whose unmatched rows come out.
    pub(super) removed: u64,
    pub(super) late: u64,
    pub(super) max_lateness_micros: i64,
}

impl Sides {
    pub(super) fn new(seed: u64, rules: Rules, bounds: Bounds) -> Self {
        let (left, right) = bounds.retention();
        Self {
            left: JoinRows::new(seed, left),
            right: JoinRows::new(seed, right),
            made: Outbox::default(),
            counts: Counts::default(),
            rules,
            bounds,
            late_micros: 0,
            evict_micros: 0,
            row: Vec::new(),
            arena: Arena::default(),
        }
    }

    pub(super) fn begin(&mut self, batch: &BatchContext) {
        self.made = Outbox::default();
        self.counts = Counts::default();
        self.late_micros = batch.late_micros;
        self.evict_micros = batch.evict_micros;
    }

    /// Whether the row comes too late for the join. Counts it, if so.
    fn is_late(&mut self, time: Option<i64>) -> bool {
        let Some(time) = time.filter(|time| *time <= self.late_micros) else { return false };
        let lateness = self.late_micros.saturating_sub(time);
        self.counts.late += 1;
        self.counts.max_lateness_micros = self.counts.max_lateness_micros.max(lateness);
        true
    }

    /// Whether a row can match at all. A null in the key equals nothing, and a null event time is within nothing.
    fn may_match(&self, admitted: &Admitted) -> bool {
        admitted.may_match && !(self.bounds.restrict() && admitted.time.is_none())
    }

    /// A left row arrives, if its row function has admitted it. `place` is its place among the rows of all workers, if there are several.
    pub(super) fn arrive_left<L: Item, R: Item>(
        &mut self,
        target: &mut impl Keyed,
        view: L::View<'_>,
        place: Option<u64>,
        condition: impl for<'l, 'r> Fn(L::View<'l>, R::View<'r>) -> bool,
    ) -> Result<()> {
        let Some((admitted, key)) = target.take() else { return Ok(()) };
        let rules = self.rules;
        if self.is_late(admitted.time) {
            target.set_late();
            return Ok(());
        }
        self.row.clear();
        L::pack(view, &mut self.row);
        if !self.may_match(&admitted) {
            if rules.unmatched_left {
                self.made.push(place, |out| rules.left(&self.row, out));
            }
            return Ok(());
        }
        let mut matched = false;
        if !admitted.has_null {
            self.arena.make_room();
            let mut at = self.right.first(admitted.hash, key);
            while let Some(id) = at {
                at = self.right.next(id);
                let right = R::unpack(&mut self.right.row(id), &self.arena).ok_or_else(damaged)?;
                if !condition(view, right) {
                    continue;
                }
                matched = true;
                if !rules.pairs {
                    break;
                }
                self.made.push(place, |out| rules.pair(&self.row, self.right.row(id), out));
                if rules.unmatched_right {
                    self.right.set_matched(id);
                }
            }
        } else if !rules.unmatched_left {
            return Ok(());
        }
        if matched && !rules.pairs {
            // It has come out for good, or never will.
            if rules.matched_left {
                self.made.push(place, |out| rules.left(&self.row, out));
            }
            return Ok(());
        }
        let expiry = self.bounds.left_expiry(admitted.time);
        self.left.insert(admitted.hash, key, expiry, &self.row, matched);
        self.counts.stored += 1;
        Ok(())
    }

    /// As `arrive_left`, for a right row.
    pub(super) fn arrive_right<L: Item, R: Item>(
        &mut self,
        target: &mut impl Keyed,
        view: R::View<'_>,
        place: Option<u64>,
        condition: impl for<'l, 'r> Fn(L::View<'l>, R::View<'r>) -> bool,
    ) -> Result<()> {
        let Some((admitted, key)) = target.take() else { return Ok(()) };
        let rules = self.rules;
        if self.is_late(admitted.time) {
            target.set_late();
            return Ok(());
        }
        self.row.clear();
        R::pack(view, &mut self.row);
        if !self.may_match(&admitted) {
            if rules.unmatched_right {
                self.made.push(place, |out| rules.right(&self.row, out));
            }
            return Ok(());
        }
        let mut matched = false;
        if !admitted.has_null {
            self.arena.make_room();
            let mut at = self.left.first(admitted.hash, key);
            while let Some(id) = at {
                at = self.left.next(id);
                let is_first = !self.left.is_matched(id);
                if !rules.pairs && !is_first {
                    continue;
                }
                let left = L::unpack(&mut self.left.row(id), &self.arena).ok_or_else(damaged)?;
                if !condition(left, view) {
                    continue;
                }
                matched = true;
                if rules.pairs {
                    self.made.push(place, |out| rules.pair(self.left.row(id), &self.row, out));
                } else if rules.matched_left {
                    self.made.push(place, |out| rules.left(self.left.row(id), out));
                }
                if is_first && (rules.unmatched_left || !rules.pairs) {
                    self.left.set_matched(id);
                }
            }
        } else if !rules.unmatched_right {
            return Ok(());
        }
        let expiry = self.bounds.right_expiry(admitted.time);
        // No left row comes after it in this batch, and none that matches it in a later one.
        if expiry <= self.evict_micros && (matched || !rules.unmatched_right) {
            return Ok(());
        }
        self.right.insert(admitted.hash, key, expiry, &self.row, matched);
        self.counts.stored += 1;
        Ok(())
    }

    /// Lets go of the rows that the watermark has passed; those that never matched come out, where the kind of join says so.
    pub(super) fn evict(&mut self) {
        let Self { left, right, made, counts, rules, evict_micros, .. } = self;
        left.expire(*evict_micros);
        right.expire(*evict_micros);
        if !(rules.pairs && rules.unmatched_left) {
            counts.removed += left.expired().len() as u64;
        }
        if !rules.unmatched_right {
            counts.removed += right.expired().len() as u64;
        }
        if rules.unmatched_left {
            let unmatched = left.expired().iter().filter(|&&id| !left.is_matched(id));
            unmatched.for_each(|&id| {
                made.push_unmatched(false, left.expiry(id), |out| rules.left(left.row(id), out));
            });
        }
        if rules.unmatched_right {
            let unmatched = right.expired().iter().filter(|&&id| !right.is_matched(id));
            unmatched.for_each(|&id| {
                made.push_unmatched(true, right.expiry(id), |out| rules.right(right.row(id), out));
            });
        }
        left.drop_expired();
        right.drop_expired();
    }
}

fn damaged() -> Error {
    Error::Other("state holds a row of a join that can't be read; the checkpoint is damaged".into())
}
