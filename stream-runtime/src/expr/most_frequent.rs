//! `mode(x)`: the most frequent value of a column.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::column::{Column, Value};
use super::discrete::Discrete;
use super::distinct_values::DistinctValues;
use super::{Accumulator, Unfinished};
use crate::state::key::{Key, OwnedKey};
use crate::time::{Date, Duration, Timestamp, Window};

/// `mode(x)`: the most frequent of the values that aren't null, as Spark's `mode`; of equally frequent ones the
/// smallest (Spark leaves that open). State holds each different value and its count.
///
/// Null if a column that may be null has no value.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct MostFrequent<T: Column<Scalar: OwnedKey>>(DistinctValues<T::Scalar, u64>);

impl<T: Column<Scalar: OwnedKey>> Default for MostFrequent<T> {
    #[inline]
    fn default() -> Self {
        Self(DistinctValues::default())
    }
}

impl<T: Column<Scalar: OwnedKey>> MostFrequent<T> {
    /// Counts a row's value.
    #[inline]
    pub fn update<V: Frequent<Column = T>>(&mut self, value: &V) {
        if let Some(key) = value.key() {
            let count = self.0.entry(&key);
            *count = count.saturating_add(1);
        }
    }

    /// The most frequent value.
    pub fn finish(&self) -> Result<T::Result<T::Scalar>, Unfinished> {
        let mode = self.0.iter().max_by_key(|(value, count)| (*count, Reverse(value)));
        T::result(mode.map(|(value, _)| value.clone()))
    }
}

impl<T: Column<Scalar: OwnedKey>> Accumulator for MostFrequent<T> {
    fn merge(&mut self, other: Self) {
        for (value, count) in other.0.into_entries() {
            let total = self.0.entry_owned(value);
            *total = total.saturating_add(count);
        }
    }
}

/// What `mode` can count: a value that is exactly equal to another or isn't.
#[diagnostic::on_unimplemented(
    message = "`mode` needs values that are exactly equal or not, and this column is `{Self}`",
    label = "`{Self}` can't be told apart exactly",
    note = "`mode` takes text, bytes, integers, `bool`, times, windows, and `Option`s of those; round a float to an integer first, for instance `(x * 100.0).round() as i64`"
)]
pub trait Frequent {
    /// What state keeps it as.
    type Column: Column<Scalar: OwnedKey>;
    /// The form that a row has it in.
    type Ref<'a>: Key<Owned = <Self::Column as Column>::Scalar>
    where
        Self: 'a;

    /// The value, or `None` for null.
    fn key(&self) -> Option<Self::Ref<'_>>;
}

macro_rules! frequent {
    ($($type:ty),* $(,)?) => {$(
        frequent!(@ $type);
        frequent!(@ Option<$type>);
    )*};
    (@ $type:ty) => {
        #[diagnostic::do_not_recommend]
        impl Frequent for $type {
            type Column = <Self as Value>::Column;
            type Ref<'a> = <Self as Discrete>::Ref<'a> where Self: 'a;
            #[inline]
            fn key(&self) -> Option<Self::Ref<'_>> {
                Discrete::key(self)
            }
        }
    };
}

frequent! {
    bool, char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize,
    Timestamp, Duration, Date, Window, String, &str, Vec<u8>, &[u8],
}
