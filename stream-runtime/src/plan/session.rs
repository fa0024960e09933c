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
use crate::time::{Timestamp, Window};

use super::changes::{key_group, owner};
use super::operator::{Emitted, Operator, WorkerContext};
use super::{BatchContext, Mode, OperatorChanges, OperatorMetrics, OutputMode, PlanInfo, StateEntry, Types};

/// The operator of a session aggregation.
#[derive(Debug)]
pub(crate) struct SessionAggregate<K, A, O, M, G> {
    finish: G,
    /// Whether a watermark closes sessions at all.
    expires: bool,
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
        let has_watermark = info.inputs.iter().any(|input| input.watermark.is_some());
        Self { finish, expires: M::MODE != Mode::Complete && has_watermark, types: PhantomData }
    }

    /// Result rows in the order of the sessions' ends, starts and keys, so that a replay gives the same bytes.
    fn finish_all<'a>(&self, mut sessions: Vec<(&'a K, &'a Session<A>)>, rows: &mut Vec<O>) -> Result<()> {
        sessions.sort_unstable_by(|(left_key, left), (right_key, right)| {
            (left.end, left.start, left_key).cmp(&(right.end, right.start, right_key))
        });
        for (key, session) in sessions {
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
    type Part = ();

    fn state_types(&self) -> Vec<String> {
        vec![format!("{} -> {}", type_name::<K>(), type_name::<A>())]
    }

    fn worker(&self, context: WorkerContext) -> Self::Worker {
        SessionWorker { sessions: Sessions::new(context.seed), removed: Vec::new() }
    }

    fn begin(&self, worker: &mut Self::Worker, batch: &BatchContext) {
        let closed = if self.expires { batch.late_micros } else { i64::MIN };
        worker.sessions.begin(batch.batch, closed);
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

    fn split(&self, _worker: &mut Self::Worker, _workers: usize) -> Vec<()> {
        Vec::new()
    }

    fn merge(&self, _worker: &mut Self::Worker, _parts: Vec<()>) {}

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
            let sessions = &mut worker.sessions;
            metrics.rows_updated +=
                sessions.by_key.touched().map(|entry| entry.value.len() as u64).sum::<u64>();
            if self.expires {
                let (watermark, before) = (batch.evict_micros, closed.len());
                let removed = sessions.by_key.expire(watermark, |entry| {
                    let before = closed.len();
                    let ended = entry.value.extract_if(.., |session| session.end <= watermark);
                    closed.extend(ended.map(|session| (entry.key.clone(), session)));
                    match entry.value.iter().map(|session| session.end).min() {
                        None => Due::Removed,
                        // A session that has grown since: the checkpoint has it as it is.
                        Some(next) if closed.len() == before => Due::PutOff(next),
                        Some(next) => Due::Changed(next),
                    }
                });
                let ended = (closed.len() - before) as u64;
                metrics.rows_removed += ended;
                sessions.count -= ended;
                worker.removed = removed.into_iter().map(|entry| (entry.hash, entry.key)).collect();
            }
            metrics.rows_removed += sessions.replaced;
            emitted.event_time.merge(&sessions.event_time);
            late.merge(&mut sessions.late);
        }
        if M::MODE == Mode::Append {
            let closed = closed.iter().map(|(key, session)| (key, session)).collect();
            self.finish_all(closed, &mut emitted.rows)?;
        }
        if M::MODE == Mode::Complete {
            let all = workers.iter().flat_map(|worker| worker.sessions.by_key.iter());
            let all = all.flat_map(|entry| entry.value.iter().map(|session| (&entry.key, session))).collect();
            self.finish_all(all, &mut emitted.rows)?;
        }
        metrics.rows_dropped_by_watermark = late.groups.len() as u64;
        metrics.late_rows = late.rows;
        metrics.max_lateness_micros = late.max_lateness_micros;
        for worker in workers.iter_mut() {
            metrics.rows_total += worker.sessions.count;
            metrics.memory_used_bytes += worker.sessions.by_key.allocated_bytes() as u64;
        }
        emitted.operators.push(metrics);
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
                for entry in worker.sessions.by_key.touched() {
                    changes.put(key_group(entry.hash), NEVER, &entry.key, &entry.value)?;
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
        workers[owner(hash, count)].sessions.restore(hash, key, sessions);
        Ok(())
    }
}
