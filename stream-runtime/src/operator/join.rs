//! [`JoinKey`]: what a join asks of a row function: the row's key, and its event time.
//!
//! The row itself needs no telling: whoever runs the row function has it, and takes it to the other side's state.

use std::marker::PhantomData;

use crate::state::join_rows::hash_packed;
use crate::state::key::{Key, OwnedKey};

use super::dedup::Deduplicated;
use super::route::{Router, Verdict};
use super::windowing::EventTime;

/// One side of a join, as its row function sees it.
#[derive(Debug)]
pub struct JoinKey<K> {
    pub(crate) router: Router,
    /// Whether the join has found the row at hand to be late.
    pub(crate) late_at_hand: bool,
    seed: u64,
    admitted: Option<Admitted>,
    /// The packed key of the admitted row.
    key: Vec<u8>,
    types: PhantomData<fn() -> K>,
}

/// What a row function has said about its row.
#[derive(Clone, Copy, Debug)]
pub struct Admitted {
    pub(crate) hash: u64,
    /// The watermark in µs that has passed the row's event time; `None` for null.
    pub(crate) time: Option<i64>,
    /// A null is part of the key, which then equals no other.
    pub(crate) has_null: bool,
    /// Whether the conditions on this side alone hold; if not, the row matches none.
    pub(crate) may_match: bool,
}

impl<K: OwnedKey> JoinKey<K> {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            router: Router::default(),
            late_at_hand: false,
            seed,
            admitted: None,
            key: Vec::new(),
            types: PhantomData,
        }
    }

    /// Takes the row to the join with its key and event time; `may_match` is what the `on` clause says about this side alone.
    #[inline]
    pub fn admit<Q: Key<Owned = K>>(&mut self, time: impl EventTime, key: Q, may_match: bool) {
        self.key.clear();
        key.pack_key(&mut self.key);
        let hash = hash_packed(self.seed, &self.key);
        if self.router.verdict(hash) == Verdict::Apply {
            let has_null = key.has_null();
            self.admitted = Some(Admitted { hash, time: time.passed_at(), has_null, may_match });
        }
    }
}

/// What a side's row function pushes into, at whose end there is a [`JoinKey`].
pub trait Keyed {
    /// The key.
    type Key;

    /// What the row function has said about the row that it has just been given, and the row's packed key.
    #[doc(hidden)]
    fn take(&mut self) -> Option<(Admitted, &[u8])>;

    /// Learns that the row came too late for the join.
    #[doc(hidden)]
    fn set_late(&mut self);
}

/// What a side's row function pushes into, if the keys are of type `K`, that of the other side: only those can be equal.
#[diagnostic::on_unimplemented(
    message = "this join compares values of different types",
    label = "`{K}` before the join, `{Self}` in the row that it adds",
    note = "both sides of `==` have to be of one type; convert one of them in the clause, for instance with `as u64` or `.to_string()`"
)]
pub trait SameKey<K>: Keyed {}

#[diagnostic::do_not_recommend]
impl<K> SameKey<K> for JoinKey<K> {}

#[diagnostic::do_not_recommend]
impl<K, D, T: SameKey<K>> SameKey<K> for Deduplicated<D, T> {}

impl<K> Keyed for JoinKey<K> {
    type Key = K;

    #[inline]
    fn take(&mut self) -> Option<(Admitted, &[u8])> {
        Some((self.admitted.take()?, &self.key))
    }

    fn set_late(&mut self) {
        self.late_at_hand = true;
    }
}

impl<D, T: Keyed> Keyed for Deduplicated<D, T> {
    type Key = T::Key;

    #[inline]
    fn take(&mut self) -> Option<(Admitted, &[u8])> {
        self.next.take()
    }

    fn set_late(&mut self) {
        self.counts.late_at_hand = true;
    }
}
