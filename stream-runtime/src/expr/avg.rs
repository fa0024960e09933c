//! `avg(x)`: the mean of a column.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::column::{Column, Ref, Scalar, Value, family};
use super::wide::Wide;
use super::{Accumulator, Unfinished};
use crate::time::Duration;

/// `avg(x)`: the mean of the values that aren't null, as Spark's `avg`.
///
/// The mean of numbers is an `f64`, that of [`Duration`]s a [`Duration`] rounded to the nearest microsecond (half
/// away from zero, as in Spark). Integers are added exactly before the one division, where Spark adds doubles.
///
/// Null if a column that may be null has no value.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Avg<T: Column<Scalar: MeanOf>> {
    total: <T::Scalar as MeanOf>::Total,
    count: u64,
}

impl<T: Column<Scalar: MeanOf>> Default for Avg<T> {
    #[inline]
    fn default() -> Self {
        Self { total: Default::default(), count: 0 }
    }
}

impl<T: Column<Scalar: MeanOf>> Avg<T> {
    /// Takes in a row's value.
    #[inline]
    pub fn update<V: Averageable<Column = T>>(&mut self, value: &V) {
        if let Some(value) = value.scalar() {
            T::Scalar::add_to(value, &mut self.total);
            self.count = self.count.saturating_add(1);
        }
    }

    /// The mean.
    #[inline]
    pub fn finish(&self) -> Result<T::Result<<T::Scalar as MeanOf>::Mean>, Unfinished> {
        T::result((self.count > 0).then(|| T::Scalar::mean(&self.total, self.count)))
    }
}

impl<T: Column<Scalar: MeanOf>> Accumulator for Avg<T> {
    #[inline]
    fn merge(&mut self, other: Self) {
        T::Scalar::merge(&mut self.total, other.total);
        self.count = self.count.saturating_add(other.count);
    }
}

/// What `avg` can take the mean of.
#[diagnostic::on_unimplemented(
    message = "`avg` needs a number, and this column is `{Self}`",
    label = "`{Self}` has no mean",
    note = "`avg` takes integers of up to 64 bits, floats, durations, and `Option`s of those"
)]
pub trait Averageable {
    /// What state keeps it as.
    type Column: Column<Scalar: MeanOf>;

    /// The value as the row has it, or `None` for null.
    fn scalar(&self) -> Option<Ref<'_, Self::Column>>;
}

family!(Averageable: u8, u16, u32, u64, usize, i8, i16, i32, i64, isize, f32, f64, Duration);

/// A scalar that has a mean.
pub trait MeanOf: Scalar {
    /// What its values add up to while rows come in.
    type Total: Clone + Default + std::fmt::Debug + Send + Sync + Serialize + DeserializeOwned + 'static;
    /// What a query gets.
    type Mean;

    /// Adds the value.
    fn add_to(value: Self::Ref<'_>, total: &mut Self::Total);
    /// Adds a later part of the rows.
    fn merge(total: &mut Self::Total, other: Self::Total);
    /// The mean of `count` values, at least one.
    fn mean(total: &Self::Total, count: u64) -> Self::Mean;
}

macro_rules! floats {
    ($($type:ty),*) => {$(
        impl MeanOf for $type {
            type Total = f64;
            type Mean = f64;

            #[inline]
            fn add_to(value: Self, total: &mut f64) {
                *total += f64::from(value);
            }
            #[inline]
            fn merge(total: &mut f64, other: f64) {
                *total += other;
            }
            #[inline]
            fn mean(total: &f64, count: u64) -> f64 {
                total / count as f64
            }
        }
    )*};
}
floats!(f32, f64);

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl MeanOf for $type {
            type Total = Wide;
            type Mean = f64;

            #[inline]
            #[allow(clippy::cast_lossless, reason = "one cast for all types")]
            fn add_to(value: Self, total: &mut Wide) {
                total.add(value as i128);
            }
            #[inline]
            fn merge(total: &mut Wide, other: Wide) {
                total.add(other.get());
            }
            #[inline]
            fn mean(total: &Wide, count: u64) -> f64 {
                total.get() as f64 / count as f64
            }
        }
    )*};
}
integers!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

impl MeanOf for Duration {
    type Total = Wide;
    type Mean = Duration;

    #[inline]
    fn add_to(value: Self, total: &mut Wide) {
        total.add(i128::from(value.as_micros()));
    }
    #[inline]
    fn merge(total: &mut Wide, other: Wide) {
        total.add(other.get());
    }
    fn mean(total: &Wide, count: u64) -> Duration {
        let (total, count) = (total.get(), i128::from(count));
        let mut mean = total / count;
        if (total % count).unsigned_abs() * 2 >= count.unsigned_abs() {
            mean += total.signum();
        }
        Duration::from_micros(mean.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }
}
