//! `collect_list(x)` and `collect_set(x)`: all values of a group, or all different ones.

use serde::{Deserialize, Serialize};

use super::column::{Column, Scalar, ScalarRef, Value};
use super::discrete::Discrete;
use super::distinct_values::DistinctValues;
use super::{Accumulator, Unfinished};
use crate::state::key::OwnedKey;

/// `collect_list(x)`: the values that aren't null, in the order of the input (Spark's `collect_list` leaves the order
/// open). State holds all of them.
///
/// Total: empty if there is no value.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct CollectList<S: Scalar>(Vec<S>);

impl<S: Scalar> Default for CollectList<S> {
    #[inline]
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<S: Scalar> CollectList<S> {
    /// Appends a row's value.
    #[inline]
    pub fn update<V: Value<Column: Column<Scalar = S>>>(&mut self, value: &V) {
        if let Some(value) = value.scalar() {
            self.0.push(value.owned());
        }
    }

    /// The values.
    #[inline]
    pub fn finish(&self) -> Result<Vec<S>, Unfinished> {
        Ok(self.0.clone())
    }
}

impl<S: Scalar> Accumulator for CollectList<S> {
    fn merge(&mut self, other: Self) {
        if self.0.is_empty() {
            self.0 = other.0;
        } else {
            self.0.extend(other.0);
        }
    }
}

/// `collect_set(x)`: the different values that aren't null, sorted (Spark's `collect_set` leaves the order open).
/// State holds all of them.
///
/// Total: empty if there is no value. Floats have no exact equality and are refused; collect them in a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct CollectSet<K: OwnedKey>(DistinctValues<K, ()>);

impl<K: OwnedKey> Default for CollectSet<K> {
    #[inline]
    fn default() -> Self {
        Self(DistinctValues::default())
    }
}

impl<K: OwnedKey> CollectSet<K> {
    /// Takes in a row's value; only a new one is copied.
    #[inline]
    pub fn update<V: Discrete<Key = K>>(&mut self, value: &V) {
        if let Some(key) = value.key() {
            self.0.entry(&key);
        }
    }

    /// The different values, smallest first.
    pub fn finish(&self) -> Result<Vec<K>, Unfinished> {
        let mut values: Vec<K> = self.0.iter().map(|(value, ())| value.clone()).collect();
        values.sort_unstable();
        Ok(values)
    }
}

impl<K: OwnedKey> Accumulator for CollectSet<K> {
    fn merge(&mut self, other: Self) {
        for (key, ()) in other.0.into_entries() {
            self.0.entry_owned(key);
        }
    }
}
