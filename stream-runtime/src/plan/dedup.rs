//! The plan of `dedup by`: rows that are the first of their key go on to the rest of the query.

use std::any::type_name;

use crate::error::{Error, Result};
use crate::operator::dedup::{DedupCounts, Deduplicated};
use crate::operator::route::Router;
use crate::state::codec;
use crate::state::expiring::Due;
use crate::state::key::OwnedKey;
use crate::time::{Duration, Timestamp};

use super::changes::{key_group, owner};
use super::operator::{Emitted, Operator, WorkerContext};
use super::{BatchContext, OperatorChanges, OperatorMetrics, PlanInfo, StateEntry, Types};

/// Deduplication in front of another operator. The state of both is operator 0 and what follows.
#[derive(Debug)]
pub struct Dedup<K, Next> {
    next: Next,
    /// The watermark's delay; `None` without a watermark.
    delay: Option<Duration>,
    key: Types<K>,
}

impl<K, Next> Dedup<K, Next> {
    pub(super) fn new(info: &PlanInfo, next: Next) -> Self {
        Self { next, delay: info.watermark_delay(), key: std::marker::PhantomData }
    }
}

/// A worker's keys, and its share of what follows.
#[derive(Debug)]
pub struct DedupWorker<K, T> {
    target: Deduplicated<K, T>,
    dropped_through: Option<i64>,
}

impl<K, Next> Operator for Dedup<K, Next>
where
    K: OwnedKey,
    Next: Operator,
{
    type Output = Next::Output;
    type Target = Deduplicated<K, Next::Worker>;
    type Worker = DedupWorker<K, Next::Worker>;

    fn state_types(&self) -> Vec<String> {
        let mut types = vec![type_name::<K>().to_owned()];
        types.extend(self.next.state_types());
        types
    }

    fn worker(&self, context: WorkerContext) -> Self::Worker {
        let next = self.next.worker(context);
        let retention = self.delay.unwrap_or_default().as_micros();
        DedupWorker { target: Deduplicated::new(context.seed, retention, next), dropped_through: None }
    }

    fn begin(&self, worker: &mut Self::Worker, batch: &BatchContext) {
        worker.target.begin(batch.late_micros);
        worker.dropped_through = None;
        self.next.begin(&mut worker.target.next, batch);
    }

    fn target<'w>(&self, worker: &'w mut Self::Worker) -> &'w mut Self::Target {
        &mut worker.target
    }

    fn routers(&self) -> usize {
        1 + self.next.routers_behind()
    }

    fn router<'w>(&self, target: &'w mut Self::Target, index: usize) -> Option<&'w mut Router> {
        match index.checked_sub(1) {
            None => Some(&mut target.router),
            Some(index) => self.next.router_behind(&mut target.next, index),
        }
    }

    /// No row is late for what follows: that goes by the same watermark, and by times that aren't before the row's.
    fn take_late(&self, target: &mut Self::Target) -> bool {
        std::mem::take(&mut target.counts.late_at_hand)
    }

    fn at_row(&self, worker: &mut Self::Worker, sequence: u64) {
        self.next.at_row(&mut worker.target.next, sequence);
    }

    fn emit(
        &self,
        workers: &mut [&mut Self::Worker],
        batch: &BatchContext,
        emitted: &mut Emitted<Self::Output>,
    ) -> Result<()> {
        let mut metrics = OperatorMetrics::default();
        let mut counts = DedupCounts::default();
        let mut waiting = 0;
        for worker in workers.iter_mut() {
            let seen = &mut worker.target.seen;
            metrics.rows_updated += seen.touched_count() as u64;
            let before = metrics.rows_removed;
            seen.expire(batch.evict_micros, |_| Due::Removed, |_, _| metrics.rows_removed += 1);
            if metrics.rows_removed > before {
                worker.dropped_through = Some(batch.evict_micros);
            }
            metrics.rows_total += seen.len() as u64;
            waiting += seen.expiring_len() as u64;
            metrics.memory_used_bytes += seen.allocated_bytes() as u64;
            counts.duplicates += worker.target.counts.duplicates;
            counts.late += worker.target.counts.late;
            counts.max_lateness_micros =
                counts.max_lateness_micros.max(worker.target.counts.max_lateness_micros);
        }
        metrics.rows_dropped_by_watermark = counts.late;
        metrics.late_rows = counts.late;
        metrics.max_lateness_micros = counts.max_lateness_micros;
        metrics.waiting = Some(waiting);
        metrics.duplicate_rows = Some(counts.duplicates);
        emitted.report.operators.push(metrics);
        let mut next: Vec<_> = workers.iter_mut().map(|worker| &mut worker.target.next).collect();
        self.next.emit(&mut next, batch, emitted)
    }

    fn settle(
        &self,
        workers: &mut [&mut Self::Worker],
        mut changes: Option<&mut Vec<OperatorChanges>>,
    ) -> Result<()> {
        if let Some(all) = changes.as_deref_mut() {
            let mut changes = OperatorChanges::default();
            for worker in workers.iter() {
                if let Some(through) = worker.dropped_through {
                    changes.drop_through(through);
                }
                let seen = &worker.target.seen;
                for entry in seen.touched() {
                    changes.put(key_group(seen.hash(&entry.key)), entry.expiry(), &entry.key, &())?;
                }
            }
            all.push(changes);
        }
        for worker in workers.iter_mut() {
            worker.target.seen.settle(|()| {});
        }
        let mut next: Vec<_> = workers.iter_mut().map(|worker| &mut worker.target.next).collect();
        self.next.settle(&mut next, changes)
    }

    fn wake_at(&self, workers: &[&Self::Worker]) -> Option<Timestamp> {
        let next: Vec<_> = workers.iter().map(|worker| &worker.target.next).collect();
        self.next.wake_at(&next)
    }

    fn restore(
        &self,
        workers: &mut [&mut Self::Worker],
        operator: usize,
        entry: StateEntry<'_>,
    ) -> Result<()> {
        if let Some(operator) = operator.checked_sub(1) {
            let mut next: Vec<_> = workers.iter_mut().map(|worker| &mut worker.target.next).collect();
            return self.next.restore(&mut next, operator, entry);
        }
        let key: K = codec::decode(entry.key)
            .map_err(|why| Error::Other(format!("state holds a key that can't be decoded: {why}").into()))?;
        let count = workers.len();
        let Some(hash) = workers.first().map(|worker| worker.target.hash(&key)) else { return Ok(()) };
        workers[owner(hash, count)].target.remember(hash, &key, entry.bucket);
        Ok(())
    }
}
