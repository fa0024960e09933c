//! `count()`, `count(x)` and `count_if(condition)`: how many rows, or how many of them.
//!
//! Counts are total: with no row they are 0.

use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::{Accumulator, Unfinished};

/// `count()`: the number of rows, whatever is in them (Spark's `count(*)`).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CountRows(u64);

impl CountRows {
    /// Counts a row.
    #[inline]
    pub fn update(&mut self) {
        self.0 = self.0.saturating_add(1);
    }

    /// The number of rows.
    #[inline]
    pub fn finish(&self) -> Result<u64, Unfinished> {
        Ok(self.0)
    }
}

impl Accumulator for CountRows {
    fn merge(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
    }
}

/// `count(x)`: the number of rows whose value isn't null, as in Spark.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CountValues(u64);

impl CountValues {
    /// Counts the row if its value isn't null.
    #[inline]
    pub fn update<V: MaybeNull>(&mut self, value: &V) {
        self.0 = self.0.saturating_add(u64::from(!value.is_null()));
    }

    /// The number of values.
    #[inline]
    pub fn finish(&self) -> Result<u64, Unfinished> {
        Ok(self.0)
    }
}

impl Accumulator for CountValues {
    fn merge(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
    }
}

/// `count_if(condition)`: the number of rows for which the condition holds; null doesn't hold, as in Spark.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CountIf(u64);

impl CountIf {
    /// Counts the row if the condition holds.
    #[inline]
    pub fn update<C: Condition>(&mut self, condition: &C) {
        self.0 = self.0.saturating_add(u64::from(condition.scalar() == Some(true)));
    }

    /// The number of rows for which the condition holds.
    #[inline]
    pub fn finish(&self) -> Result<u64, Unfinished> {
        Ok(self.0)
    }
}

impl Accumulator for CountIf {
    fn merge(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
    }
}

/// What `count(x)` can tell null from not null: an `Option` of anything, and every column type.
#[diagnostic::on_unimplemented(
    message = "`count(…)` counts the values that aren't null, and `{Self}` is never null",
    label = "this is `{Self}`",
    note = "`count()` counts rows; a column that may be null is an `Option`"
)]
pub trait MaybeNull {
    /// Whether this is null.
    fn is_null(&self) -> bool;
}

#[diagnostic::do_not_recommend]
impl<T> MaybeNull for Option<T> {
    #[inline]
    fn is_null(&self) -> bool {
        self.is_none()
    }
}

#[diagnostic::do_not_recommend]
impl<T: MaybeNull + ?Sized> MaybeNull for &T {
    #[inline]
    fn is_null(&self) -> bool {
        (**self).is_null()
    }
}

#[diagnostic::do_not_recommend]
impl<T> MaybeNull for [T] {
    #[inline]
    fn is_null(&self) -> bool {
        false
    }
}

#[diagnostic::do_not_recommend]
impl<T> MaybeNull for Vec<T> {
    #[inline]
    fn is_null(&self) -> bool {
        false
    }
}

macro_rules! never_null {
    ($($type:ty),*) => {$(
        #[diagnostic::do_not_recommend]
        impl MaybeNull for $type {
            #[inline]
            fn is_null(&self) -> bool {
                false
            }
        }
    )*};
}

never_null! {
    bool, char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, str, String,
    crate::time::Timestamp, crate::time::Duration, crate::time::Date, crate::time::Window
}
