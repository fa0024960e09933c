//! [`ProcessorState`]: the variables that a processor keeps for each key, by their names.

use crate::error::{BoxError, Result};
use crate::state::codec::ENCODE_LIMIT;
use crate::time::Timestamp;

use super::timer::{Timer, TimerKind};
use super::variable::{Decoder, VariableVisitor, encode};

/// What a processor keeps for each key: a struct whose fields are state variables. Derive it.
///
/// A field is a [`ValueState`](super::ValueState), a [`ListState`](super::ListState) or a
/// [`MapState`](super::MapState); what these hold derives serde's `Serialize` and `Deserialize`. `#[state(ttl =
/// hours(1))]` on a field lets its values go an hour after their last update, by the time of the batches.
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
/// A variable is kept under its field's name. When a service comes back with another version of the struct, a variable
/// that is new begins empty, and what the checkpoint holds of one that is gone is left out. Within a variable's values
/// a struct may gain fields that are `Option`s or have `#[serde(default)]`, lose fields, and have them in another
/// order; a number may be widened. A TTL may be given, changed or taken away: it holds for values that are there
/// already, too.
pub trait ProcessorState: Default + Send + 'static {
    /// Shows each variable, its name and its TTL.
    #[doc(hidden)]
    fn each_variable(&mut self, visit: &mut VariableVisitor<'_>);
}

/// Removes the values whose time is over, and lets updates count from `now`.
pub(crate) fn expire(state: &mut impl ProcessorState, now: Timestamp) {
    state.each_variable(&mut |_, variable, ttl| variable.expire(now, ttl));
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

/// Appends a key's timers and variables: the times of both kinds, the number of variables, then each name
/// and what it stands for.
///
/// # Errors
/// If a value can't be encoded, or the whole is too large for a checkpoint.
pub(crate) fn encode_state(
    state: &mut impl ProcessorState,
    timers: &[Timer],
    out: &mut Vec<u8>,
) -> Result<(), BoxError> {
    let before = out.len();
    let of_kind = |kind| -> Vec<_> {
        timers.iter().filter(|timer| timer.kind == kind).map(|timer| timer.time).collect()
    };
    let mut count = 0_u32;
    state.each_variable(&mut |_, variable, _| count += u32::from(!variable.is_empty()));
    encode(&(of_kind(TimerKind::EventTime), of_kind(TimerKind::ProcessingTime), count), out)?;
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
    let mut rest = Decoder(&mut bytes);
    let (event, processing, count): (Vec<Timestamp>, Vec<Timestamp>, u32) = rest.next()?;
    for _ in 0..count {
        let found: String = rest.next()?;
        let mut decoded = None;
        state.each_variable(&mut |name, variable, _| {
            if name == found && decoded.is_none() {
                decoded = Some(variable.decode(&mut rest));
            }
        });
        decoded.unwrap_or_else(|| rest.skip()).map_err(|why| {
            format!(
                "variable `{found}`: {why}; a field that is new in its values needs `#[serde(default)]`, and values of another type another variable"
            )
        })?;
    }
    if !rest.0.is_empty() {
        return Err(format!("{} bytes are left over", rest.0.len()));
    }
    let timers = |kind, times: Vec<Timestamp>| times.into_iter().map(move |time| Timer { kind, time });
    let mut timers: Vec<_> =
        timers(TimerKind::EventTime, event).chain(timers(TimerKind::ProcessingTime, processing)).collect();
    timers.sort_unstable();
    timers.dedup();
    Ok(timers)
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::process::{ListState, MapState, ProcessorState, StateVariable, ValueState};
    use crate::time::seconds;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Shape {
        Unit,
        Newtype(Option<f64>),
        Tuple(i8, u64),
        Struct { bytes: Vec<u8>, text: String },
    }

    #[derive(Default, ProcessorState)]
    struct Shapes {
        optional: ValueState<Option<u8>>,
        shapes: ListState<Shape>,
        #[state(ttl = seconds(10))]
        by_shape: MapState<(i128, String), Shape>,
        empty: ListState<u8>,
    }

    fn shapes() -> Shapes {
        let mut state = Shapes::default();
        expire(&mut state, Timestamp::from_secs(7));
        state.optional.set(None);
        let bytes = (0..200).collect();
        let shape = Shape::Struct { bytes, text: "ß".repeat(70) };
        state.shapes.extend([Shape::Unit, Shape::Newtype(Some(f64::INFINITY)), Shape::Newtype(None), shape]);
        state.by_shape.insert((i128::MIN, "key".to_owned()), Shape::Tuple(-1, u64::MAX));
        state
    }

    fn timer(kind: TimerKind, micros: i64) -> Timer {
        Timer { kind, time: Timestamp::from_micros(micros) }
    }

    fn encoded() -> Vec<u8> {
        let timers = [
            timer(TimerKind::EventTime, i64::MIN),
            timer(TimerKind::EventTime, 3),
            timer(TimerKind::ProcessingTime, -1),
        ];
        let mut bytes = Vec::new();
        encode_state(&mut shapes(), &timers, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_serde_can_express_comes_back_as_it_was() {
        let mut state = Shapes::default();
        let timers = decode_state(&mut state, &encoded()).unwrap();
        assert_eq!(timers.iter().map(|timer| timer.time.as_micros()).collect::<Vec<_>>(), [i64::MIN, 3, -1]);
        let before = shapes();
        assert_eq!(state.optional.get(), Some(&None), "a value that is null is not no value");
        assert_eq!(state.shapes[..], before.shapes[..]);
        assert_eq!(state.by_shape.iter().collect::<Vec<_>>(), before.by_shape.iter().collect::<Vec<_>>());
        assert!(state.empty.is_empty());
        assert_eq!(next_expiry(&mut state), Timestamp::from_secs(17));
    }

    #[test]
    fn damaged_bytes_are_an_error_or_another_state_and_never_a_panic() {
        let bytes = encoded();
        for length in 0..bytes.len() {
            assert!(decode_state(&mut Shapes::default(), &bytes[..length]).is_err(), "cut at {length}");
        }
        assert!(decode_state(&mut Shapes::default(), &[bytes.as_slice(), &[0]].concat()).is_err());
        for index in 0..bytes.len() {
            for flip in [0x01, 0x20, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[index] ^= flip;
                let mut state = Shapes::default();
                if let Ok(timers) = decode_state(&mut state, &damaged) {
                    assert!(timers.is_sorted());
                    expire(&mut state, Timestamp::MAX);
                }
            }
        }
    }

    #[test]
    fn a_list_keeps_each_elements_time_when_others_go() {
        let mut list = ListState::default();
        let ttl = Some(seconds(10));
        for second in [0, 4, 8] {
            StateVariable::expire(&mut list, Timestamp::from_secs(second), ttl);
            list.push(second);
        }
        list.retain(|second| *second != 4);
        assert_eq!(list.next_expiry(seconds(10)), Timestamp::from_secs(10));
        StateVariable::expire(&mut list, Timestamp::from_secs(17), ttl);
        assert_eq!(list[..], [8]);
        StateVariable::expire(&mut list, Timestamp::from_secs(18), ttl);
        assert!(list.is_empty());
    }
}
