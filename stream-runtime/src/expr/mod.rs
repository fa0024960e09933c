//! The aggregates that a query may call, and the trait [`Aggregate`] for a service's own.
//!
//! Queries call them by name; the types here say what each one computes. The traits say what an aggregate takes, and are
//! named in compile errors; only [`Aggregate`] and [`SortKey`], which `order by` takes, are for a service to implement.
//!
//! | a query writes | accumulator | without a value |
//! |---|---|---|
//! | `count()`, `count(x)`, `count_if(condition)` | [`CountRows`], [`CountValues`], [`CountIf`] | 0 |
//! | `sum(x)`, `avg(x)` | [`Sum`], [`Avg`] | null |
//! | `min(x)`, `max(x)`, `min_by(x, y)`, `max_by(x, y)` | [`Min`], [`Max`], [`MinBy`], [`MaxBy`] | null |
//! | `first(x)`, `last(x)` | [`First`], [`Last`] | null |
//! | `variance(x)` or `var_samp(x)`, `var_pop(x)` | [`VarSamp`], [`VarPop`] | null |
//! | `stddev(x)` or `stddev_samp(x)`, `stddev_pop(x)` | [`StddevSamp`], [`StddevPop`] | null |
//! | `count_distinct(x)`, `approx_count_distinct(x)` | [`CountDistinct`], [`ApproxCountDistinct`] | 0 |
//! | `collect_list(x)`, `collect_set(x)` | [`CollectList`], [`CollectSet`] | empty |
//! | `mode(x)` | [`MostFrequent`] | null |
//! | `any(condition)`, `every(condition)` | [`Any`], [`Every`] | null |
//! | `aggregate::<T>(…)` | [`Custom`] | what `T` says |
//!
//! Nulls are skipped by all but `count()`, `first` and `last`. A result can be null, an `Option`, if the column can (and,
//! for `var_samp` and `stddev_samp`, always);
//! over a column without nulls it is the plain value, and a group without any row, which only a query without keys
//! can have, is [`Unfinished::Empty`].
//!
//! Each accumulator has an inherent `update` (one reference for each argument of the call) and an inherent `finish`.
//! The macro names the type with its parameters left out, `Sum<_>`, and rustc infers them from the argument.
//!
//! Invariant: an accumulator and its encoding depend on the rows and their order alone, not on how the rows were cut
//! into batches and parts, nor on the process. (Floats are added in the order in which parts are merged.)

mod approx_count_distinct;
mod avg;
mod collect;
mod column;
mod condition;
mod count;
mod count_distinct;
mod custom;
mod discrete;
mod distinct_values;
mod edges;
mod extreme;
mod extreme_by;
mod most_frequent;
mod quantifier;
mod sketch_image;
mod sort_key;
mod spread;
mod sum;
mod wide;

#[cfg(test)]
mod tests;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use approx_count_distinct::ApproxCountDistinct;
pub use avg::{Averageable, Avg, MeanOf};
pub use collect::{CollectList, CollectSet};
pub use column::{Column, Ref, Scalar, ScalarRef, Value};
pub use condition::Condition;
pub use count::{CountIf, CountRows, CountValues, MaybeNull};
pub use count_distinct::CountDistinct;
pub use custom::Custom;
pub use discrete::Discrete;
pub use edges::{First, Last};
pub use extreme::{End, Extreme, Largest, Max, Min, Ordered, Smallest};
pub use extreme_by::{ExtremeBy, MaxBy, MinBy};
pub use most_frequent::{Frequent, MostFrequent};
pub use quantifier::{Any, Every};
pub use sort_key::SortKey;
pub use spread::{
    Moments, Number, Numeric, PopulationStddev, PopulationVariance, SampleStddev, SampleVariance, Spread,
    Statistic, StddevPop, StddevSamp, VarPop, VarSamp,
};
pub use sum::{Addend, Sum, Summable, Total};
pub use wide::Wide;

/// The state of one aggregate, or of all of a group's aggregates (a tuple).
///
/// `merge` must give what updating `self` with the rows of `other` after its own would have given: workers
/// aggregate parts of a batch on their own, and their parts are merged in input order.
pub trait Accumulator: Default + Clone + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// Takes in the rows that `other` has seen, which come after the rows of `self`.
    fn merge(&mut self, other: Self);
}

macro_rules! tuple_accumulators {
    ($(($($name:ident $index:tt),*);)*) => {$(
        impl<$($name: Accumulator),*> Accumulator for ($($name,)*) {
            fn merge(&mut self, _other: Self) {
                $(self.$index.merge(_other.$index);)*
            }
        }
    )*};
}

// serde and `Default` stop at twelve elements; the macro nests longer lists.
tuple_accumulators! {
    ();
    (A 0);
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
    (A 0, B 1, C 2, D 3, E 4);
    (A 0, B 1, C 2, D 3, E 4, F 5);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);
}

/// Why an aggregate gives no value.
#[derive(Debug)]
pub enum Unfinished {
    /// It has seen no row, and its type has no null. Only the one group of a query without keys can be empty:
    /// its row is left out until there is one.
    Empty,
    /// There is a value that the result's type can't hold.
    Failed(crate::Error),
}

impl From<crate::Error> for Unfinished {
    fn from(error: crate::Error) -> Self {
        Self::Failed(error)
    }
}

/// An aggregate of the service's own, called in a query as `aggregate::<MyAggregate>(x.column)`.
///
/// `Default` is a group without a row; `Serialize` and `Deserialize` are how the checkpoint keeps it. `merge` has to give what updating `self` with the inputs of `other` after its own would have given. The state is
/// written to the checkpoint after each batch that touches it, so keep it small.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use stream_runtime::expr::Aggregate;
///
/// /// The mean of prices, weighted by quantity: `aggregate::<WeightedMean>((x.price, x.quantity))`.
/// #[derive(Clone, Default, Serialize, Deserialize)]
/// struct WeightedMean {
///     total: f64,
///     weight: f64,
/// }
///
/// impl Aggregate for WeightedMean {
///     type Input<'a> = (f64, u32);
///     type Output = Option<f64>;
///
///     fn update(&mut self, (price, quantity): (f64, u32)) {
///         self.total += price * f64::from(quantity);
///         self.weight += f64::from(quantity);
///     }
///     fn merge(&mut self, other: Self) {
///         self.total += other.total;
///         self.weight += other.weight;
///     }
///     fn finish(&self) -> Option<f64> {
///         (self.weight > 0.0).then(|| self.total / self.weight)
///     }
/// }
///
/// let mut mean = WeightedMean::default();
/// mean.update((1.0, 3));
/// mean.update((5.0, 1));
/// assert_eq!(mean.finish(), Some(2.0));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate",
    label = "not an aggregate",
    note = "implement `stream_runtime::expr::Aggregate` for it, or name another type in `aggregate::<…>`"
)]
pub trait Aggregate: Default + Clone + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// What the query passes for each row: `f64`, `&'a str`, a tuple of those.
    type Input<'a>;
    /// The result.
    type Output;
    /// Takes in one row.
    fn update(&mut self, input: Self::Input<'_>);
    /// Takes in the rows that `other` has seen, which come after the rows of `self`.
    fn merge(&mut self, other: Self);
    /// The value so far.
    fn finish(&self) -> Self::Output;
}
