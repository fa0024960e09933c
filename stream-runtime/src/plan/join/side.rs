//! [`ToJoin`]: the end of a branch that leads into a join.

use std::marker::PhantomData;

use crate::error::Result;
use crate::operator::dedup::Deduplicated;
use crate::operator::join::JoinKey;
use crate::operator::route::Router;
use crate::plan::dedup::Dedup;
use crate::plan::operator::{Emitted, Operator, WorkerContext};
use crate::plan::{BatchContext, OperatorChanges, PlanInfo, StateEntry, Types};
use crate::state::key::OwnedKey;

/// The operator that a [`JoinKey`] belongs to. It brings rows to the owner of their key, where the join takes them.
#[derive(Debug)]
pub struct ToJoin<K>(Types<K>);

impl<K: OwnedKey> Operator for ToJoin<K> {
    type Output = ();
    type Target = JoinKey<K>;
    type Worker = JoinKey<K>;

    fn state_types(&self) -> Vec<String> {
        Vec::new()
    }

    fn worker(&self, context: WorkerContext) -> JoinKey<K> {
        JoinKey::new(context.seed)
    }

    fn begin(&self, _worker: &mut JoinKey<K>, _batch: &BatchContext) {}

    fn target<'w>(&self, worker: &'w mut JoinKey<K>) -> &'w mut JoinKey<K> {
        worker
    }

    fn routers(&self) -> usize {
        1
    }

    fn router<'w>(&self, target: &'w mut JoinKey<K>, _index: usize) -> Option<&'w mut Router> {
        Some(&mut target.router)
    }

    fn take_late(&self, target: &mut JoinKey<K>) -> bool {
        std::mem::take(&mut target.late_at_hand)
    }

    fn emit(
        &self,
        _workers: &mut [&mut JoinKey<K>],
        _batch: &BatchContext,
        _emitted: &mut Emitted<()>,
    ) -> Result<()> {
        Ok(())
    }

    fn settle(
        &self,
        _workers: &mut [&mut JoinKey<K>],
        _changes: Option<&mut Vec<OperatorChanges>>,
    ) -> Result<()> {
        Ok(())
    }

    fn restore(
        &self,
        _workers: &mut [&mut JoinKey<K>],
        _operator: usize,
        _entry: StateEntry<'_>,
    ) -> Result<()> {
        Ok(())
    }
}

/// What a row function in front of a join may push into.
pub trait JoinSide: Sized {
    /// The operator that it belongs to.
    type Operator: Operator<Target = Self, Output = ()>;

    /// Makes the operator.
    #[doc(hidden)]
    fn operator(info: &PlanInfo) -> Self::Operator;
}

impl<K: OwnedKey> JoinSide for JoinKey<K> {
    type Operator = ToJoin<K>;

    fn operator(_info: &PlanInfo) -> ToJoin<K> {
        ToJoin(PhantomData)
    }
}

impl<D: OwnedKey, K: OwnedKey> JoinSide for Deduplicated<D, JoinKey<K>> {
    type Operator = Dedup<D, ToJoin<K>>;

    fn operator(info: &PlanInfo) -> Dedup<D, ToJoin<K>> {
        Dedup::new(info, ToJoin(PhantomData))
    }
}
