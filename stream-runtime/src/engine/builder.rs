//! [`QueryBuilder`]: a compiled query with its sources bound, waiting for sinks and options.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::checkpoint::{MemoryStore, SledStore, StateStore};
#[cfg(feature = "object-store")]
use crate::checkpoint::{Mirror, MirroredStore};
use crate::error::{Error, Result};
use crate::plan::{Contains, Explain, Plan, Reads};
use crate::sink::erased::AnySink;
use crate::sink::{AnyMode, BatchFuture, ForeachBatch, ForeachBatchSink, Sink, Takes};
use crate::source::Source;
use crate::time::Duration;

use super::clock::{Clock, SystemClock};
use super::execution::{Execution, blocking, release};
use super::handle::StreamingQuery;
use super::inputs::{AnySource, Bound};
use super::late::{AnyLate, Late};
use super::listener::QueryListener;
use super::nested::QuerySources;
use super::policy::WatermarkPolicy;
use super::run::spawn;
use super::stages::{Stages, TypedStages};
use super::start::Start;
use super::step::StepHook;
use super::trigger::Trigger;
use super::workers::WorkerPool;

/// A query whose sources are bound. Give it at least one sink, then [`start`](Self::start) it.
#[must_use = "a query does nothing until it is started"]
pub struct QueryBuilder<P: Plan> {
    plan: P,
    sources: Vec<Box<dyn AnySource<P>>>,
    late: Vec<Box<dyn AnyLate<P>>>,
    sinks: Vec<Box<dyn AnySink<P::Output>>>,
    pub(crate) options: Options,
    /// The options that were given, by their methods' names.
    told: Vec<&'static str>,
    /// What is wrong with a query that this one reads.
    misplaced: Option<Error>,
}

/// What a query may be told besides its sources and sinks.
pub(crate) struct Options {
    name: Option<String>,
    checkpoint: Option<PathBuf>,
    #[cfg(feature = "object-store")]
    mirror: Option<Mirror>,
    /// Takes the place of a checkpoint directory in tests.
    pub(crate) store: Option<Arc<dyn StateStore>>,
    trigger: Trigger,
    watermark_policy: WatermarkPolicy,
    flush_after: Option<Duration>,
    workers: usize,
    listeners: Vec<Arc<dyn QueryListener>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) step: Option<StepHook>,
}

impl<P: Plan> fmt::Debug for QueryBuilder<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryBuilder")
            .field("query", &self.plan.info().query)
            .field("sources", &self.sources.iter().map(|source| source.description()).collect::<Vec<_>>())
            .field("checkpoint", &self.options.checkpoint)
            .field("trigger", &self.options.trigger)
            .finish_non_exhaustive()
    }
}

impl<P: Plan> QueryBuilder<P> {
    #[doc(hidden)]
    pub fn new(plan: P) -> Self {
        let options = Options {
            name: None,
            checkpoint: None,
            #[cfg(feature = "object-store")]
            mirror: None,
            store: None,
            trigger: Trigger::default(),
            watermark_policy: WatermarkPolicy::default(),
            flush_after: None,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            listeners: Vec::new(),
            clock: SystemClock::shared(),
            step: None,
        };
        Self {
            plan,
            sources: Vec::new(),
            late: Vec::new(),
            sinks: Vec::new(),
            options,
            told: Vec::new(),
            misplaced: None,
        }
    }

    #[doc(hidden)]
    /// Gives the next input, in the order of their declaration, its source.
    pub fn source<Path>(mut self, source: impl Source<<P as Reads<Path>>::Row>) -> Self
    where
        Path: 'static,
        P: Reads<Path>,
    {
        self.sources.push(Box::new(Bound::<_, Path>::new(source)));
        self
    }

    #[doc(hidden)]
    /// Gives the next query that this one reads its sources, in the order in which the queries stand.
    pub fn query<Path, Q>(mut self, sources: QuerySources<Q>) -> Self
    where
        Path: 'static,
        Q: Plan,
        P: Contains<Path, Inner = Q>,
    {
        self.misplaced = self.misplaced.or_else(|| sources.misplaced());
        let QuerySources { sources, late, .. } = sources.lift::<P, Path>();
        self.sources.extend(sources);
        self.late.extend(late);
        self
    }

    #[doc(hidden)]
    /// Gives the late rows of an input their sink.
    pub fn late<Path>(mut self, sink: impl Sink<<P as Reads<Path>>::Row>) -> Self
    where
        Path: 'static,
        P: Reads<Path>,
    {
        self.late.push(Box::new(Late::<_, Path>::new(Box::new(sink))));
        self
    }

    #[doc(hidden)]
    /// The parts of a query that another one reads.
    pub fn into_input(self) -> (P, QuerySources<P>) {
        let Self { plan, sources, late, sinks, mut told, .. } = self;
        told.extend((!sinks.is_empty()).then_some("to"));
        let query = plan.info().query;
        (plan, QuerySources { query, sources, late, told })
    }

    /// Adds a sink. A query may have several: each batch goes to all of them before it is committed.
    pub fn to<S: Sink<P::Output>>(mut self, sink: S) -> Self
    where
        S::Modes: Takes<P::Mode>,
    {
        self.sinks.push(Box::new(sink));
        self
    }

    /// Calls `function` with each batch: `.to(ForeachBatchSink::new(function))`.
    ///
    /// [`BatchWriter`](crate::sink::BatchWriter) says what exactly once needs there; for retries, and for a writer with state of its
    /// own, use [`ForeachBatchSink`] itself.
    pub fn for_each_batch<F>(self, function: F) -> Self
    where
        F: for<'a> FnMut(ForeachBatch<'a, P::Output>) -> BatchFuture<'a> + Send + 'static,
        AnyMode: Takes<P::Mode>,
    {
        self.to(ForeachBatchSink::new(function))
    }

    /// Names the query in progress reports, errors and thread names; without it, it has the name in
    /// `stream_query!`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.told.push("name");
        self.options.name = Some(name.into());
        self
    }

    /// Keeps offsets, state and commits in this directory, which one query owns for its whole life. A query
    /// without a checkpoint starts from nothing each time.
    pub fn checkpoint(mut self, directory: impl Into<PathBuf>) -> Self {
        self.told.push("checkpoint");
        self.options.checkpoint = Some(directory.into());
        self
    }

    /// Keeps a copy of the checkpoint in an object store, from which [`restore_from`](crate::checkpoint::restore_from) makes it anew on
    /// another machine.
    #[cfg(feature = "object-store")]
    pub fn mirror_to(mut self, mirror: Mirror) -> Self {
        self.told.push("mirror_to");
        self.options.mirror = Some(mirror);
        self
    }

    /// When batches start; [`Trigger::AsFastAsPossible`] unless told otherwise.
    pub fn trigger(mut self, trigger: Trigger) -> Self {
        self.told.push("trigger");
        self.options.trigger = trigger;
        self
    }

    /// What the watermarks of several inputs come to; the smallest of them unless told otherwise.
    ///
    /// The checkpoint keeps the policy of the first start. A query whose inputs have several watermarks doesn't start with another
    /// one: windows that are closed can't be opened again.
    pub fn watermark_policy(mut self, policy: WatermarkPolicy) -> Self {
        self.told.push("watermark_policy");
        self.options.watermark_policy = policy;
        self
    }

    /// Lets event time move on by the clock while nothing arrives, so that the last windows close: once all sources have been read to
    /// their end and had no rows for `silence`, and each time as long again, the watermark rises by `silence` in a batch without data. It
    /// stops once there is nothing left to close; without this option it never begins.
    ///
    /// It goes on from the input that has got furthest, less its delay: an input that is behind, or never had a row, holds nothing open any
    /// more, and its rows are late if they come after all. Rows in state that no watermark closes, such as those without an event time, are
    /// not waited for. Silence begins once the query has started, and anew when a source has rows or isn't caught up.
    ///
    /// Rows that arrive after that are late if the watermark has passed them, though it would not have moved without this: choose a time in
    /// which an input that is silent has certainly nothing more to say. [`Trigger::Once`] and [`Trigger::AvailableNow`] don't wait for it.
    pub fn flush_after(mut self, silence: impl Into<Duration>) -> Self {
        self.told.push("flush_after");
        self.options.flush_after = Some(silence.into());
        self
    }

    /// The number of threads that do row work; all of the machine's cores unless told otherwise. It may differ
    /// from run to run, and changes no result but the last digits of sums and means of floats, which are added part by
    /// part.
    pub fn workers(mut self, workers: usize) -> Self {
        self.told.push("workers");
        self.options.workers = workers;
        self
    }

    /// Adds a listener.
    pub fn listener(mut self, listener: impl QueryListener) -> Self {
        self.told.push("listener");
        self.options.listeners.push(Arc::new(listener));
        self
    }

    /// Takes time and randomness from `clock` instead of the machine.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.told.push("clock");
        self.options.clock = clock;
        self
    }

    /// Calls `hook` at each [`Step`](super::Step) of each batch; the query fails where it answers `false`. For
    /// tests of recovery: a hook may also end the process.
    pub fn at_step(mut self, hook: StepHook) -> Self {
        self.told.push("at_step");
        self.options.step = Some(hook);
        self
    }

    /// The query's plan, to print.
    pub fn explain(&self) -> Explain {
        Explain::new(self.plan.info().clone())
    }

    /// Opens the checkpoint, the sources and the sinks, restores the state, and starts the query on the tokio
    /// runtime that this is called on.
    ///
    /// # Errors
    /// What is wrong with the checkpoint (see [`Error::Checkpoint`], [`Error::Incompatible`]), a source or a
    /// sink; [`Error::InvalidOption`] for a query without a sink, without workers, or without the checkpoint that one
    /// of its sinks needs.
    pub async fn start(self) -> Result<StreamingQuery> {
        let trigger = self.options.trigger;
        let execution = self.open().await?;
        Ok(spawn(execution, trigger))
    }

    /// A query ready for its first batch, which somebody else drives.
    pub(crate) async fn open(self) -> Result<Execution> {
        let Self { plan, sources, late, sinks, mut options, told: _, misplaced } = self;
        if let Some(error) = misplaced {
            return Err(error);
        }
        let (bound, inputs) = (sources.len(), plan.info().input_count());
        if bound != inputs {
            return Err(Error::InvalidOption {
                option: "source",
                message: format!("query `{}` has {inputs} inputs, and {bound} sources", plan.info().query),
            });
        }
        if sinks.is_empty() {
            return Err(Error::InvalidOption {
                option: "to",
                message: format!("query `{}` has no sink; add one with `.to(…)`", plan.info().query),
            });
        }
        if options.workers == 0 {
            return Err(Error::InvalidOption {
                option: "workers",
                message: "a query needs at least one".to_owned(),
            });
        }
        check_times(sources.iter().map(|source| source.idle_time()), options.flush_after)?;
        let name = options.name.take().unwrap_or_else(|| plan.info().query.to_owned());
        let pool = WorkerPool::new(&name, options.workers)?;
        let stages = TypedStages::new(plan, sources, late, sinks, pool);
        let store = match options.open_store().await? {
            Some(store) => store,
            None => {
                if let Some(sink) = stages.sink_that_needs_checkpoint() {
                    return Err(Error::InvalidOption {
                        option: "checkpoint",
                        message: format!(
                            "sink `{sink}` remembers which batches it has, so query `{name}` needs `.checkpoint(…)`"
                        ),
                    });
                }
                Arc::new(MemoryStore::transient())
            }
        };
        let start = Start {
            name,
            store: Arc::clone(&store),
            clock: options.clock,
            listeners: options.listeners,
            step: options.step,
            watermark_policy: options.watermark_policy,
            flush_after: options.flush_after,
        };
        let opened = start.open(Box::new(stages)).await;
        if opened.is_err() {
            release(store).await;
        }
        opened
    }
}

impl Options {
    /// Opens the checkpoint, if the query has one.
    async fn open_store(&mut self) -> Result<Option<Arc<dyn StateStore>>> {
        if let Some(store) = self.store.take() {
            return Ok(Some(store));
        }
        let directory = self.checkpoint.take();
        #[cfg(feature = "object-store")]
        if let Some(mirror) = self.mirror.take() {
            let Some(directory) = directory else {
                return Err(Error::InvalidOption {
                    option: "mirror_to",
                    message: "a mirror is a copy of the checkpoint; add one with `.checkpoint(…)`".to_owned(),
                });
            };
            return Ok(Some(Arc::new(blocking(move || MirroredStore::open(directory, mirror)).await?)));
        }
        let Some(directory) = directory else { return Ok(None) };
        Ok(Some(Arc::new(blocking(move || SledStore::open(directory)).await?)))
    }
}

/// Event time can't move back, nor for ever.
fn check_times(
    mut idle_after: impl Iterator<Item = Option<Duration>>,
    flush_after: Option<Duration>,
) -> Result<()> {
    if idle_after.any(|silence| silence.is_some_and(Duration::is_negative)) {
        let message = "an input can't be idle before it is silent; give zero or more".to_owned();
        return Err(Error::InvalidOption { option: "idle_after", message });
    }
    if flush_after.is_some_and(|silence| silence.as_millis() < 1) {
        let message = "event time moves on in steps of at least a millisecond".to_owned();
        return Err(Error::InvalidOption { option: "flush_after", message });
    }
    Ok(())
}
