//! [`ProcessorState`]: the variables that a processor keeps for each key, by their names.

use crate::error::{BoxError, Result};
use crate::state::codec::ENCODE_LIMIT;
use crate::time::{Duration, Timestamp};

use super::timer::{Timer, TimerKind};
use super::variable::{Decoder, StateVariable, encode};

/// What a processor keeps for each key: a struct whose fields are state variables. Derive it.
///
/// A field is a [`ValueState`](super::ValueState), a [`ListState`](super::ListState) or a [`MapState`](super::MapState);
/// what these hold derives serde's `Serialize` and `Deserialize`. `#[state(ttl = hours(1))]` on a field lets its values go an
/// hour after their last update, by the time of the batches.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use stream_runtime::prelude::*;
/// use stream_runtime::process::{ListState, MapState, ProcessorState, ValueState};
///
/// #[derive(Serialize, Deserialize)]
/// struct Login {
///     at: Timestamp,
///     country: String,
/// }
///
/// #[derive(Default, ProcessorState)]
/// struct Account {
///     last: ValueState<Login>,
///     amounts: ListState<f64>,
///     #[state(ttl = days(30))]
///     devices: MapState<String, u32>,
/// }
/// ```
///
/// # Changing it
///
/// A variable is kept under its field's name. When a service comes back with another version of the struct, a variable that is new begins empty,
/// and what the checkpoint holds of one that is gone is left out. Within a variable's values a struct may gain
/// fields that are `Option`s or have `#[serde(default)]`, lose fields, and have them in another order; a number may be
/// widened. A TTL may be given, changed or taken away: it holds for values that are there already, too.
pub trait ProcessorState: Default + Send + 'static {
    /// Shows each variable, its name and its TTL.
    #[doc(hidden)]
    fn each_variable(
        &mut self,
        visit: &mut dyn FnMut(&'static str, &mut dyn StateVariable, Option<Duration>),
    );
}

/// Removes the values whose time is over, and lets updates count from `now`. Whether anything has changed.
pub(crate) fn expire(state: &mut impl ProcessorState, now: Timestamp) -> bool {
    let mut changed = false;
    state.each_variable(&mut |_, variable, ttl| changed |= variable.expire(now, ttl));
    changed
}

/// When the first value's time is over; `Timestamp::MAX` if there is none.
pub(crate) fn next_expiry(state: &mut impl ProcessorState) -> Timestamp {
    let mut first = Timestamp::MAX;
    state.each_variable(&mut |_, variable, ttl| {
        first = first.min(ttl.map_or(Timestamp::MAX, |ttl| variable.next_expiry(ttl)));
    });
    first
}

/// Whether no variable holds a value.
pub(crate) fn is_empty(state: &mut impl ProcessorState) -> bool {
    let mut is_empty = true;
    state.each_variable(&mut |_, variable, _| is_empty &= variable.is_empty());
    is_empty
}

/// Appends a key's timers and variables: the times of both kinds, then each name and what it stands for.
///
/// # Errors
/// If a value can't be encoded, or the whole is too large for a checkpoint.
pub(crate) fn encode_state(
    state: &mut impl ProcessorState,
    timers: &[Timer],
    out: &mut Vec<u8>,
) -> Result<(), BoxError> {
    let before = out.len();
    let times = |kind| -> Vec<_> {
        timers.iter().filter(|timer| timer.kind == kind).map(|timer| timer.time).collect()
    };
    encode(&(times(TimerKind::EventTime), times(TimerKind::ProcessingTime)), out)?;
    let mut encoded = Ok(());
    state.each_variable(&mut |name, variable, _| {
        if encoded.is_ok() && !variable.is_empty() {
            encoded = encode(&name, out)
                .and_then(|()| variable.encode(out))
                .map_err(|why| format!("state variable `{name}` can't be encoded: {why}"));
        }
    });
    encoded?;
    let length = out.len() - before;
    if length > ENCODE_LIMIT {
        let why = "give a variable a TTL, or clear what isn't needed any more";
        return Err(format!(
            "the state takes {length} bytes, and a checkpoint holds at most {ENCODE_LIMIT} of one key; {why}"
        )
        .into());
    }
    Ok(())
}

/// Reads what [`encode_state`] has written: the variables into `state`, and gives the timers.
///
/// # Errors
/// What is damaged, or doesn't fit the code any more, and what to do.
pub(crate) fn decode_state(state: &mut impl ProcessorState, mut bytes: &[u8]) -> Result<Vec<Timer>, String> {
    let mut decoder = Decoder(&mut bytes);
    let (event, processing): (Vec<Timestamp>, Vec<Timestamp>) = decoder.next()?;
    while !decoder.0.is_empty() {
        let found: String = decoder.next()?;
        let mut decoded = None;
        state.each_variable(&mut |name, variable, _| {
            if name == found && decoded.is_none() {
                decoded = Some(variable.decode(&mut decoder));
            }
        });
        decoded.unwrap_or_else(|| decoder.skip()).map_err(|why| {
            format!(
                "variable `{found}`: {why}; a field that is new in its values needs `#[serde(default)]`, and values of another type another variable"
            )
        })?;
    }
    let timers = |kind, times: Vec<Timestamp>| times.into_iter().map(move |time| Timer { kind, time });
    let mut timers: Vec<_> =
        timers(TimerKind::EventTime, event).chain(timers(TimerKind::ProcessingTime, processing)).collect();
    timers.sort_unstable();
    timers.dedup();
    Ok(timers)
}
