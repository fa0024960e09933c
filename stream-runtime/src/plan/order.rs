//! `order by`: the rows of each result in an order of the query's own.
//!
//! Invariant: rows of equal keys stay in the order in which the operators put them out, which the number of workers doesn't change.

use std::cmp::Ordering;

use crate::expr::SortKey;

/// The order in which the rows of a batch's result leave the plan.
pub trait Order<O>: Send + Sync + 'static {
    /// Puts the rows in order.
    fn sort(&self, rows: &mut [O]);
}

/// No `order by`: rows stay as the operators put them out.
#[derive(Debug)]
pub struct AsEmitted;

impl<O> Order<O> for AsEmitted {
    fn sort(&self, _rows: &mut [O]) {}
}

/// The order of `order by`, as a comparison of two rows.
#[derive(Debug)]
pub struct OrderBy<C>(pub(super) C);

impl<O, C> Order<O> for OrderBy<C>
where
    C: Fn(&O, &O) -> Ordering + Send + Sync + 'static,
{
    fn sort(&self, rows: &mut [O]) {
        rows.sort_by(&self.0);
    }
}

/// Compares two rows by one key.
#[inline]
pub fn compare<'a, O, K: SortKey>(left: &'a O, right: &'a O, key: impl Fn(&'a O) -> K) -> Ordering {
    key(left).compare(&key(right))
}
