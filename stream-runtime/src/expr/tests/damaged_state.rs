use proptest::prelude::*;

use super::*;
use crate::expr::{
    ApproxCountDistinct, Avg, CountDistinct, CountIf, CountRows, CountValues, Max, MostFrequent, Sum, VarSamp,
};
use crate::time::Duration;

/// Uses what was decoded in every way there is.
fn exercise<A: Accumulator, O>(
    bytes: &[u8],
    update: impl Fn(&mut A),
    finish: impl Fn(&A) -> Result<O, Unfinished>,
) {
    if let Ok(accumulator) = codec::decode::<A>(bytes) {
        exercise_decoded(accumulator, update, finish);
    }
}

fn exercise_decoded<A: Accumulator, O>(
    mut accumulator: A,
    update: impl Fn(&mut A),
    finish: impl Fn(&A) -> Result<O, Unfinished>,
) {
    update(&mut accumulator);
    accumulator.merge(accumulator.clone());
    let _ = outcome(finish(&accumulator));
    stored(&accumulator);
}

/// Bytes among which there are many that stand for long and for large integers.
fn bytes() -> impl Strategy<Value = u8> {
    prop_oneof![any::<u8>(), 251..=u8::MAX, Just(u8::MAX)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..config() })]

    #[test]
    fn damaged_state_is_an_error_or_a_number_but_never_a_panic(bytes in prop::collection::vec(bytes(), 0..48)) {
        exercise(&bytes, |acc: &mut CountRows| acc.update(), CountRows::finish);
        exercise(&bytes, |acc: &mut CountIf| acc.update(&true), CountIf::finish);
        exercise(&bytes, |acc: &mut Sum<_>| acc.update(&i64::MIN), Sum::finish);
        exercise(&bytes, |acc: &mut Avg<_>| acc.update(&Duration::MAX), Avg::finish);
        exercise(&bytes, |acc: &mut VarSamp<_>| acc.update(&1.0_f64), VarSamp::finish);
        exercise(&bytes, |acc: &mut Max<_>| acc.update(&"m"), Max::finish);
        exercise(&bytes, |acc: &mut CountDistinct<_>| acc.update(&"m"), CountDistinct::finish);
        exercise(&bytes, |acc: &mut MostFrequent<_>| acc.update(&7_u8), MostFrequent::finish);
    }

    #[test]
    fn a_damaged_sketch_is_an_error_or_a_number_but_never_a_panic(
        values in 0..600_u64,
        at in any::<Index>(),
        flip in 1..=u8::MAX,
        cut in any::<Index>(),
    ) {
        let mut sketch = ApproxCountDistinct::default();
        for value in 0..values {
            sketch.update(&value);
        }
        let mut bytes = stored(&sketch);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        exercise(&bytes, |acc: &mut ApproxCountDistinct<_>| acc.update(&1_u64), ApproxCountDistinct::finish);
        let cut = cut.index(bytes.len());
        exercise(&bytes[..cut], |acc: &mut ApproxCountDistinct<_>| acc.update(&1_u64), ApproxCountDistinct::finish);
    }
}

#[test]
fn a_set_that_holds_a_value_twice_is_refused() {
    assert!(
        codec::decode::<CountDistinct<String>>(&encoded(&["a", "b", "a"].as_slice()))
            .unwrap_err()
            .contains("twice")
    );
}

fn encoded(state: &impl serde::Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode_into(state, &mut bytes).unwrap();
    bytes
}

fn decoded<A: Accumulator>(bytes: &[u8]) -> A {
    codec::decode(bytes).unwrap()
}

#[test]
fn counts_stay_at_their_limit() {
    let count = encoded(&u64::MAX);
    exercise_decoded(decoded(&count), |acc: &mut CountRows| acc.update(), CountRows::finish);
    exercise_decoded(decoded(&count), |acc: &mut CountIf| acc.update(&true), CountIf::finish);
    exercise_decoded(decoded(&count), |acc: &mut CountValues| acc.update(&true), CountValues::finish);
    let mean = encoded(&(1_i128, u64::MAX));
    exercise_decoded(decoded(&mean), |acc: &mut Avg<_>| acc.update(&1_u8), Avg::finish);
    let moments = encoded(&(u64::MAX, 1.0, 1.0));
    exercise_decoded(decoded(&moments), |acc: &mut VarSamp<_>| acc.update(&1_u8), VarSamp::finish);
    let counted = encoded(&[(7_u8, u64::MAX)].as_slice());
    exercise_decoded(decoded(&counted), |acc: &mut MostFrequent<_>| acc.update(&7_u8), MostFrequent::finish);
}

#[test]
fn a_sketch_whose_sums_are_not_those_of_its_registers_is_refused() {
    let mut sketch = ApproxCountDistinct::default();
    for value in 0..600_u64 {
        sketch.update(&value);
    }
    let sound = stored(&sketch);
    // 1,024 registers behind 32 bytes of sums.
    for at in sound.len() - 1_024 - 32..sound.len() {
        let mut damaged = sound.clone();
        damaged[at] ^= 0x41;
        assert!(codec::decode::<ApproxCountDistinct<u64>>(&damaged).is_err(), "byte {at}");
    }
}
