//! [`Processing`]: the operator behind `process by`, as a query's row function sees it.

use std::sync::Arc;

use crate::error::{BoxError, Error, Result};
use crate::plan::WorkerContext;
use crate::process::{
    BatchTimes, Context, Fired, KeyedProcessor, ProcessorState, Timer, TimerIndex, TimerKind, expire,
    is_empty, next_expiry,
};
use crate::schema::Schema;
use crate::state::expiring::ExpiringMap;
use crate::state::key::{Key, OwnedKey};
use crate::time::Timestamp;

use super::route::{Router, Verdict};
use super::windowing::{EventTime, NEVER};

/// One worker's keys, their state and their timers.
pub struct Processing<P: KeyedProcessor> {
    processor: Arc<P>,
    pub(crate) keys: ExpiringMap<P::Key, KeyState<P::State>>,
    pub(crate) timers: TimerIndex,
    pub(crate) router: Router,
    pub(crate) late: Late,
    pub(crate) output: Output<P::Output>,
    /// The first call that has failed, and its place.
    pub(crate) failed: Option<(Place, Error)>,
    /// Keys that are gone and still in the checkpoint, with their hashes.
    pub(crate) removed: Vec<(u64, P::Key)>,
    pub(crate) context: WorkerContext,
    batch: BatchTimes,
    /// Rows at or before this are late.
    closed: i64,
}

/// What is kept of a key.
pub(crate) struct KeyState<S> {
    pub(crate) state: S,
    /// In the order in which they fire.
    pub(crate) timers: Vec<Timer>,
    /// When to look for values that have expired, as the index has it.
    expiry: Timestamp,
    /// Whether the checkpoint has the key.
    pub(crate) stored: bool,
}

impl<S: ProcessorState> KeyState<S> {
    fn new(mut state: S, now: Timestamp) -> Self {
        expire(&mut state, now);
        Self { state, timers: Vec::new(), expiry: Timestamp::MAX, stored: false }
    }
}

/// Rows that came too late.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Late {
    pub(crate) rows: u64,
    pub(crate) max_lateness_micros: i64,
    /// Whether the row at hand is one of them.
    pub(crate) at_hand: bool,
}

/// A row's place in the input, and which of the calls for the row it is, counted by every worker that looks at it: an `explode` may give
/// it several keys.
pub(crate) type Place = (u64, u32);

/// Result rows, and for each the place of the call that it was emitted in.
#[derive(Debug)]
pub(crate) struct Output<O> {
    pub(crate) rows: Vec<O>,
    /// Empty for a lone worker, whose rows are in order.
    pub(crate) places: Vec<Place>,
    pub(crate) place: Option<Place>,
}

impl<O> Default for Output<O> {
    fn default() -> Self {
        Self { rows: Vec::new(), places: Vec::new(), place: None }
    }
}

impl<P: KeyedProcessor> Processing<P> {
    pub(crate) fn new(processor: Arc<P>, context: WorkerContext) -> Self {
        Self {
            processor,
            keys: ExpiringMap::new(context.seed, 0),
            timers: TimerIndex::default(),
            router: Router::default(),
            late: Late::default(),
            output: Output::default(),
            failed: None,
            removed: Vec::new(),
            context,
            batch: BatchTimes { id: 0, now: Timestamp::MIN, watermark: None },
            closed: i64::MIN,
        }
    }

    pub(crate) fn begin(&mut self, batch: BatchTimes, closed: i64) {
        self.late = Late::default();
        self.output = Output::default();
        self.failed = None;
        self.batch = batch;
        self.closed = closed;
    }

    pub(crate) fn hash(&self, key: &impl Key) -> u64 {
        self.keys.hash(key)
    }

    /// Gives a row to the processor, if this worker owns its key. `time` is its event time; null is never late.
    #[inline]
    pub fn process<Q: Key<Owned = P::Key>>(
        &mut self,
        time: impl EventTime,
        key: Q,
        row: <P::Row as Schema>::View<'_>,
    ) {
        if let Some((_, call)) = &mut self.output.place {
            *call += 1;
        }
        let hash = self.hash(&key);
        if self.router.verdict(hash) != Verdict::Apply || self.failed.is_some() {
            return;
        }
        if let Some(micros) = time.passed_at()
            && micros <= self.closed
        {
            self.late.rows += 1;
            self.late.at_hand = true;
            let lateness = self.closed.saturating_sub(micros);
            self.late.max_lateness_micros = self.late.max_lateness_micros.max(lateness);
            return;
        }
        let now = self.batch.now;
        let (place, _) =
            self.keys.find_or_insert(hash, &key, NEVER, || KeyState::new(P::State::default(), now));
        let mut rows = std::mem::take(&mut self.output.rows);
        let called = self.call(place, Fired::default(), &mut rows, |processor, key, state, context| {
            processor.process(key, row, state, context)
        });
        if let Some(at) = self.output.place {
            self.output.places.resize(rows.len(), at);
        }
        self.output.rows = rows;
        if let Err(error) = called {
            self.failed = Some((self.output.place.unwrap_or_default(), error));
        }
    }

    /// Lets a key's timer fire.
    pub(crate) fn fire(
        &mut self,
        place: u32,
        timer: Timer,
        fired: Fired,
        rows: &mut Vec<P::Output>,
    ) -> Result<()> {
        self.timers.remove(timer, place);
        if let Some(entry) = self.keys.get_mut(place) {
            entry.value.timers.retain(|other| *other != timer);
        }
        self.call(place, fired, rows, |processor, key, state, context| {
            processor.on_timer(key, timer, state, context)
        })
    }

    fn call(
        &mut self,
        place: u32,
        fired: Fired,
        rows: &mut Vec<P::Output>,
        call: impl FnOnce(
            &P,
            <P::Key as OwnedKey>::Ref<'_>,
            &mut P::State,
            &mut Context<'_, P::Output>,
        ) -> Result<(), BoxError>,
    ) -> Result<()> {
        let Some((entry, is_first)) = self.keys.touch_entry(place) else { return Ok(()) };
        let KeyState { state, timers, .. } = &mut entry.value;
        if is_first {
            expire(state, self.batch.now);
        }
        let index = &mut self.timers;
        let mut context = Context { batch: self.batch, rows, timers, index, place, fired };
        call(&self.processor, entry.key.as_ref_key(), state, &mut context)
            .map_err(|source| Error::processor::<P>(format!("key {:?}", entry.key), source))
    }

    /// Puts in place what the query begins with.
    ///
    /// # Errors
    /// If a key has a state already.
    pub(crate) fn insert(&mut self, hash: u64, key: &P::Key, state: P::State) -> Result<()> {
        let now = self.batch.now;
        if self.keys.find_or_insert(hash, key, NEVER, || KeyState::new(state, now)).1 {
            return Ok(());
        }
        Err(Error::processor::<P>(format!("initial state of key {key:?}"), "it is given twice".into()))
    }

    /// Puts back what a checkpoint holds of a key.
    pub(crate) fn restore(&mut self, hash: u64, key: &P::Key, mut state: P::State, timers: Vec<Timer>) {
        let expiry = next_expiry(&mut state);
        let kept = KeyState { state, timers: timers.clone(), expiry, stored: true };
        let (place, _) = self.keys.find_or_insert(hash, key, NEVER, || kept);
        self.timers.move_expiry(place, Timestamp::MAX, expiry);
        for timer in timers {
            self.timers.insert(timer, place);
        }
    }

    /// After rows and timers: removes values whose time is over, and keys of which nothing is left. Gives the number
    /// of keys removed that the checkpoint has.
    pub(crate) fn sweep(&mut self) -> u64 {
        let now = self.batch.now;
        let expired: Vec<u32> = self.timers.expired(now).collect();
        for place in expired {
            self.keys.touch_entry(place);
        }
        let before = self.removed.len();
        let touched: Vec<u32> = self.keys.touched_places().collect();
        for place in touched {
            let Some(entry) = self.keys.get_mut(place) else { continue };
            let KeyState { state, timers, expiry, .. } = &mut entry.value;
            expire(state, now);
            let is_gone = timers.is_empty() && is_empty(state);
            let next = if is_gone { Timestamp::MAX } else { next_expiry(state) };
            self.timers.move_expiry(place, std::mem::replace(expiry, next), next);
            if is_gone
                && let Some((hash, entry)) = self.keys.remove(place)
                && entry.value.stored
            {
                self.removed.push((hash, entry.key));
            }
        }
        (self.removed.len() - before) as u64
    }

    /// The time of the next timer of a kind, if that isn't after `threshold`.
    pub(crate) fn next_due(&self, kind: TimerKind, threshold: Timestamp) -> Option<Timestamp> {
        self.timers.next(kind).filter(|time| *time <= threshold)
    }

    pub(crate) fn allocated_bytes(&self) -> usize {
        self.keys.allocated_bytes() + self.timers.allocated_bytes()
    }
}
