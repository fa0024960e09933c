//! A service's own clock, source and sink, with which a test sees and disturbs what the engine does.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use stream_runtime::engine::Clock;
use stream_runtime::error::{Error, Result};
use stream_runtime::prelude::*;
use stream_runtime::sink::{AnyMode, Sink, SinkBatch, SinkContext};
use stream_runtime::source::{Admission, Advance, Offset, Rows, Source, SourceContext, Split};
use stream_runtime::testing::ManualClock;
use tokio::sync::{Semaphore, watch};

/// A manual clock that tells what the engine waits for.
pub(crate) struct WatchedClock {
    clock: Arc<ManualClock>,
    deadlines: watch::Sender<Vec<Timestamp>>,
}

impl WatchedClock {
    pub(crate) fn new(now: Timestamp) -> Arc<Self> {
        Arc::new(Self { clock: ManualClock::new(now), deadlines: watch::Sender::default() })
    }

    pub(crate) fn set(&self, now: Timestamp) {
        self.clock.set(now);
    }

    /// Waits until the query has waited `count` times, and gives for what. A query that ends first is a failure.
    pub(crate) async fn deadlines(&self, query: &StreamingQuery, count: usize) -> Vec<Timestamp> {
        let mut deadlines = self.deadlines.subscribe();
        tokio::select! {
            waited = deadlines.wait_for(|deadlines| deadlines.len() >= count) => {
                waited.expect("the sender lives in the clock").clone()
            }
            end = query.await_termination() => panic!("the query has ended: {end:?}"),
        }
    }
}

#[async_trait]
impl Clock for WatchedClock {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    async fn sleep_until(&self, deadline: Timestamp) {
        self.deadlines.send_modify(|deadlines| deadlines.push(deadline));
        self.clock.sleep_until(deadline).await;
    }

    fn random(&self) -> u128 {
        self.clock.random()
    }
}

/// The calls of a source and a sink that a test can disturb.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Call {
    SourceOpen,
    PrepareAvailableNow,
    LatestOffset,
    Plan,
    Read,
    SourceCommit,
    SinkOpen,
    BeforeWriting,
    AfterWriting,
    SinkClose,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Disturbance {
    Error,
    Panic,
}

/// Disturbs one call, once: the `skip`-th after that many undisturbed ones.
#[derive(Clone, Default)]
pub(crate) struct Trouble(Arc<Mutex<Option<(Call, usize, Disturbance)>>>);

impl Trouble {
    pub(crate) fn at(call: Call, skip: usize, disturbance: Disturbance) -> Self {
        Self(Arc::new(Mutex::new(Some((call, skip, disturbance)))))
    }

    /// Whether the call has been disturbed (or there was nothing to disturb).
    pub(crate) fn is_over(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn reach(&self, call: Call) -> Result<()> {
        let mut trouble = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *trouble {
            Some((at, skip, disturbance)) if *at == call => {
                if *skip > 0 {
                    *skip -= 1;
                    return Ok(());
                }
                let disturbance = *disturbance;
                *trouble = None;
                drop(trouble);
                assert!(disturbance == Disturbance::Error, "trouble at {call:?}");
                Err(Error::Other(format!("trouble at {call:?}").into()))
            }
            _ => Ok(()),
        }
    }
}

/// A source of a service's own, which can fail.
pub(crate) struct TroubledSource<S> {
    pub(crate) source: S,
    pub(crate) trouble: Trouble,
}

struct TroubledSplit<R> {
    split: Box<dyn Split<R>>,
    trouble: Trouble,
}

impl<R: Schema> Split<R> for TroubledSplit<R> {
    fn weight(&self) -> u64 {
        self.split.weight()
    }

    fn read(&mut self, rows: &mut dyn Rows<R>) -> Result<()> {
        self.split.read(rows)?;
        self.trouble.reach(Call::Read)
    }
}

#[async_trait]
impl<R: Schema, S: Source<R>> Source<R> for TroubledSource<S> {
    fn description(&self) -> String {
        "TroubledSource".to_owned()
    }

    async fn open(&mut self, context: SourceContext) -> Result<()> {
        self.trouble.reach(Call::SourceOpen)?;
        self.source.open(context).await
    }

    async fn latest_offset(
        &mut self,
        start: Option<&Offset>,
        admission: Admission,
    ) -> Result<Option<Advance>> {
        self.trouble.reach(Call::LatestOffset)?;
        self.source.latest_offset(start, admission).await
    }

    async fn prepare_available_now(&mut self) -> Result<()> {
        self.trouble.reach(Call::PrepareAvailableNow)?;
        self.source.prepare_available_now().await
    }

    async fn plan(
        &mut self,
        start: Option<&Offset>,
        end: &Offset,
        parallelism: usize,
    ) -> Result<Vec<Box<dyn Split<R>>>> {
        self.trouble.reach(Call::Plan)?;
        let splits = self.source.plan(start, end, parallelism).await?;
        let troubled =
            |split| Box::new(TroubledSplit { split, trouble: self.trouble.clone() }) as Box<dyn Split<R>>;
        Ok(splits.into_iter().map(troubled).collect())
    }

    async fn commit(&mut self, end: &Offset) -> Result<()> {
        self.trouble.reach(Call::SourceCommit)?;
        self.source.commit(end).await
    }
}

/// A sink of a service's own that keeps each batch once, and can fail before or after it has written.
pub(crate) struct TroubledSink<R> {
    pub(crate) sink: MemorySink<R>,
    pub(crate) trouble: Trouble,
}

#[async_trait]
impl<R: Schema> Sink<R> for TroubledSink<R> {
    type Modes = AnyMode;

    fn description(&self) -> String {
        "TroubledSink".to_owned()
    }

    async fn open(&mut self, context: SinkContext) -> Result<()> {
        self.trouble.reach(Call::SinkOpen)?;
        self.sink.open(context).await
    }

    async fn commit(&mut self, batch: SinkBatch<'_, R>) -> Result<()> {
        self.trouble.reach(Call::BeforeWriting)?;
        self.sink.commit(batch).await?;
        self.trouble.reach(Call::AfterWriting)
    }

    async fn close(&mut self) -> Result<()> {
        self.trouble.reach(Call::SinkClose)?;
        self.sink.close().await
    }
}

/// A sink that calls a function with each batch's id, and holds the batch until there is a permit.
pub(crate) struct GatedSink<R, F> {
    pub(crate) sink: MemorySink<R>,
    pub(crate) gate: Arc<Semaphore>,
    pub(crate) reached: F,
}

#[async_trait]
impl<R: Schema, F: FnMut(u64) + Send + 'static> Sink<R> for GatedSink<R, F> {
    type Modes = AnyMode;

    fn description(&self) -> String {
        "GatedSink".to_owned()
    }

    async fn open(&mut self, context: SinkContext) -> Result<()> {
        self.sink.open(context).await
    }

    async fn commit(&mut self, batch: SinkBatch<'_, R>) -> Result<()> {
        (self.reached)(batch.id);
        self.gate.acquire().await.expect("no test closes the gate").forget();
        self.sink.commit(batch).await
    }
}

/// A gate that is open.
pub(crate) fn open_gate() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(Semaphore::MAX_PERMITS))
}
