//! The laws of every aggregate, against evaluations that are written anew on a plain list of rows.
//!
//! Each property cuts the rows in three, sends parts and results through the state's codec, and merges both ways
//! round: one pass, `(a + b) + c` and `a + (b + c)` all have to give what the naive evaluation gives.

mod damaged_state;
mod distinct;
mod extremes;
mod numbers;
mod rows;
mod rules;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;

use super::{Accumulator, Unfinished};
use crate::state::codec;

/// What an aggregate gave: a value, `empty`, or the text of its error.
type Outcome<O> = Result<O, String>;

fn config() -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(20_260_101),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn outcome<O>(result: Result<O, Unfinished>) -> Outcome<O> {
    result.map_err(|unfinished| match unfinished {
        Unfinished::Empty => "empty".to_owned(),
        Unfinished::Failed(error) => error.to_string(),
    })
}

fn stored<A: Accumulator>(accumulator: &A) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode_into(accumulator, &mut bytes).unwrap();
    bytes
}

fn restored<A: Accumulator>(accumulator: &A) -> A {
    let bytes = stored(accumulator);
    let restored: A = codec::decode(&bytes).unwrap();
    assert_eq!(stored(&restored), bytes, "what is decoded is encoded the same again");
    restored
}

/// The outcomes of one pass, and of three parts merged from the left and from the right.
fn every_way<A: Accumulator, R, O>(
    rows: &[R],
    cuts: (Index, Index),
    update: impl Fn(&mut A, &R),
    finish: impl Fn(&A) -> Result<O, Unfinished>,
) -> [Outcome<O>; 3] {
    let part = |rows: &[R]| {
        let mut part = A::default();
        for row in rows {
            update(&mut part, row);
        }
        restored(&part)
    };
    let (one, other) = (cuts.0.index(rows.len() + 1), cuts.1.index(rows.len() + 1));
    let (head, tail) = rows.split_at(one.min(other));
    let (middle, tail) = tail.split_at(one.max(other) - head.len());

    let mut from_left = part(head);
    from_left.merge(part(middle));
    from_left = restored(&from_left);
    from_left.merge(part(tail));

    let mut rest = part(middle);
    rest.merge(part(tail));
    let mut from_right = part(head);
    from_right.merge(restored(&rest));

    [part(rows), restored(&from_left), restored(&from_right)].map(|accumulator| outcome(finish(&accumulator)))
}

/// The outcome of one pass over rows.
fn over<A: Accumulator, R, O>(
    rows: impl IntoIterator<Item = R>,
    update: impl Fn(&mut A, &R),
    finish: impl Fn(&A) -> Result<O, Unfinished>,
) -> Outcome<O> {
    let mut accumulator = A::default();
    for row in rows {
        update(&mut accumulator, &row);
    }
    outcome(finish(&accumulator))
}

/// Values that aren't null.
fn known<T: Clone>(rows: &[Option<T>]) -> Vec<T> {
    rows.iter().flatten().cloned().collect()
}

/// Up to forty rows, a quarter of them null.
fn rows<S: Strategy>(values: S) -> impl Strategy<Value = Vec<Option<S::Value>>>
where
    S::Value: Clone,
{
    prop::collection::vec(prop::option::weighted(0.75, values), 0..40)
}

fn cuts() -> impl Strategy<Value = (Index, Index)> {
    any::<(Index, Index)>()
}

/// Texts that often meet again and share beginnings.
fn texts() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "",
        "a",
        "ab",
        "abc",
        "b",
        "\u{e9}",
        "page-1",
        "page-2",
        "page-10",
        "\u{10ffff}",
    ])
    .prop_map(str::to_owned)
}
