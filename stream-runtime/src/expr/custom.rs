//! `aggregate::<T>(…)`: an aggregate of the service's own.

use serde::{Deserialize, Serialize};

use super::{Accumulator, Aggregate, Unfinished};

/// The accumulator of `aggregate::<T>(…)`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(bound = "T: Aggregate", transparent)]
pub struct Custom<T>(T);

// The bounds are on the methods, so that a type that is no aggregate is reported in those words.
impl<T> Custom<T> {
    /// Takes in a row.
    #[inline]
    pub fn update(&mut self, input: T::Input<'_>)
    where
        T: Aggregate,
    {
        self.0.update(input);
    }

    /// The value so far.
    #[inline]
    pub fn finish<O>(&self) -> Result<O, Unfinished>
    where
        T: Aggregate<Output = O>,
    {
        Ok(self.0.finish())
    }
}

impl<T: Aggregate> Accumulator for Custom<T> {
    #[inline]
    fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
    }
}
