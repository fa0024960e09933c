//! [`AnySource`]: a source of a query, whatever its rows are.
//!
//! A query's sources differ in their row types, which the plan alone knows. Here each is bound to its input; after that
//! the engine handles them by number: source `i` is input `i` of [`PlanInfo::inputs`](crate::plan::PlanInfo::inputs).

use std::collections::BTreeMap;
use std::marker::PhantomData;

use async_trait::async_trait;

use crate::error::Result;
use crate::plan::{Plan, Reads, Rejects, Wanted};
use crate::schema::Schema;
use crate::source::{Admission, Advance, Chunk, Offset, OnMalformed, Rows, Source, SourceContext, Split};
use crate::time::Duration;

/// A [`Source`] of one of the inputs of `P`; its methods are the source's own.
#[async_trait]
pub(crate) trait AnySource<P: Plan>: Send {
    fn description(&self) -> String;
    fn take_policy(&mut self) -> OnMalformed;
    fn idle_time(&self) -> Option<Duration>;
    async fn open(&mut self, context: SourceContext) -> Result<()>;
    async fn latest_offset(
        &mut self,
        start: Option<&Offset>,
        admission: Admission,
    ) -> Result<Option<Advance>>;
    async fn arrival(&mut self);
    async fn prepare_available_now(&mut self) -> Result<()>;
    async fn plan(
        &mut self,
        start: Option<&Offset>,
        end: &Offset,
        parallelism: usize,
    ) -> Result<Vec<Box<dyn AnySplit<P>>>>;
    async fn commit(&mut self, end: &Offset) -> Result<()>;
    fn is_caught_up(&self) -> bool;
    fn report_metrics(&self, end: Option<&Offset>) -> BTreeMap<&'static str, String>;
    fn report_latest_offset(&self) -> Option<Offset>;
}

/// A [`Split`] of one of the inputs of `P`.
pub(crate) trait AnySplit<P: Plan>: Send {
    /// The split's weight among those of the same source.
    fn weight(&self) -> u64;

    /// Reads the split from beginning to end into a worker. `input` is the input's place among those that the phase reads.
    fn feed(&mut self, plan: &P, worker: &mut P::Worker, input: usize, rejects: &mut Rejects) -> Result<()>;
}

/// A source, or a split of it, with the way to its input in the plan's tree.
pub(super) struct Bound<S, Path> {
    inner: S,
    path: PhantomData<fn() -> Path>,
}

impl<S, Path> Bound<S, Path> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, path: PhantomData }
    }
}

#[async_trait]
impl<P, Path, S> AnySource<P> for Bound<S, Path>
where
    P: Reads<Path>,
    Path: 'static,
    S: Source<P::Row>,
{
    fn description(&self) -> String {
        self.inner.description()
    }

    fn take_policy(&mut self) -> OnMalformed {
        self.inner.take_policy()
    }

    fn idle_time(&self) -> Option<Duration> {
        self.inner.idle_time()
    }

    async fn open(&mut self, context: SourceContext) -> Result<()> {
        self.inner.open(context).await
    }

    async fn latest_offset(
        &mut self,
        start: Option<&Offset>,
        admission: Admission,
    ) -> Result<Option<Advance>> {
        self.inner.latest_offset(start, admission).await
    }

    async fn arrival(&mut self) {
        self.inner.arrival().await;
    }

    async fn prepare_available_now(&mut self) -> Result<()> {
        self.inner.prepare_available_now().await
    }

    async fn plan(
        &mut self,
        start: Option<&Offset>,
        end: &Offset,
        parallelism: usize,
    ) -> Result<Vec<Box<dyn AnySplit<P>>>> {
        let splits = self.inner.plan(start, end, parallelism).await?;
        Ok(splits.into_iter().map(|split| Box::new(Bound::<_, Path>::new(split)) as Box<_>).collect())
    }

    async fn commit(&mut self, end: &Offset) -> Result<()> {
        self.inner.commit(end).await
    }

    fn is_caught_up(&self) -> bool {
        self.inner.is_caught_up()
    }

    fn report_metrics(&self, end: Option<&Offset>) -> BTreeMap<&'static str, String> {
        self.inner.report_metrics(end)
    }

    fn report_latest_offset(&self) -> Option<Offset> {
        self.inner.report_latest_offset()
    }
}

impl<P, Path, R> AnySplit<P> for Bound<Box<dyn Split<R>>, Path>
where
    P: Reads<Path, Row = R>,
    R: Schema,
{
    fn weight(&self) -> u64 {
        self.inner.weight()
    }

    fn feed(&mut self, plan: &P, worker: &mut P::Worker, input: usize, rejects: &mut Rejects) -> Result<()> {
        let path = PhantomData::<fn() -> Path>;
        self.inner.read(&mut Feed { plan, worker, input, rejects, path })
    }
}

/// A worker as the taker of a split's chunks.
struct Feed<'a, P: Plan, Path> {
    plan: &'a P,
    worker: &'a mut P::Worker,
    input: usize,
    rejects: &'a mut Rejects,
    path: PhantomData<fn() -> Path>,
}

impl<P: Reads<Path>, Path> Rows<P::Row> for Feed<'_, P, Path> {
    fn wanted(&self) -> Wanted<'_> {
        self.plan.wanted()
    }

    fn push(&mut self, chunk: Chunk<'_, P::Row>) -> Result<()> {
        self.plan.feed(self.worker, self.input, chunk, self.rejects)
    }
}
