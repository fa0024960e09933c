//! The plan of `process by`: rows go to a service's own processor, and timers fire after them.

use std::any::type_name;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result, short_type_name};
use crate::operator::process::{KeyState, Processing};
use crate::operator::route::Router;
use crate::operator::windowing::NEVER;
use crate::process::{BatchTimes, Fired, KeyedProcessor, Timer, TimerKind, decode_state, encode_state};
use crate::state::codec;
use crate::time::Timestamp;

use super::changes::{key_group, owner};
use super::operator::{Emitted, Operator, WorkerContext};
use super::{BatchContext, OperatorChanges, OperatorMetrics, PlanInfo, StateEntry};

/// The operator of a keyed processor.
pub struct Process<P: KeyedProcessor> {
    processor: Arc<P>,
    has_watermark: bool,
    /// Each worker's share of what the query begins with, until it has taken it.
    initial: Mutex<Option<Vec<Share<P>>>>,
}

/// Keys with their hashes and their state.
type Share<P> = Vec<(u64, <P as KeyedProcessor>::Key, <P as KeyedProcessor>::State)>;

impl<P: KeyedProcessor> Process<P> {
    pub(super) fn new(info: &PlanInfo, processor: P) -> Self {
        let has_watermark = info.watermark_delay().is_some();
        Self { processor: Arc::new(processor), has_watermark, initial: Mutex::new(None) }
    }

    /// Puts in place what the worker's keys begin with. The first worker to come asks the processor.
    fn put_initial_state(&self, worker: &mut Processing<P>) -> Result<()> {
        let WorkerContext { worker: index, workers, .. } = worker.context;
        let mut initial = self.initial.lock().unwrap_or_else(PoisonError::into_inner);
        let shares = match &mut *initial {
            Some(shares) => shares,
            none => {
                let mut shares: Vec<Share<P>> = (0..workers).map(|_| Vec::new()).collect();
                let states = self.processor.initial_state();
                let failed = |source| Error::processor::<P>("initial state".to_owned(), source);
                for (key, state) in states.map_err(failed)? {
                    let hash = worker.hash(&key);
                    shares[owner(hash, workers)].push((hash, key, state));
                }
                none.insert(shares)
            }
        };
        let share = std::mem::take(&mut shares[index]);
        drop(initial);
        share.into_iter().try_for_each(|(hash, key, state)| worker.insert(hash, &key, state))
    }

    /// Lets all timers fire that are due, those of event time first, each kind in the order of time and those of one time
    /// in the order of the keys. A timer that this sets may be due too.
    fn fire_timers(
        &self,
        workers: &mut [&mut Processing<P>],
        batch: &BatchContext,
        rows: &mut Vec<P::Output>,
    ) -> Result<()> {
        let watermark = Timestamp::from_micros(batch.evict_micros);
        let event = self.has_watermark.then_some((TimerKind::EventTime, watermark));
        let clocks = [event, Some((TimerKind::ProcessingTime, batch.time))];
        let mut fired: HashMap<(usize, u32), Fired> = HashMap::new();
        let next = |workers: &[&mut Processing<P>]| {
            clocks.into_iter().flatten().find_map(|(kind, threshold)| {
                let due = workers.iter().filter_map(|worker| worker.next_due(kind, threshold));
                due.min().map(|time| Timer { kind, time })
            })
        };
        while let Some(timer) = next(workers) {
            let of_worker = |(index, worker): (usize, &&mut Processing<P>)| {
                worker.timers.places(timer).map(move |place| (index, place)).collect::<Vec<_>>()
            };
            let mut due: Vec<_> = workers.iter().enumerate().flat_map(of_worker).collect();
            let key = |(index, place): (usize, u32)| workers[index].keys.get(place).map(|entry| &entry.key);
            due.sort_by(|&left, &right| key(left).cmp(&key(right)));
            for (index, place) in due {
                let fired = fired.entry((index, place)).or_default();
                *fired.of(timer.kind) = Some(timer.time);
                workers[index].fire(place, timer, *fired, rows)?;
            }
        }
        Ok(())
    }
}

/// Takes the workers' result rows in the order of the input.
fn gather<P: KeyedProcessor>(workers: &mut [&mut Processing<P>], rows: &mut Vec<P::Output>) {
    if let [worker] = workers {
        rows.append(&mut worker.output.rows);
        return;
    }
    let outputs = workers.iter_mut().map(|worker| std::mem::take(&mut worker.output));
    let mut by_place: Vec<_> =
        outputs.flat_map(|output| output.places.into_iter().zip(output.rows)).collect();
    // Stable, for the rows that were emitted for one.
    by_place.sort_by_key(|(place, _)| *place);
    rows.extend(by_place.into_iter().map(|(_, row)| row));
}

impl<P: KeyedProcessor> Operator for Process<P> {
    type Output = P::Output;
    type Target = Processing<P>;
    type Worker = Processing<P>;

    /// Without the state's own type: its variables are found by name, and may change.
    fn state_types(&self) -> Vec<String> {
        vec![format!("{} -> {}", type_name::<P::Key>(), short_type_name::<P>())]
    }

    fn worker(&self, context: WorkerContext) -> Processing<P> {
        Processing::new(Arc::clone(&self.processor), context)
    }

    fn begin(&self, worker: &mut Processing<P>, batch: &BatchContext) {
        let closed = if self.has_watermark { batch.late_micros } else { i64::MIN };
        let watermark = self.has_watermark.then(|| Timestamp::from_micros(batch.evict_micros));
        worker.begin(BatchTimes { id: batch.batch, now: batch.time, watermark }, closed);
        if batch.batch == 0
            && let Err(error) = self.put_initial_state(worker)
        {
            worker.failed = Some(((0, 0), error));
        }
    }

    fn target<'w>(&self, worker: &'w mut Processing<P>) -> &'w mut Processing<P> {
        worker
    }

    fn routers(&self) -> usize {
        1
    }

    fn router<'w>(&self, target: &'w mut Processing<P>, _index: usize) -> Option<&'w mut Router> {
        Some(&mut target.router)
    }

    fn take_late(&self, target: &mut Processing<P>) -> bool {
        std::mem::take(&mut target.late.at_hand)
    }

    fn at_row(&self, worker: &mut Processing<P>, sequence: u64) {
        worker.output.place = Some((sequence, 0));
    }

    fn emit(
        &self,
        workers: &mut [&mut Processing<P>],
        batch: &BatchContext,
        emitted: &mut Emitted<P::Output>,
    ) -> Result<()> {
        let failed = workers.iter_mut().filter_map(|worker| worker.failed.take());
        if let Some((_, error)) = failed.min_by_key(|(place, _)| *place) {
            return Err(error);
        }
        gather(workers, &mut emitted.rows);
        self.fire_timers(workers, batch, &mut emitted.rows)?;
        let mut metrics = OperatorMetrics::default();
        let mut waiting = 0;
        for worker in workers.iter_mut() {
            metrics.rows_updated += worker.keys.touched_count() as u64;
            metrics.rows_removed += worker.sweep();
            metrics.rows_total += worker.keys.len() as u64;
            waiting += worker.timers.count(TimerKind::EventTime) as u64;
            metrics.memory_used_bytes += worker.allocated_bytes() as u64;
            metrics.rows_dropped_by_watermark += worker.late.rows;
            metrics.late_rows += worker.late.rows;
            metrics.max_lateness_micros = metrics.max_lateness_micros.max(worker.late.max_lateness_micros);
        }
        metrics.waiting = Some(waiting);
        emitted.report.operators.push(metrics);
        Ok(())
    }

    fn settle(
        &self,
        workers: &mut [&mut Processing<P>],
        changes: Option<&mut Vec<OperatorChanges>>,
    ) -> Result<()> {
        let mut found = OperatorChanges::default();
        for worker in workers.iter_mut() {
            for (hash, key) in worker.removed.drain(..) {
                found.remove(key_group(hash), NEVER, &key)?;
            }
            let touched: Vec<u32> = worker.keys.touched_places().collect();
            for place in touched {
                let Some(hash) = worker.keys.get(place).map(|entry| worker.hash(&entry.key)) else {
                    continue;
                };
                let Some(entry) = worker.keys.get_mut(place) else { continue };
                let KeyState { state, timers, stored, .. } = &mut entry.value;
                *stored = true;
                if changes.is_some() {
                    found.put_with(key_group(hash), NEVER, &entry.key, |bytes| {
                        encode_state(state, timers, bytes)
                            .map_err(|source| Error::processor::<P>(format!("key {:?}", entry.key), source))
                    })?;
                }
            }
            worker.keys.settle(|_| {});
        }
        if let Some(all) = changes {
            all.push(found);
        }
        Ok(())
    }

    fn wake_at(&self, workers: &[&Processing<P>]) -> Option<Timestamp> {
        workers.iter().filter_map(|worker| worker.timers.next(TimerKind::ProcessingTime)).min()
    }

    fn restore(
        &self,
        workers: &mut [&mut Processing<P>],
        _operator: usize,
        entry: StateEntry<'_>,
    ) -> Result<()> {
        let key: P::Key = codec::decode(entry.key)
            .map_err(|why| Error::Other(format!("state holds a key that can't be decoded: {why}").into()))?;
        let mut state = P::State::default();
        let timers = decode_state(&mut state, entry.value).map_err(|why| {
            let place = format!("key {key:?}");
            Error::processor::<P>(
                place,
                format!("its state in the checkpoint can't be decoded: {why}").into(),
            )
        })?;
        let count = workers.len();
        let Some(hash) = workers.first().map(|worker| worker.hash(&key)) else { return Ok(()) };
        workers[owner(hash, count)].restore(hash, &key, state, timers);
        Ok(())
    }
}
