//! `sum(x)`: the total of a column.

use std::fmt::Display;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::column::{Column, Ref, Scalar, Value, family};
use super::wide::Wide;
use super::{Accumulator, Unfinished};
use crate::error::Error;
use crate::time::Duration;

/// `sum(x)`: the total of the values that aren't null, as Spark's `sum`.
///
/// Signed integers add up to `i64`, unsigned ones to `u64`, floats to `f64`, and [`Duration`]s to a
/// [`Duration`]. Integers are added in 128 bits, so a total may leave the result's range and come back; one that
/// is out of it when the result is asked for ends the query with [`Error::Aggregate`] (Spark's ANSI mode ends it
/// already when a partial total overflows). Floats are added in input order without compensation, as Spark does.
///
/// Null if a column that may be null has no value.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Sum<T: Column<Scalar: Addend>>(<T::Scalar as Addend>::Total);

impl<T: Column<Scalar: Addend>> Default for Sum<T> {
    #[inline]
    fn default() -> Self {
        Self(Total::EMPTY)
    }
}

impl<T: Column<Scalar: Addend>> Sum<T> {
    /// Adds a row's value.
    #[inline]
    pub fn update<V: Summable<Column = T>>(&mut self, value: &V) {
        if let Some(value) = value.scalar() {
            T::Scalar::add_to(value, &mut self.0);
        }
    }

    /// The total.
    #[inline]
    pub fn finish(&self) -> Result<T::Result<<T::Scalar as Addend>::Sum>, Unfinished> {
        let total = if self.0.is_empty() { None } else { Some(T::Scalar::sum(&self.0)?) };
        T::result(total)
    }
}

impl<T: Column<Scalar: Addend>> Accumulator for Sum<T> {
    #[inline]
    fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
    }
}

/// What `sum` can add.
#[diagnostic::on_unimplemented(
    message = "`sum` needs a number, and this column is `{Self}`",
    label = "`{Self}` can't be summed",
    note = "`sum` adds integers of up to 64 bits, floats, durations, and `Option`s of those; to count rows write `count()`"
)]
pub trait Summable {
    /// What state keeps it as.
    type Column: Column<Scalar: Addend>;

    /// The value as the row has it, or `None` for null.
    fn scalar(&self) -> Option<Ref<'_, Self::Column>>;
}

family!(Summable: u8, u16, u32, u64, usize, i8, i16, i32, i64, isize, f32, f64, Duration);

/// A scalar that can be added.
pub trait Addend: Scalar {
    /// What its values add up to while rows come in.
    type Total: Total;
    /// What a query gets.
    type Sum;

    /// Adds the value.
    fn add_to(value: Self::Ref<'_>, total: &mut Self::Total);
    /// The total, which isn't empty.
    fn sum(total: &Self::Total) -> Result<Self::Sum, Unfinished>;
}

/// A running total, which knows whether anything was added to it without room for a flag.
pub trait Total: Clone + std::fmt::Debug + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// Nothing was added yet.
    const EMPTY: Self;
    /// Whether nothing was added yet.
    fn is_empty(&self) -> bool;
    /// Adds a later part of the rows.
    fn merge(&mut self, other: Self);
}

impl Total for f64 {
    /// -0.0 is the identity of addition. It can't come out of [`Addend::add_to`], which adds 0.0 to each value.
    const EMPTY: Self = -0.0;

    #[inline]
    fn is_empty(&self) -> bool {
        self.to_bits() == Self::EMPTY.to_bits()
    }

    #[inline]
    fn merge(&mut self, other: Self) {
        *self += other;
    }
}

impl Total for Wide {
    const EMPTY: Self = Wide::MIN;

    #[inline]
    fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }

    #[inline]
    fn merge(&mut self, other: Self) {
        if !other.is_empty() {
            add(self, other.get());
        }
    }
}

#[inline]
fn add(total: &mut Wide, value: i128) {
    if total.is_empty() {
        *total = Wide::default();
    }
    total.add(value);
}

macro_rules! floats {
    ($($type:ty),*) => {$(
        impl Addend for $type {
            type Total = f64;
            type Sum = f64;

            #[inline]
            fn add_to(value: Self, total: &mut f64) {
                *total += f64::from(value) + 0.0;
            }
            #[inline]
            fn sum(total: &f64) -> Result<f64, Unfinished> {
                Ok(*total)
            }
        }
    )*};
}
floats!(f32, f64);

macro_rules! integers {
    ($sum:ty: $($type:ty),*) => {$(
        impl Addend for $type {
            type Total = Wide;
            type Sum = $sum;

            #[inline]
            #[allow(clippy::cast_lossless, reason = "one cast for all types")]
            fn add_to(value: Self, total: &mut Wide) {
                add(total, value as i128);
            }
            fn sum(total: &Wide) -> Result<$sum, Unfinished> {
                let total = total.get();
                <$sum>::try_from(total).map_err(|_| {
                    overflow(total, concat!("`", stringify!($sum), "`"), "sum floats instead, `sum(… as f64)`")
                })
            }
        }
    )*};
}
integers!(u64: u8, u16, u32, u64, usize);
integers!(i64: i8, i16, i32, i64, isize);

impl Addend for Duration {
    type Total = Wide;
    type Sum = Duration;

    #[inline]
    fn add_to(value: Self, total: &mut Wide) {
        add(total, i128::from(value.as_micros()));
    }
    fn sum(total: &Wide) -> Result<Duration, Unfinished> {
        let micros = total.get();
        i64::try_from(micros).map(Duration::from_micros).map_err(|_| {
            overflow(
                format_args!("{micros} us"),
                "a `Duration`",
                "sum seconds instead, `sum(….as_secs_f64())`",
            )
        })
    }
}

#[cold]
fn overflow(total: impl Display, result: &str, remedy: &str) -> Unfinished {
    Unfinished::Failed(Error::Aggregate {
        aggregate: "sum",
        reason: format!("the total {total} does not fit {result}; {remedy}"),
    })
}
