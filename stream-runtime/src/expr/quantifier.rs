//! `any(condition)` and `every(condition)`: whether a condition holds for at least one row, or for all.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::column::Column;
use super::condition::Condition;
use super::{Accumulator, Unfinished};

/// `any(condition)`: whether the condition holds for at least one row (Spark's `any`, `some`, `bool_or`).
///
/// Nulls are skipped. Null if a condition that may be null has no value.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct Any<T> {
    holds: Option<bool>,
    column: PhantomData<fn() -> T>,
}

impl<T> Default for Any<T> {
    #[inline]
    fn default() -> Self {
        Self { holds: None, column: PhantomData }
    }
}

impl<T: Column<Scalar = bool>> Any<T> {
    /// Takes in a row's condition.
    #[inline]
    pub fn update<C: Condition<Column = T>>(&mut self, condition: &C) {
        if let Some(holds) = condition.scalar() {
            self.holds = Some(self.holds == Some(true) || holds);
        }
    }

    /// Whether it held for a row.
    #[inline]
    pub fn finish(&self) -> Result<T::Result<bool>, Unfinished> {
        T::result(self.holds)
    }
}

impl<T: Column> Accumulator for Any<T> {
    fn merge(&mut self, other: Self) {
        if let Some(holds) = other.holds {
            self.holds = Some(self.holds == Some(true) || holds);
        }
    }
}

/// `every(condition)`: whether the condition holds for all rows (Spark's `every`, `bool_and`).
///
/// Nulls are skipped. Null if a condition that may be null has no value.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct Every<T> {
    holds: Option<bool>,
    column: PhantomData<fn() -> T>,
}

impl<T> Default for Every<T> {
    #[inline]
    fn default() -> Self {
        Self { holds: None, column: PhantomData }
    }
}

impl<T: Column<Scalar = bool>> Every<T> {
    /// Takes in a row's condition.
    #[inline]
    pub fn update<C: Condition<Column = T>>(&mut self, condition: &C) {
        if let Some(holds) = condition.scalar() {
            self.holds = Some(self.holds != Some(false) && holds);
        }
    }

    /// Whether it held for each row.
    #[inline]
    pub fn finish(&self) -> Result<T::Result<bool>, Unfinished> {
        T::result(self.holds)
    }
}

impl<T: Column> Accumulator for Every<T> {
    fn merge(&mut self, other: Self) {
        if let Some(holds) = other.holds {
            self.holds = Some(self.holds != Some(false) && holds);
        }
    }
}
