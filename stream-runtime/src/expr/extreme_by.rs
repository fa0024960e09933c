//! `min_by(x, y)` and `max_by(x, y)`: the `x` of the row whose `y` is the smallest or the largest.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::column::{Column, Scalar, ScalarRef, Value};
use super::extreme::{End, Largest, Ordered, Smallest};
use super::{Accumulator, Unfinished};

/// `min_by(x, y)`: the `x` of the row with the smallest `y`. See [`ExtremeBy`].
pub type MinBy<X, Y> = ExtremeBy<X, Y, Smallest>;

/// `max_by(x, y)`: the `x` of the row with the largest `y`. See [`ExtremeBy`].
pub type MaxBy<X, Y> = ExtremeBy<X, Y, Largest>;

/// [`MinBy`] and [`MaxBy`].
///
/// Rows whose `y` is null are skipped, as in Spark; `x` may be null, and then so is the result. Of rows with equal `y`
/// the earliest counts (Spark leaves that open). `y` is ordered as [`Min`](super::Min) orders it.
///
/// The result is null if no row has a `y`; `x` becomes an `Option` if `y` is one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct ExtremeBy<X: Column, Y: Column, E> {
    row: Option<(X, Y::Scalar)>,
    end: PhantomData<E>,
}

impl<X: Column, Y: Column, E> Default for ExtremeBy<X, Y, E> {
    #[inline]
    fn default() -> Self {
        Self { row: None, end: PhantomData }
    }
}

impl<X: Column, Y: Column, E: End> ExtremeBy<X, Y, E> {
    /// Takes in a row.
    #[inline]
    pub fn update<V: Value<Column = X>, W: Ordered<Column = Y>>(&mut self, value: &V, by: &W) {
        let Some(by) = by.scalar() else { return };
        match &mut self.row {
            None => self.row = Some((value.column(), by.owned())),
            Some((kept, extreme)) if E::is_nearer(by, extreme) => {
                value.store(kept);
                by.store(extreme);
            }
            Some(_) => {}
        }
    }

    /// The value of the extreme row.
    #[inline]
    pub fn finish(&self) -> Result<Y::Lift<X>, Unfinished> {
        Y::lift(self.row.as_ref().map(|(value, _)| value.clone()))
    }
}

impl<X: Column, Y: Column, E: End> Accumulator for ExtremeBy<X, Y, E> {
    fn merge(&mut self, other: Self) {
        let Some(other) = other.row else { return };
        match &self.row {
            Some((_, extreme)) if !E::is_nearer(other.1.borrowed(), extreme) => {}
            _ => self.row = Some(other),
        }
    }
}
