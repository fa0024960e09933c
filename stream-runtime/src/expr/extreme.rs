//! `min(x)` and `max(x)`: the smallest and the largest value of a column.

use std::fmt::Debug;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::column::{Column, Ref, Scalar, ScalarRef, Value, family};
use super::{Accumulator, Unfinished};
use crate::time::{Date, Duration, Timestamp, Window};

/// `min(x)`: the smallest of the values that aren't null, as Spark's `min`. See [`Extreme`].
pub type Min<T> = Extreme<T, Smallest>;

/// `max(x)`: the largest of the values that aren't null, as Spark's `max`. See [`Extreme`].
pub type Max<T> = Extreme<T, Largest>;

/// [`Min`] and [`Max`].
///
/// Null if a column that may be null has no value. Numbers are in their natural order, text and bytes in the order
/// of their bytes, `false` before `true`, windows by start and then by end. `NaN` is larger than any number, as in
/// Spark, and -0.0 equal to 0.0; of equal values the earliest is kept. Text is copied only when it becomes the
/// result, into memory that is used again.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Extreme<T: Column, E>(Option<T::Scalar>, PhantomData<E>);

impl<T: Column, E> Default for Extreme<T, E> {
    #[inline]
    fn default() -> Self {
        Self(None, PhantomData)
    }
}

impl<T: Column, E: End> Extreme<T, E> {
    /// Takes in a row's value.
    #[inline]
    pub fn update<V: Ordered<Column = T>>(&mut self, value: &V) {
        let Some(value) = value.scalar() else { return };
        match &mut self.0 {
            None => self.0 = Some(value.owned()),
            Some(extreme) if E::is_nearer(value, extreme) => value.store(extreme),
            Some(_) => {}
        }
    }

    /// The value.
    #[inline]
    pub fn finish(&self) -> Result<T::Result<T::Scalar>, Unfinished> {
        T::result(self.0.clone())
    }
}

impl<T: Column, E: End> Accumulator for Extreme<T, E> {
    fn merge(&mut self, other: Self) {
        let Some(other) = other.0 else { return };
        match &self.0 {
            Some(extreme) if !E::is_nearer(other.borrowed(), extreme) => {}
            _ => self.0 = Some(other),
        }
    }
}

/// The end of the order that an aggregate looks for.
pub trait End: Clone + Debug + Send + Sync + 'static {
    /// Whether the value is nearer to the end than the one found before.
    fn is_nearer<R: ScalarRef>(value: R, found: &R::Owned) -> bool;
}

/// The beginning of the order.
#[derive(Clone, Copy, Debug)]
pub enum Smallest {}

/// The end of the order.
#[derive(Clone, Copy, Debug)]
pub enum Largest {}

impl End for Smallest {
    #[inline]
    fn is_nearer<R: ScalarRef>(value: R, found: &R::Owned) -> bool {
        value.is_before(found)
    }
}

impl End for Largest {
    #[inline]
    fn is_nearer<R: ScalarRef>(value: R, found: &R::Owned) -> bool {
        value.is_after(found)
    }
}

/// What `min` and `max` can put in order, and `min_by` and `max_by` can order by.
#[diagnostic::on_unimplemented(
    message = "`min` and `max` need values that have an order, and this column is `{Self}`",
    label = "`{Self}` has no order here",
    note = "text, bytes, numbers, `bool`, times, windows, and `Option`s of those have one"
)]
pub trait Ordered {
    /// What state keeps it as.
    type Column: Column;

    /// The value as the row has it, or `None` for null.
    fn scalar(&self) -> Option<Ref<'_, Self::Column>>;
}

family!(Ordered:
    bool, char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64,
    Timestamp, Duration, Date, Window, String, &str, Vec<u8>, &[u8],
);
