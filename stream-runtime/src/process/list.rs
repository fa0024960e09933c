//! [`ListState`]: a state variable that holds values in the order in which they were added.

use std::fmt;
use std::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::time::{Duration, Timestamp};

use super::variable::{Decoder, Saved, StateVariable, Updated, encode};

/// A state variable that holds values in the order in which they were added. It is read as a slice.
///
/// With a TTL each element's time counts from when it was pushed.
///
/// ```
/// use stream_runtime::process::ListState;
///
/// let mut recent = ListState::<f64>::default();
/// recent.extend([1.0, 2.5, 4.0]);
/// recent.retain(|amount| *amount > 2.0);
/// assert_eq!(recent[..], [2.5, 4.0]);
/// assert_eq!(recent.iter().sum::<f64>(), 6.5);
/// ```
#[derive(Clone)]
pub struct ListState<T> {
    values: Vec<T>,
    /// When each was updated; empty without TTL.
    updated: Vec<Updated>,
    /// When an update happens that happens now.
    now: Updated,
}

impl<T> Default for ListState<T> {
    fn default() -> Self {
        Self { values: Vec::new(), updated: Vec::new(), now: Updated::default() }
    }
}

impl<T: fmt::Debug> fmt::Debug for ListState<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.values.fmt(f)
    }
}

impl<T> Deref for ListState<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.values
    }
}

impl<T> ListState<T> {
    /// Adds a value at the end.
    pub fn push(&mut self, value: T) {
        self.values.push(value);
        self.updated.extend(self.now.known());
    }

    /// Keeps the values for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        let mut updated = std::mem::take(&mut self.updated).into_iter();
        self.values.retain(|value| {
            let (keep, updated) = (keep(value), updated.next());
            self.updated.extend(updated.filter(|_| keep));
            keep
        });
    }

    /// Takes all values out.
    pub fn take(&mut self) -> Vec<T> {
        self.updated.clear();
        std::mem::take(&mut self.values)
    }

    /// Removes all values.
    pub fn clear(&mut self) {
        self.values.clear();
        self.updated.clear();
    }
}

impl<T> Extend<T> for ListState<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        values.into_iter().for_each(|value| self.push(value));
    }
}

impl<'a, T> IntoIterator for &'a ListState<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.values.iter()
    }
}

impl<T> StateVariable for ListState<T>
where
    T: Serialize + DeserializeOwned + Send + 'static,
{
    fn expire(&mut self, now: Timestamp, ttl: Option<Duration>) {
        self.now = Updated::with_ttl(now, ttl);
        let Some(ttl) = ttl else {
            self.updated.clear();
            return;
        };
        self.updated.resize(self.values.len(), self.now);
        // Values are added at the end, so the first ones are the oldest.
        let over = self.updated.partition_point(|updated| updated.expiry(ttl) <= now);
        self.updated.drain(..over);
        self.values.drain(..over);
    }

    fn next_expiry(&self, ttl: Duration) -> Timestamp {
        let first = || self.updated.first().copied().unwrap_or_default();
        self.values.first().map_or(Timestamp::MAX, |_| first().expiry(ttl))
    }

    fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        encode(&Saved { values: &self.values, updated: self.updated.clone() }, out)
    }

    fn decode(&mut self, from: &mut Decoder<'_, '_>) -> Result<(), String> {
        (self.values, self.updated) = from.decode(Vec::len)?;
        Ok(())
    }
}
