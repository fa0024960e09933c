//! [`MapState`]: a state variable that holds values by a key of their own.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::ser::{Serialize, Serializer};
use std::borrow::Borrow;

use crate::time::{Duration, Timestamp};

use super::variable::{Decoder, Saved, StateVariable, Updated, encode};

/// A state variable that holds values by a key of their own, in the order of these keys.
///
/// With a TTL each entry's time counts from its last update.
///
/// ```
/// use stream_runtime::process::MapState;
///
/// let mut visits = MapState::<String, u32>::default();
/// *visits.or_default("/cart".to_owned()) += 1;
/// visits.insert("/".to_owned(), 3);
/// assert_eq!(visits.get("/cart"), Some(&1));
/// assert_eq!(visits.iter().map(|(page, _)| page.as_str()).collect::<Vec<_>>(), ["/", "/cart"]);
/// ```
#[derive(Clone)]
pub struct MapState<K, V> {
    entries: BTreeMap<K, (V, Updated)>,
    /// When an update happens that happens now.
    now: Updated,
}

impl<K, V> Default for MapState<K, V> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), now: Updated::default() }
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for MapState<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries.iter().map(|(key, (value, _))| (key, value))).finish()
    }
}

impl<K, V> MapState<K, V> {
    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries, in the order of their keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + ExactSizeIterator {
        self.entries.iter().map(|(key, (value, _))| (key, value))
    }

    /// Removes all entries.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

impl<K: Ord, V> MapState<K, V> {
    /// A key's value, if there is one.
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.entries.get(key).map(|(value, _)| value)
    }

    /// A key's value, to be changed. Counts as an update.
    pub fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let (value, updated) = self.entries.get_mut(key)?;
        *updated = self.now;
        Some(value)
    }

    /// Whether a key has a value.
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.entries.contains_key(key)
    }

    /// Sets a key's value, and gives the one that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.entries.insert(key, (value, self.now)).map(|(value, _)| value)
    }

    /// A key's value, to be changed; if there is none, `value` gives it. Counts as an update.
    pub fn get_or_insert_with(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        let (value, updated) = match self.entries.entry(key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert((value(), self.now)),
        };
        *updated = self.now;
        value
    }

    /// A key's value, to be changed; its type's default if there was none. Counts as an update.
    pub fn or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.get_or_insert_with(key, V::default)
    }

    /// Removes a key, and gives its value.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.entries.remove(key).map(|(value, _)| value)
    }

    /// Keeps the entries for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        self.entries.retain(|key, (value, _)| keep(key, value));
    }
}

impl<K, V> StateVariable for MapState<K, V>
where
    K: Ord + Serialize + DeserializeOwned + Send + 'static,
    V: Serialize + DeserializeOwned + Send + 'static,
{
    fn expire(&mut self, now: Timestamp, ttl: Option<Duration>) {
        self.now = Updated::with_ttl(now, ttl);
        self.entries.retain(|_, (_, updated)| updated.outlives(now, ttl));
    }

    fn next_expiry(&self, ttl: Duration) -> Timestamp {
        let expiries = self.entries.values().map(|(_, updated)| updated.expiry(ttl));
        expiries.min().unwrap_or(Timestamp::MAX)
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        let updated = self.entries.values().map(|(_, updated)| updated.known());
        encode(
            &Saved {
                values: Values(&self.entries),
                updated: updated.collect::<Option<_>>().unwrap_or_default(),
            },
            out,
        )
    }

    fn decode(&mut self, from: &mut Decoder<'_, '_>) -> Result<(), String> {
        let (values, updated) = from.decode::<BTreeMap<K, V>>(BTreeMap::len)?;
        let updated = updated.into_iter().chain(std::iter::repeat(Updated::default()));
        self.entries = values.into_iter().zip(updated).map(|((key, value), at)| (key, (value, at))).collect();
        Ok(())
    }
}

/// The entries without the instants at which they were updated.
struct Values<'a, K, V>(&'a BTreeMap<K, (V, Updated)>);

impl<K: Serialize, V: Serialize> Serialize for Values<'_, K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, (value, _))| (key, value)))
    }
}
