//! `first(x)` and `last(x)`: the values of a group's first and last row.

use serde::{Deserialize, Serialize};

use super::column::{Column, Value};
use super::{Accumulator, Unfinished};

/// `first(x)`: the value of the first row, even if it's null, as Spark's `first` (which leaves open which row is
/// the first; here it is the first in the order of the input).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct First<T: Column>(Option<T>);

impl<T: Column> Default for First<T> {
    #[inline]
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Column> First<T> {
    /// Keeps the first row's value.
    #[inline]
    pub fn update<V: Value<Column = T>>(&mut self, value: &V) {
        if self.0.is_none() {
            self.0 = Some(value.column());
        }
    }

    /// The first row's value.
    #[inline]
    pub fn finish(&self) -> Result<T::Lift<T>, Unfinished> {
        T::lift(self.0.clone())
    }
}

impl<T: Column> Accumulator for First<T> {
    fn merge(&mut self, other: Self) {
        if self.0.is_none() {
            self.0 = other.0;
        }
    }
}

/// `last(x)`: the value of the last row, even if it's null, as Spark's `last` (which leaves open which row is the
/// last; here it is the last in the order of the input).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct Last<T: Column>(Option<T>);

impl<T: Column> Default for Last<T> {
    #[inline]
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Column> Last<T> {
    /// Puts the row's value in place of the row's before.
    #[inline]
    pub fn update<V: Value<Column = T>>(&mut self, value: &V) {
        match &mut self.0 {
            Some(last) => value.store(last),
            None => self.0 = Some(value.column()),
        }
    }

    /// The last row's value.
    #[inline]
    pub fn finish(&self) -> Result<T::Lift<T>, Unfinished> {
        T::lift(self.0.clone())
    }
}

impl<T: Column> Accumulator for Last<T> {
    fn merge(&mut self, other: Self) {
        if other.0.is_some() {
            self.0 = other.0;
        }
    }
}
