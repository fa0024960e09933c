//! [`StateVariable`]: what the operator asks of a state variable, and how one is encoded.
//!
//! A variable is encoded as `MessagePack` with named fields, which tells its own structure: a value's struct may gain
//! fields that have a default and lose others, and what an older version of the service has written is still read.
//! Beside the values stand the instants at which they were updated, not those at which they expire: the TTL is always
//! the code's.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use crate::time::{Duration, Timestamp};

/// A field of a processor's state.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no state variable",
    label = "not a state variable",
    note = "each field of a `ProcessorState` is a `ValueState<T>`, a `ListState<T>` or a `MapState<K, V>`, whose values derive serde's `Serialize` and `Deserialize`"
)]
pub trait StateVariable {
    /// Removes the values whose time is over at `now`, and lets updates count from `now` until the next call. A value
    /// that has no time yet counts from `now` too.
    fn expire(&mut self, now: Timestamp, ttl: Option<Duration>);
    /// When the first value's time is over; `Timestamp::MAX` if there is none.
    fn next_expiry(&self, ttl: Duration) -> Timestamp;
    /// Whether it holds no value.
    fn is_empty(&self) -> bool;
    /// Appends it.
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String>;
    /// Reads what `encode` has written.
    fn decode(&mut self, from: &mut Decoder<'_, '_>) -> Result<(), String>;
}

/// Is shown each variable of a state: its name, the variable, and its TTL.
pub type VariableVisitor<'a> = dyn FnMut(&'static str, &mut dyn StateVariable, Option<Duration>) + 'a;

/// When a value was updated; the default for a variable without TTL, which doesn't care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Updated(Timestamp);

impl Default for Updated {
    fn default() -> Self {
        Self(Timestamp::MIN)
    }
}

impl Updated {
    /// An update at `now`.
    pub(super) fn with_ttl(now: Timestamp, ttl: Option<Duration>) -> Self {
        ttl.map_or_else(Self::default, |_| Self(now))
    }

    /// `None` in a variable without TTL.
    pub(super) fn known(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }

    /// When the value's time is over: at once if its variable had no TTL when it was updated, so that it is looked at.
    pub(super) fn expiry(self, ttl: Duration) -> Timestamp {
        self.0 + ttl
    }

    /// Whether the value is still there after `now`. It counts from `now` if its variable has got its TTL since.
    pub(super) fn outlives(&mut self, now: Timestamp, ttl: Option<Duration>) -> bool {
        let Some(ttl) = ttl else {
            *self = Self::default();
            return true;
        };
        if self.known().is_none() {
            *self = Self(now);
        }
        self.expiry(ttl) > now
    }
}

/// A variable's values, and when each of them was updated, or nothing of that if it has no TTL.
#[derive(Serialize, Deserialize)]
pub(super) struct Saved<C> {
    #[serde(rename = "v")]
    pub(super) values: C,
    #[serde(rename = "u", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) updated: Vec<Updated>,
}

/// Appends a value as `MessagePack` with named fields.
pub(super) fn encode(value: &impl Serialize, out: &mut Vec<u8>) -> Result<(), String> {
    let mut serializer = rmp_serde::Serializer::new(out).with_struct_map();
    value.serialize(&mut serializer).map_err(|error| error.to_string())
}

/// Reads one value after the other.
#[derive(Debug)]
pub struct Decoder<'a, 'b>(pub(super) &'a mut &'b [u8]);

impl Decoder<'_, '_> {
    /// The next value.
    pub(super) fn next<T: DeserializeOwned>(&mut self) -> Result<T, String> {
        let mut deserializer = rmp_serde::Deserializer::new(&mut *self.0);
        T::deserialize(&mut deserializer).map_err(|error| error.to_string())
    }

    /// The next value, which nothing is made of.
    pub(super) fn skip(&mut self) -> Result<(), String> {
        self.next::<IgnoredAny>().map(|_| ())
    }

    /// A variable's values, of which `count` says how many there are, and when each was updated.
    pub(super) fn decode<C: DeserializeOwned>(
        &mut self,
        count: impl FnOnce(&C) -> usize,
    ) -> Result<(C, Vec<Updated>), String> {
        let Saved { values, updated } = self.next::<Saved<C>>()?;
        let count = count(&values);
        if !updated.is_empty() && updated.len() != count {
            return Err(format!("{count} values, and {} times at which they were updated", updated.len()));
        }
        Ok((values, updated))
    }
}
