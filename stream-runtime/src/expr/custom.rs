//! `aggregate::<T>(…)`: an aggregate of the service's own.

use serde::{Deserialize, Serialize};

use super::{Accumulator, Aggregate, Unfinished};

/// The accumulator of `aggregate::<T>(…)`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(bound = "T: Aggregate", transparent)]
pub struct Custom<T>(T);

impl<T: Aggregate> Custom<T> {
    /// Takes in a row.
    #[inline]
    pub fn update(&mut self, input: T::Input<'_>) {
        self.0.update(input);
    }

    /// The value so far.
    #[inline]
    pub fn finish(&self) -> Result<T::Output, Unfinished> {
        Ok(self.0.finish())
    }
}

impl<T: Aggregate> Accumulator for Custom<T> {
    #[inline]
    fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
    }
}
