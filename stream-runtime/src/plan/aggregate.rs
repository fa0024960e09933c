//! Queries with `group by` or aggregates: the row function updates groups, and a finish function turns the
//! groups that the output mode asks for into result rows.

use std::any::{Any, type_name};
use std::marker::PhantomData;

use crate::error::{Error, Result};
use crate::expr::{Accumulator, Unfinished};
use crate::operator::groups::{Groups, LateRows};
use crate::operator::route::{Router, Verdict};
use crate::operator::windowing::{EventTime, Instant, Instants, NEVER, Windowing};
use crate::schema::Schema;
use crate::state::codec;
use crate::state::key::{Key, OwnedKey};
use crate::state::table::{Entry, Table};

use super::changes::{key_group, owner};
use super::operator::{Emitted, Operator, WorkerContext};
use super::{BatchContext, Mode, OperatorChanges, OperatorMetrics, OutputMode, PlanInfo, StateEntry, Types};

/// The operator of an aggregation.
#[derive(Debug)]
pub struct Aggregate<W, K, A, O, M, G> {
    finish: G,
    /// Whether a watermark closes groups at all.
    expires: bool,
    types: Types<(W, K, A, O, M)>,
}

/// One worker's share of the state, and its part of the batch in progress.
pub struct AggregateWorker<W, K, A> {
    /// The groups whose keys this worker owns.
    state: Groups<W, K, A>,
    /// What this worker's rows add up to, whoever owns the groups. A lone worker needs none: its rows go
    /// straight into the state.
    incoming: Option<Groups<W, K, A>>,
    router: Router,
    /// Everything in buckets that expire at or before this was removed in this batch.
    dropped_through: Option<i64>,
}

impl<W, K, A> AggregateWorker<W, K, A> {
    /// What a row function pushes into behind an operator that routes: the rows of each group, at its owner.
    #[inline]
    pub fn groups(&mut self) -> OwnedGroups<'_, W, K, A> {
        OwnedGroups { groups: &mut self.state, router: &mut self.router }
    }
}

/// The groups whose keys a worker owns; rows of other groups are sent to their owners.
pub struct OwnedGroups<'w, W, K, A> {
    groups: &'w mut Groups<W, K, A>,
    router: &'w mut Router,
}

impl<W: Windowing, K: OwnedKey, A: Accumulator> OwnedGroups<'_, W, K, A> {
    #[inline]
    fn applies(&mut self, key: &impl Key) -> bool {
        self.router.verdict(self.groups.hash(key)) == Verdict::Apply
    }

    /// As [`Groups::update`].
    #[inline]
    pub fn update<Q: Key<Owned = K>>(mut self, time: impl EventTime, key: Q, update: impl FnMut(&mut A)) {
        if self.applies(&key) {
            self.groups.update(time, key, update);
        }
    }

    /// As [`Groups::update_untimed`].
    #[inline]
    pub fn update_untimed<Q: Key<Owned = K>>(mut self, key: Q, update: impl FnMut(&mut A)) {
        if self.applies(&key) {
            self.groups.update_untimed(key, update);
        }
    }
}

impl<T: Instant, K: OwnedKey, A: Accumulator> OwnedGroups<'_, Instants<T>, K, A> {
    /// As [`Groups::update_at`].
    #[inline]
    pub fn update_at<Q: Key<Owned = K>>(mut self, time: T, key: Q, update: impl FnMut(&mut A)) {
        if self.applies(&key) {
            self.groups.update_at(time, key, update);
        }
    }
}

/// What one worker's rows add up to, for the owner of some of their groups.
pub(super) struct AggregatePart<K, A> {
    groups: Vec<(i64, Vec<Entry<K, A>>)>,
    late: LateRows,
}

impl<W, K, A, O, M, G> Aggregate<W, K, A, O, M, G>
where
    W: Windowing,
    K: OwnedKey,
    A: Accumulator,
    M: OutputMode,
    G: for<'a> Fn(W::Label, K::Ref<'a>, &'a A) -> Result<Option<O>, Unfinished>,
{
    pub(super) fn new(info: &PlanInfo, finish: G) -> Self {
        // Nothing but a limit comes behind the aggregation.
        let operator = info.operators.iter().rfind(|operator| !operator.is_limit());
        let event_time_key = operator.is_some_and(|operator| operator.event_time_key);
        let expires = W::EXPIRES && M::MODE != Mode::Complete && event_time_key;
        Self { finish, expires, types: PhantomData }
    }

    /// Result rows of one bucket's groups, in the order of their keys, so that a replay gives the same bytes.
    fn finish_bucket(&self, expiry: i64, groups: Vec<&Entry<K, A>>, rows: &mut Vec<O>) -> Result<()> {
        let mut groups: Vec<_> = groups.into_iter().map(|group| (group.key.order_prefix(), group)).collect();
        groups.sort_unstable_by(|(left_prefix, left), (right_prefix, right)| {
            left_prefix.cmp(right_prefix).then_with(|| left.key.cmp(&right.key))
        });
        rows.reserve(groups.len());
        for (_, group) in groups {
            match (self.finish)(W::label(expiry), group.key.as_ref_key(), &group.accumulator) {
                Ok(row) => rows.extend(row),
                Err(Unfinished::Empty) => {}
                Err(Unfinished::Failed(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether this is an aggregation over everything, which has its one row even before the first input row.
    fn is_global() -> bool {
        !W::EXPIRES && size_of::<K>() == 0
    }
}

/// The groups of one bucket from every worker.
fn by_bucket<'a, K: OwnedKey, A: Default>(
    tables: impl Iterator<Item = (i64, &'a Table<K, A>)>,
    groups: impl Fn(&'a Table<K, A>) -> Vec<&'a Entry<K, A>>,
) -> std::collections::BTreeMap<i64, Vec<&'a Entry<K, A>>> {
    let mut buckets = std::collections::BTreeMap::<i64, Vec<_>>::new();
    for (expiry, table) in tables {
        buckets.entry(expiry).or_default().extend(groups(table));
    }
    buckets
}

impl<W, K, A, O, M, G> Operator for Aggregate<W, K, A, O, M, G>
where
    W: Windowing,
    K: OwnedKey,
    A: Accumulator,
    O: Schema,
    M: OutputMode,
    G: for<'a> Fn(W::Label, K::Ref<'a>, &'a A) -> Result<Option<O>, Unfinished> + Send + Sync + 'static,
{
    type Output = O;
    type Target = Groups<W, K, A>;
    type Worker = AggregateWorker<W, K, A>;

    fn state_types(&self) -> Vec<String> {
        vec![format!("{} -> {}", type_name::<K>(), type_name::<A>())]
    }

    fn worker(&self, context: WorkerContext) -> Self::Worker {
        AggregateWorker {
            state: Groups::new(context.seed),
            incoming: (context.workers > 1).then(|| Groups::new(context.seed)),
            router: Router::default(),
            dropped_through: None,
        }
    }

    fn begin(&self, worker: &mut Self::Worker, batch: &BatchContext) {
        let closed = if self.expires { batch.late_micros } else { i64::MIN };
        worker.state.begin(batch.batch, closed);
        if let Some(incoming) = &mut worker.incoming {
            incoming.begin(batch.batch, closed);
        }
        worker.dropped_through = None;
    }

    fn target<'w>(&self, worker: &'w mut Self::Worker) -> &'w mut Groups<W, K, A> {
        worker.incoming.as_mut().unwrap_or(&mut worker.state)
    }

    fn routers_behind(&self) -> usize {
        1
    }

    fn router_behind<'w>(&self, worker: &'w mut Self::Worker, _index: usize) -> Option<&'w mut Router> {
        Some(&mut worker.router)
    }

    fn take_late(&self, target: &mut Groups<W, K, A>) -> bool {
        std::mem::take(&mut target.late.at_hand)
    }

    fn exchanges(&self) -> bool {
        true
    }

    fn split(&self, worker: &mut Self::Worker, workers: usize) -> Vec<Box<dyn Any + Send>> {
        let Some(incoming) = &mut worker.incoming else { return Vec::new() };
        let mut parts: Vec<_> = (0..workers)
            .map(|_| AggregatePart::<K, A> { groups: Vec::new(), late: LateRows::default() })
            .collect();
        for (expiry, table) in incoming.buckets.drain() {
            for part in &mut parts {
                part.groups.push((expiry, Vec::new()));
            }
            for entry in table.into_entries() {
                let part = &mut parts[owner(entry.hash, workers)];
                if let Some((_, entries)) = part.groups.last_mut() {
                    entries.push(entry);
                }
            }
        }
        incoming.buckets.settle();
        if let Some(first) = parts.first_mut() {
            first.late.merge(&mut incoming.late);
        }
        parts.into_iter().map(|part| Box::new(part) as Box<dyn Any + Send>).collect()
    }

    fn merge(&self, worker: &mut Self::Worker, parts: Vec<Box<dyn Any + Send>>) {
        let parts = parts.into_iter().filter_map(|part| part.downcast::<AggregatePart<K, A>>().ok());
        for mut part in parts {
            for (expiry, entries) in part.groups {
                if entries.is_empty() {
                    continue;
                }
                worker.state.merge_into(expiry, entries);
            }
            worker.state.late.merge(&mut part.late);
        }
    }

    fn emit(
        &self,
        workers: &mut [&mut Self::Worker],
        batch: &BatchContext,
        emitted: &mut Emitted<O>,
    ) -> Result<()> {
        if Self::is_global() && batch.has_data {
            // `size_of::<K>() == 0`: the key is `()`, and its owner is found like any other key's.
            open_global(workers);
        }
        let mut metrics = OperatorMetrics::default();
        let rows = &mut emitted.rows;
        metrics.rows_updated = workers
            .iter()
            .flat_map(|worker| worker.state.buckets.opened())
            .map(|(_, table)| table.touched().len() as u64)
            .sum();
        match M::MODE {
            Mode::Append => {}
            Mode::Update => {
                let opened = workers.iter().flat_map(|worker| worker.state.buckets.opened());
                for (expiry, groups) in by_bucket(opened, |table| table.touched().collect()) {
                    self.finish_bucket(expiry, groups, rows)?;
                }
            }
            Mode::Complete => {
                let all = workers.iter().flat_map(|worker| worker.state.buckets.iter());
                for (expiry, groups) in by_bucket(all, |table| table.entries().iter().collect()) {
                    self.finish_bucket(expiry, groups, rows)?;
                }
            }
        }
        // Counts what the batch has added before anything is taken away again.
        let mut closed = Vec::new();
        if self.expires {
            let through = batch.evict_micros.min(NEVER - 1);
            for worker in workers.iter_mut() {
                let tables = worker.state.buckets.close(through);
                if !tables.is_empty() {
                    worker.dropped_through = Some(through);
                }
                closed.extend(tables);
            }
        }
        metrics.rows_removed = closed.iter().map(|(_, table)| table.len() as u64).sum();
        let out = match M::MODE {
            Mode::Append => Some(&mut emitted.rows),
            Mode::Update if batch.tells_removed => Some(&mut emitted.removed),
            _ => None,
        };
        if let Some(rows) = out {
            let tables = closed.iter().map(|(expiry, table)| (*expiry, table));
            for (expiry, groups) in by_bucket(tables, |table| table.entries().iter().collect()) {
                self.finish_bucket(expiry, groups, rows)?;
            }
        }
        let mut late = LateRows::default();
        for worker in workers.iter_mut() {
            late.merge(&mut worker.state.late);
        }
        metrics.rows_dropped_by_watermark = late.groups.len() as u64;
        metrics.late_rows = late.rows;
        metrics.max_lateness_micros = late.max_lateness_micros;
        metrics.rows_total = workers.iter().map(|worker| worker.state.buckets.groups_now()).sum();
        let endless: u64 = workers.iter().map(|worker| worker.state.buckets.endless_now()).sum();
        metrics.waiting = Some(metrics.rows_total - endless);
        metrics.memory_used_bytes = workers.iter().map(|worker| worker.state.buckets.bytes_now()).sum();
        emitted.report.operators.push(metrics);
        Ok(())
    }

    fn settle(
        &self,
        workers: &mut [&mut Self::Worker],
        changes: Option<&mut Vec<OperatorChanges>>,
    ) -> Result<()> {
        if let Some(all) = changes {
            let mut changes = OperatorChanges::default();
            for worker in workers.iter() {
                if let Some(through) = worker.dropped_through {
                    changes.drop_through(through);
                }
                for (expiry, table) in worker.state.buckets.opened() {
                    for group in table.touched() {
                        changes.put(key_group(group.hash), expiry, &group.key, &group.accumulator)?;
                    }
                }
            }
            all.push(changes);
        }
        for worker in workers {
            worker.state.buckets.settle();
        }
        Ok(())
    }

    fn standing(&self, workers: &[&Self::Worker]) -> Result<Option<Vec<O>>> {
        let mut rows = Vec::new();
        let all = workers.iter().flat_map(|worker| worker.state.buckets.iter());
        for (expiry, groups) in by_bucket(all, |table| table.entries().iter().collect()) {
            self.finish_bucket(expiry, groups, &mut rows)?;
        }
        Ok(Some(rows))
    }

    fn restore(
        &self,
        workers: &mut [&mut Self::Worker],
        _operator: usize,
        entry: StateEntry<'_>,
    ) -> Result<()> {
        let damaged = |what: &str, why: String| {
            Error::Other(format!("state holds {what} that can't be decoded: {why}").into())
        };
        let key: K = codec::decode(entry.key).map_err(|why| damaged("a key", why))?;
        let accumulator: A = codec::decode(entry.value).map_err(|why| damaged("a group", why))?;
        let count = workers.len();
        let Some(first) = workers.first() else { return Ok(()) };
        let hash = first.state.hash(&key);
        workers[owner(hash, count)].state.restore(entry.bucket, hash, key, accumulator);
        Ok(())
    }
}

/// Makes sure that the one group of a global aggregation exists and counts as touched.
fn open_global<W: Windowing, K: OwnedKey, A: Accumulator>(workers: &mut [&mut AggregateWorker<W, K, A>]) {
    let count = workers.len();
    let Ok(key) = codec::decode::<K>(&[]) else { return };
    let Some(first) = workers.first() else { return };
    let hash = first.state.hash(&key);
    workers[owner(hash, count)].state.touch_untimed(hash, &key);
}
