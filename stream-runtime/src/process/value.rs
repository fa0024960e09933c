//! [`ValueState`]: a state variable that holds one value.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::time::{Duration, Timestamp};

use super::variable::{Decoder, Saved, StateVariable, Updated, encode};

/// A state variable that holds one value, or none.
///
/// ```
/// use stream_runtime::process::ValueState;
///
/// let mut count = ValueState::<u64>::default();
/// assert_eq!(count.get(), None);
/// *count.or_default() += 1;
/// assert_eq!(count.get(), Some(&1));
/// assert_eq!(count.take(), Some(1));
/// ```
#[derive(Clone)]
pub struct ValueState<T> {
    value: Option<T>,
    updated: Updated,
    /// When an update happens that happens now.
    now: Updated,
}

impl<T> Default for ValueState<T> {
    fn default() -> Self {
        Self { value: None, updated: Updated::default(), now: Updated::default() }
    }
}

impl<T: fmt::Debug> fmt::Debug for ValueState<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T> ValueState<T> {
    /// The value, if there is one.
    pub fn get(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// The value, to be changed. Counts as an update.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.updated = self.now;
        self.value.as_mut()
    }

    /// Sets the value.
    pub fn set(&mut self, value: T) {
        self.updated = self.now;
        self.value = Some(value);
    }

    /// The value, to be changed; if there is none, `value` gives it. Counts as an update.
    pub fn get_or_insert_with(&mut self, value: impl FnOnce() -> T) -> &mut T {
        self.updated = self.now;
        self.value.get_or_insert_with(value)
    }

    /// The value, to be changed; its type's default if there was none. Counts as an update.
    pub fn or_default(&mut self) -> &mut T
    where
        T: Default,
    {
        self.get_or_insert_with(T::default)
    }

    /// Takes the value out.
    pub fn take(&mut self) -> Option<T> {
        self.value.take()
    }

    /// Removes the value.
    pub fn clear(&mut self) {
        self.value = None;
    }
}

impl<T> StateVariable for ValueState<T>
where
    T: Serialize + DeserializeOwned + Send + 'static,
{
    fn expire(&mut self, now: Timestamp, ttl: Option<Duration>) {
        self.now = Updated::with_ttl(now, ttl);
        if !self.updated.outlives(now, ttl) {
            self.value = None;
        }
    }

    fn next_expiry(&self, ttl: Duration) -> Timestamp {
        self.value.as_ref().map_or(Timestamp::MAX, |_| self.updated.expiry(ttl))
    }

    fn is_empty(&self) -> bool {
        self.value.is_none()
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        let updated = self.value.as_ref().and_then(|_| self.updated.known());
        encode(&Saved { values: self.value.as_slice(), updated: Vec::from_iter(updated) }, out)
    }

    fn decode(&mut self, from: &mut Decoder<'_, '_>) -> Result<(), String> {
        let (mut values, updated) = from.decode::<Vec<T>>(Vec::len)?;
        self.value = values.pop();
        self.updated = updated.first().copied().unwrap_or_default();
        if values.is_empty() { Ok(()) } else { Err("several values where one belongs".to_owned()) }
    }
}
