//! `var_samp`, `var_pop`, `stddev_samp` and `stddev_pop`: how far values are spread around their mean.

use std::fmt::Debug;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::column::{Column, Ref, Scalar, Value, family};
use super::{Accumulator, Unfinished};

/// `stddev_samp(x)` (Spark's `stddev`): the sample standard deviation, an `Option<f64>`. See [`Spread`].
pub type StddevSamp<T> = Spread<T, SampleStddev>;

/// `stddev_pop(x)`: the population standard deviation. See [`Spread`].
pub type StddevPop<T> = Spread<T, PopulationStddev>;

/// `var_samp(x)` (Spark's `variance`): the sample variance, an `Option<f64>`. See [`Spread`].
pub type VarSamp<T> = Spread<T, SampleVariance>;

/// `var_pop(x)`: the population variance. See [`Spread`].
pub type VarPop<T> = Spread<T, PopulationVariance>;

/// [`StddevSamp`], [`StddevPop`], [`VarSamp`] and [`VarPop`] of the values that aren't null.
///
/// Computed in `f64` in one pass by Welford's update and Chan's merge, as in Spark, which keeps the spread of large
/// values that lie close together. The population kinds divide by n and are null if a column that may be null has
/// no value. The sample kinds divide by n − 1 and have no value for fewer than two rows, so their result is always an
/// `Option<f64>` (as in Spark since 3.1, which gave `NaN` before).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct Spread<T, S> {
    moments: Moments,
    kind: PhantomData<fn() -> (T, S)>,
}

impl<T, S> Default for Spread<T, S> {
    #[inline]
    fn default() -> Self {
        Self { moments: Moments::default(), kind: PhantomData }
    }
}

impl<T: Column<Scalar: Number>, S: Statistic> Spread<T, S> {
    /// Takes in a row's value.
    #[inline]
    pub fn update<V: Numeric<Column = T>>(&mut self, value: &V) {
        if let Some(value) = value.scalar() {
            self.moments.update(T::Scalar::to_f64(value));
        }
    }

    /// The spread.
    #[inline]
    pub fn finish(&self) -> Result<S::Result<T>, Unfinished> {
        S::of(&self.moments)
    }
}

impl<T: Column, S: Statistic> Accumulator for Spread<T, S> {
    #[inline]
    fn merge(&mut self, other: Self) {
        self.moments.merge(other.moments);
    }
}

/// How many values there are, their mean, and the sum of the squares of their distances from it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    #[inline]
    fn update(&mut self, value: f64) {
        self.count = self.count.saturating_add(1);
        let distance = value - self.mean;
        self.mean += distance / self.count as f64;
        self.squares += distance * (value - self.mean);
    }

    fn merge(&mut self, other: Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = other;
            return;
        }
        let count = self.count.saturating_add(other.count);
        let share = other.count as f64 / count as f64;
        let distance = other.mean - self.mean;
        self.mean += distance * share;
        self.squares += other.squares + distance * distance * self.count as f64 * share;
        self.count = count;
    }

    fn over(&self, divisor: u64) -> Option<f64> {
        (divisor > 0).then(|| self.squares / divisor as f64)
    }
}

/// What is made of the moments.
pub trait Statistic: Clone + Debug + 'static {
    /// The result over a column.
    type Result<T: Column>;
    /// The statistic.
    fn of<T: Column>(moments: &Moments) -> Result<Self::Result<T>, Unfinished>;
}

/// The kind of [`VarSamp`].
#[derive(Clone, Copy, Debug)]
pub enum SampleVariance {}

/// The kind of [`VarPop`].
#[derive(Clone, Copy, Debug)]
pub enum PopulationVariance {}

/// The kind of [`StddevSamp`].
#[derive(Clone, Copy, Debug)]
pub enum SampleStddev {}

/// The kind of [`StddevPop`].
#[derive(Clone, Copy, Debug)]
pub enum PopulationStddev {}

impl Statistic for SampleVariance {
    type Result<T: Column> = Option<f64>;
    fn of<T: Column>(moments: &Moments) -> Result<Option<f64>, Unfinished> {
        Ok(moments.over(moments.count.saturating_sub(1)))
    }
}

impl Statistic for PopulationVariance {
    type Result<T: Column> = T::Result<f64>;
    fn of<T: Column>(moments: &Moments) -> Result<T::Result<f64>, Unfinished> {
        T::result(moments.over(moments.count))
    }
}

impl Statistic for SampleStddev {
    type Result<T: Column> = Option<f64>;
    fn of<T: Column>(moments: &Moments) -> Result<Option<f64>, Unfinished> {
        Ok(moments.over(moments.count.saturating_sub(1)).map(f64::sqrt))
    }
}

impl Statistic for PopulationStddev {
    type Result<T: Column> = T::Result<f64>;
    fn of<T: Column>(moments: &Moments) -> Result<T::Result<f64>, Unfinished> {
        T::result(moments.over(moments.count).map(f64::sqrt))
    }
}

/// What variances and standard deviations can be taken of.
#[diagnostic::on_unimplemented(
    message = "a variance or standard deviation needs numbers, and this column is `{Self}`",
    label = "`{Self}` isn't a number",
    note = "integers, floats, and `Option`s of those are numbers; of a duration take `x.as_secs_f64()`"
)]
pub trait Numeric {
    /// What state keeps it as.
    type Column: Column<Scalar: Number>;

    /// The value as the row has it, or `None` for null.
    fn scalar(&self) -> Option<Ref<'_, Self::Column>>;
}

family!(Numeric: u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64);

/// A scalar that can be rounded to an `f64`.
pub trait Number: Scalar {
    /// The nearest `f64`.
    fn to_f64(value: Self::Ref<'_>) -> f64;
}

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl Number for $type {
            #[inline]
            #[allow(clippy::cast_lossless, reason = "one cast for all types")]
            fn to_f64(value: Self) -> f64 {
                value as f64
            }
        }
    )*};
}
numbers!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64);
