//! [`TestQuery`]: a query in a test's hands: rows in, results out, restarts and crashes where the test wants.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::checkpoint::{MemoryStore, StateStore};
use crate::engine::{Clock, Execution, Progress, QueryBuilder, Step};
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::schema::Schema;
use crate::sink::{MemoryResults, MemorySink};
use crate::source::{Admission, MemoryInput, MemorySource};
use crate::time::{Duration, Timestamp};

use super::ManualClock;
use super::inputs::TestInputs;

/// A query with memory sources, a memory sink, a checkpoint in memory and a clock that stands still.
///
/// Nothing runs by itself: [`expect`](Self::expect) runs the batches that there is input for, and the batches without data that let
/// the watermark take effect and timers fire that are due. A batch reads one chunk of each input that has any left: what one
/// [`add`](Self::add) has added.
pub struct TestQuery<I, P: Plan, F> {
    build: F,
    inputs: I,
    results: MemoryResults<P::Output>,
    store: MemoryStore,
    clock: Arc<ManualClock>,
    crash: Arc<Mutex<Option<Step>>>,
    execution: Option<Execution>,
    progress: Vec<Arc<Progress>>,
    /// Batches whose rows an expectation has already seen.
    seen: usize,
}

impl<I, P: Plan, F> fmt::Debug for TestQuery<I, P, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestQuery").field("batches", &self.progress.len()).finish_non_exhaustive()
    }
}

impl<R, P, F> TestQuery<MemoryInput<R>, P, F>
where
    R: Schema,
    P: Plan,
    F: Fn(MemorySource<R>, MemorySink<P::Output>) -> QueryBuilder<P>,
{
    /// Opens the query of one input that `build` binds to the source and the sink it is given, at each start again. The clock
    /// shows 2026-01-01T00:00:00Z.
    ///
    /// # Errors
    /// What keeps the query from opening.
    pub async fn open(build: F) -> Result<Self> {
        Self::open_with(MemoryInput::default(), build).await
    }

    /// Adds rows, which the next batch that has none yet will read.
    pub fn add(&mut self, rows: impl IntoIterator<Item = R>) -> &mut Self {
        self.inputs.add(rows);
        self
    }
}

impl<I, P, F> TestQuery<I, P, F>
where
    I: TestInputs,
    P: Plan,
    F: Fn(I::Sources, MemorySink<P::Output>) -> QueryBuilder<P>,
{
    /// As [`open`](TestQuery::open), for a query of several inputs: a tuple of them, whose sources `build` is given as a tuple.
    /// Keep a clone of each to add rows to it.
    ///
    /// # Errors
    /// What keeps the query from opening.
    pub async fn open_with(inputs: I, build: F) -> Result<Self> {
        let (results, _) = MemorySink::new();
        let mut test = Self {
            build,
            inputs,
            results,
            store: MemoryStore::new(),
            clock: ManualClock::new(Timestamp::from_secs(1_767_225_600)),
            crash: Arc::default(),
            execution: None,
            progress: Vec::new(),
            seen: 0,
        };
        test.reopen().await?;
        Ok(test)
    }

    /// Moves the clock forward.
    pub fn advance(&mut self, by: Duration) -> &mut Self {
        self.clock.advance(by);
        self
    }

    /// The clock, to set it as a test likes.
    pub fn clock(&self) -> &Arc<ManualClock> {
        &self.clock
    }

    /// Lets the query crash at `step` of the next batch, as if the process had died there. Whatever runs after
    /// that runs on what the checkpoint held.
    pub fn crash_at(&mut self, step: Step) -> &mut Self {
        *self.crash.lock().unwrap_or_else(PoisonError::into_inner) = Some(step);
        self
    }

    /// Ends the query between two batches and opens it again on its checkpoint.
    ///
    /// # Errors
    /// What keeps the query from opening.
    pub async fn restart(&mut self) -> Result<()> {
        self.execution = None;
        self.reopen().await
    }

    /// Runs until there is nothing to do, and gives the progress of each batch.
    ///
    /// # Errors
    /// [`Error::Batch`] for a batch that failed, other than by [`crash_at`](Self::crash_at).
    pub async fn run(&mut self) -> Result<Vec<Arc<Progress>>> {
        let before = self.progress.len();
        loop {
            if self.execution.is_none() {
                self.reopen().await?;
            }
            let Some(execution) = &mut self.execution else { continue };
            match execution.run_next(Admission::Limited).await {
                Ok(Some(progress)) => self.progress.push(progress),
                Ok(None) => return Ok(self.progress[before..].to_vec()),
                Err(error) => {
                    self.execution = None;
                    // Anything but a crash that `crash_at` has asked for.
                    if !matches!(error.root(), Error::Crashed { .. }) {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Runs until there is nothing to do, then checks the rows that were emitted since the last expectation, in
    /// any order.
    ///
    /// # Panics
    /// If other rows were emitted, or the query failed.
    #[track_caller]
    pub fn expect(&mut self, rows: impl IntoIterator<Item = P::Output>) -> impl Future<Output = ()>
    where
        P::Output: PartialEq + fmt::Debug,
    {
        let caller = std::panic::Location::caller();
        let expected: Vec<_> = rows.into_iter().collect();
        async move {
            if let Err(error) = self.run().await {
                panic!("{caller}: the query failed: {error}");
            }
            let mut emitted = self.emitted();
            let mut missing = Vec::new();
            for row in expected {
                match emitted.iter().position(|other| *other == row) {
                    Some(index) => drop(emitted.swap_remove(index)),
                    None => missing.push(row),
                }
            }
            assert!(
                missing.is_empty() && emitted.is_empty(),
                "{caller}: not emitted: {missing:#?}\nemitted, but not expected: {emitted:#?}"
            );
        }
    }

    /// The rows of the batches that no expectation has seen yet.
    pub fn emitted(&mut self) -> Vec<P::Output> {
        let batches = self.results.batches();
        let rows = batches.iter().skip(self.seen).flat_map(|batch| batch.rows.iter());
        let rows = rows.map(|row| P::Output::from_view(row.view())).collect();
        self.seen = batches.len();
        rows
    }

    /// The progress of every batch so far, over all restarts.
    pub fn progress(&self) -> &[Arc<Progress>] {
        &self.progress
    }

    async fn reopen(&mut self) -> Result<()> {
        let mut builder = (self.build)(self.inputs.sources(), self.results.sink());
        builder.options.store = Some(Arc::new(self.store.clone()) as Arc<dyn StateStore>);
        builder.options.clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let crash = Arc::clone(&self.crash);
        builder.options.step = Some(Arc::new(move |_, step| {
            let mut crash = crash.lock().unwrap_or_else(PoisonError::into_inner);
            let crashes = *crash == Some(step);
            if crashes {
                *crash = None;
            }
            !crashes
        }));
        self.execution = Some(builder.open().await?);
        Ok(())
    }
}
