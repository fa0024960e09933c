//! `count_distinct(x)`: how many different values, exactly.

use serde::{Deserialize, Serialize};

use super::discrete::Discrete;
use super::distinct_values::DistinctValues;
use super::{Accumulator, Unfinished};
use crate::state::key::OwnedKey;

/// `count_distinct(x)`: the exact number of different values that aren't null.
///
/// Spark's streaming queries have only the approximate count. This one keeps every value of the group in state:
/// where groups are large and a few per cent don't matter,
/// [`approx_count_distinct`](super::ApproxCountDistinct) takes a kilobyte. `count_distinct((x.a, x.b))` counts
/// combinations, without those that have a null.
///
/// Total: 0 if there is no value.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct CountDistinct<K: OwnedKey>(DistinctValues<K, ()>);

impl<K: OwnedKey> Default for CountDistinct<K> {
    fn default() -> Self {
        Self(DistinctValues::default())
    }
}

impl<K: OwnedKey> CountDistinct<K> {
    /// Takes in a row's value; only a new one is copied.
    #[inline]
    pub fn update<V: Discrete<Key = K>>(&mut self, value: &V) {
        if let Some(key) = value.key() {
            self.0.entry(&key);
        }
    }

    /// The number of different values.
    #[inline]
    pub fn finish(&self) -> Result<u64, Unfinished> {
        Ok(self.0.len() as u64)
    }
}

impl<K: OwnedKey> Accumulator for CountDistinct<K> {
    fn merge(&mut self, other: Self) {
        for (key, ()) in other.0.into_entries() {
            self.0.entry_owned(key);
        }
    }
}
