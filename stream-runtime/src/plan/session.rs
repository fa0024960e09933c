//! The plan of `group by session(…)`: sessions are emitted when the watermark passes their end.

use std::any::type_name;
use std::marker::PhantomData;

use crate::error::{Error, Result};
use crate::expr::{Accumulator, Unfinished};
use crate::operator::groups::LateRows;
use crate::operator::route::Router;
use crate::operator::sessions::{Session, Sessions};
use crate::operator::windowing::NEVER;
use crate::schema::Schema;
use crate::state::codec;
use crate::state::expiring::Due;
use crate::state::key::OwnedKey;
use crate::time::{Duration, Timestamp, Window};

use super::changes::{key_group, owner};
use super::operator::{Emitted, Operator, WorkerContext};
use super::{BatchContext, Mode, OperatorChanges, OperatorMetrics, OutputMode, PlanInfo, StateEntry, Types};

/// The operator of a session aggregation.
#[derive(Debug)]
pub struct SessionAggregate<K, A, O, M, G> {
    finish: G,
    /// Whether a watermark closes sessions at all.
    expires: bool,
    retention: Duration,
    types: Types<(K, A, O, M)>,
}

impl<K: OwnedKey, A: Accumulator> SessionWorker<K, A> {
    /// What a row function pushes into.
    #[inline]
    pub fn sessions(&mut self) -> &mut Sessions<K, A> {
        &mut self.sessions
    }
}

/// A worker's sessions.
#[derive(Debug)]
pub struct SessionWorker<K, A: Accumulator> {
    sessions: Sessions<K, A>,
    /// Keys whose last session was evicted in this batch, with their hashes.
    removed: Vec<(u64, K)>,
}

impl<K, A, O, M, G> SessionAggregate<K, A, O, M, G>
where
    K: OwnedKey,
    A: Accumulator,
    M: OutputMode,
    G: for<'a> Fn(Window, K::Ref<'a>, &'a A) -> Result<Option<O>, Unfinished>,
{
    pub(super) fn new(info: &PlanInfo, finish: G) -> Self {
        let delay = info.watermark_delay();
        Self {
            finish,
            expires: M::MODE != Mode::Complete && delay.is_some(),
            retention: delay.unwrap_or_default(),
            types: PhantomData,
        }
    }

    /// Result rows in the order of the sessions' ends, starts and keys, so that a replay gives the same bytes.
    fn finish_all<'a>(
        &self,
        sessions: impl Iterator<Item = (&'a K, &'a Session<A>)>,
        rows: &mut Vec<O>,
    ) -> Result<()> {
        let mut sessions: Vec<_> = sessions
            .map(|(key, session)| ((session.end, session.start, key.order_prefix()), key, session))
            .collect();
        sessions.sort_unstable_by(|(left, left_key, _), (right, right_key, _)| {
            left.cmp(right).then_with(|| left_key.cmp(right_key))
        });
        rows.reserve(sessions.len());
        for (_, key, session) in sessions {
            let window = Window {
                start: Timestamp::from_micros(session.start),
                end: Timestamp::from_micros(session.end),
            };
            match (self.finish)(window, key.as_ref_key(), &session.accumulator) {
                Ok(row) => rows.extend(row),
                Err(Unfinished::Empty) => {}
                Err(Unfinished::Failed(error)) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Sessions of a worker that have ended, and their keys.
struct Ended<K, A: Accumulator> {
    sessions: Vec<(KeyPlace, Session<A>)>,
    /// Keys that have another session.
    kept: Vec<K>,
}

/// Where the key of an ended session is.
#[derive(Clone, Copy)]
enum KeyPlace {
    /// Among the worker's removed keys.
    Removed(usize),
    /// Among the keys that are kept.
    Kept(usize),
}

impl<K: OwnedKey, A: Accumulator> SessionWorker<K, A> {
    /// Takes out the sessions that the watermark has passed.
    fn evict(&mut self, watermark: i64) -> Ended<K, A> {
        let Self { sessions, removed } = self;
        removed.clear();
        let mut ended = Ended { sessions: Vec::new(), kept: Vec::new() };
        let mut emptied = 0;
        sessions.by_key.expire(
            watermark,
            |entry| {
                // In order of their start, and so of their end: they don't touch.
                let over = entry.value.partition_point(|session| session.end <= watermark);
                let next = entry.value.get(over).map(|session| session.end);
                let place = match next {
                    // A session that has grown since: the checkpoint has it as it is.
                    Some(next) if over == 0 => return Due::PutOff(next),
                    Some(_) => KeyPlace::Kept(ended.kept.len()),
                    None => KeyPlace::Removed(emptied),
                };
                ended.sessions.extend(entry.value.drain(..over).map(|session| (place, session)));
                match next {
                    Some(next) => {
                        ended.kept.push(entry.key.clone());
                        Due::Changed(next)
                    }
                    None => {
                        emptied += 1;
                        Due::Removed
                    }
                }
            },
            |hash, entry| removed.push((hash, entry.key)),
        );
        sessions.count -= ended.sessions.len() as u64;
        ended
    }
}

impl<K, A, O, M, G> Operator for SessionAggregate<K, A, O, M, G>
where
    K: OwnedKey,
    A: Accumulator,
    O: Schema,
    M: OutputMode,
    G: for<'a> Fn(Window, K::Ref<'a>, &'a A) -> Result<Option<O>, Unfinished> + Send + Sync + 'static,
{
    type Output = O;
    type Target = Sessions<K, A>;
    type Worker = SessionWorker<K, A>;

    fn state_types(&self) -> Vec<String> {
        vec![format!("{} -> {}", type_name::<K>(), type_name::<A>())]
    }

    fn worker(&self, context: WorkerContext) -> Self::Worker {
        SessionWorker {
            sessions: Sessions::new(context.seed, self.retention.as_micros()),
            removed: Vec::new(),
        }
    }

    fn begin(&self, worker: &mut Self::Worker, batch: &BatchContext) {
        let closed = if self.expires { batch.late_micros } else { i64::MIN };
        worker.sessions.begin(closed);
    }

    fn target<'w>(&self, worker: &'w mut Self::Worker) -> &'w mut Sessions<K, A> {
        &mut worker.sessions
    }

    fn routers(&self) -> usize {
        1
    }

    fn router<'w>(&self, target: &'w mut Sessions<K, A>, _index: usize) -> Option<&'w mut Router> {
        Some(&mut target.router)
    }

    fn take_late(&self, target: &mut Sessions<K, A>) -> bool {
        std::mem::take(&mut target.late.at_hand)
    }

    fn emit(
        &self,
        workers: &mut [&mut Self::Worker],
        batch: &BatchContext,
        emitted: &mut Emitted<O>,
    ) -> Result<()> {
        let mut metrics = OperatorMetrics::default();
        let mut late = LateRows::default();
        let mut closed = Vec::new();
        for worker in workers.iter_mut() {
            let touched = worker.sessions.by_key.touched();
            metrics.rows_updated += touched.map(|entry| entry.value.len() as u64).sum::<u64>();
            if self.expires {
                let ended = worker.evict(batch.evict_micros);
                metrics.rows_removed += ended.sessions.len() as u64;
                closed.push(ended);
            }
            let sessions = &mut worker.sessions;
            metrics.rows_removed += sessions.replaced;
            late.merge(&mut sessions.late);
        }
        if M::MODE == Mode::Append {
            let of_workers = closed.iter().zip(workers.iter());
            let closed = of_workers.flat_map(|(ended, worker)| {
                ended.sessions.iter().map(|(place, session)| match *place {
                    KeyPlace::Removed(index) => (&worker.removed[index].1, session),
                    KeyPlace::Kept(index) => (&ended.kept[index], session),
                })
            });
            self.finish_all(closed, &mut emitted.rows)?;
        }
        if M::MODE == Mode::Complete {
            let all = workers.iter().flat_map(|worker| worker.sessions.by_key.iter());
            let all = all.flat_map(|entry| entry.value.iter().map(|session| (&entry.key, session)));
            self.finish_all(all, &mut emitted.rows)?;
        }
        metrics.rows_dropped_by_watermark = late.groups.len() as u64;
        metrics.late_rows = late.rows;
        metrics.max_lateness_micros = late.max_lateness_micros;
        for worker in workers.iter_mut() {
            metrics.rows_total += worker.sessions.count;
            metrics.memory_used_bytes += worker.sessions.by_key.allocated_bytes() as u64;
        }
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
                for (hash, key) in &worker.removed {
                    changes.remove(key_group(*hash), NEVER, key)?;
                }
                let by_key = &worker.sessions.by_key;
                for entry in by_key.touched() {
                    changes.put(
                        key_group(by_key.hash(&entry.key)),
                        NEVER,
                        &entry.key,
                        &entry.value.as_slice(),
                    )?;
                }
            }
            all.push(changes);
        }
        for worker in workers.iter_mut() {
            worker.removed.clear();
            worker.sessions.by_key.settle(|sessions| {
                for session in sessions {
                    session.stored = true;
                }
            });
        }
        Ok(())
    }

    fn standing(&self, workers: &[&Self::Worker]) -> Result<Option<Vec<O>>> {
        let mut rows = Vec::new();
        let all = workers.iter().flat_map(|worker| worker.sessions.by_key.iter());
        let all = all.flat_map(|entry| entry.value.iter().map(|session| (&entry.key, session)));
        self.finish_all(all, &mut rows)?;
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
        let sessions: Vec<Session<A>> = codec::decode(entry.value).map_err(|why| damaged("sessions", why))?;
        let count = workers.len();
        let Some(hash) = workers.first().map(|worker| worker.sessions.hash(&key)) else { return Ok(()) };
        workers[owner(hash, count)].sessions.restore(hash, &key, sessions);
        Ok(())
    }
}
