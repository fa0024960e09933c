//! [`QuerySources`]: the sources of a query that another one reads, on their way into that one.

use std::marker::PhantomData;

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::plan::{Contains, Plan, Rejects};
use crate::source::{Admission, Advance, Offset, OnMalformed, SourceContext};
use crate::time::Duration;

use super::inputs::{AnySource, AnySplit};
use super::late::AnyLate;

/// The sources of the query `Q`, where its late rows go, and what it was told besides, which only a query that runs by itself can be told.
pub struct QuerySources<Q: Plan> {
    pub(super) query: &'static str,
    pub(super) sources: Vec<Box<dyn AnySource<Q>>>,
    pub(super) late: Vec<Box<dyn AnyLate<Q>>>,
    pub(super) told: Vec<&'static str>,
}

impl<Q: Plan> std::fmt::Debug for QuerySources<Q> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sources: Vec<_> = self.sources.iter().map(|source| source.description()).collect();
        f.debug_struct("QuerySources")
            .field("query", &self.query)
            .field("sources", &sources)
            .finish_non_exhaustive()
    }
}

impl<Q: Plan> QuerySources<Q> {
    /// The same for a query that has this one at the end of `Path`.
    pub(super) fn lift<P, Path>(self) -> QuerySources<P>
    where
        P: Contains<Path, Inner = Q>,
        Path: 'static,
    {
        let Self { query, sources, late, told } = self;
        let sources = sources.into_iter().map(|source| Box::new(Lifted::<_, Q, Path>::new(source)) as _);
        let late = late.into_iter().map(|late| Box::new(Lifted::<_, Q, Path>::new(late)) as _);
        QuerySources { query, sources: sources.collect(), late: late.collect(), told }
    }

    /// What is wrong with a query that is read and was told how to run.
    pub(super) fn misplaced(&self) -> Option<Error> {
        let option = *self.told.first()?;
        Some(Error::InvalidOption {
            option,
            message: format!(
                "query `{}` is read by another query and doesn't run by itself: say `.{option}(…)` to the query that reads it",
                self.query
            ),
        })
    }
}

/// A source, a split, or the late rows of the query `Q` as those of a query that has `Q` at the end of `Path`.
pub(super) struct Lifted<S, Q, Path> {
    pub(super) inner: S,
    types: PhantomData<fn() -> (Q, Path)>,
}

impl<S, Q, Path> Lifted<S, Q, Path> {
    fn new(inner: S) -> Self {
        Self { inner, types: PhantomData }
    }
}

#[async_trait]
impl<P, Q, Path> AnySource<P> for Lifted<Box<dyn AnySource<Q>>, Q, Path>
where
    P: Contains<Path, Inner = Q>,
    Q: Plan,
    Path: 'static,
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
        let lift = |split| Box::new(Lifted::<_, Q, Path>::new(split)) as Box<_>;
        Ok(splits.into_iter().map(lift).collect())
    }

    async fn commit(&mut self, end: &Offset) -> Result<()> {
        self.inner.commit(end).await
    }

    fn is_caught_up(&self) -> bool {
        self.inner.is_caught_up()
    }

    fn report_latest_offset(&self) -> Option<Offset> {
        self.inner.report_latest_offset()
    }
}

impl<P, Q, Path> AnySplit<P> for Lifted<Box<dyn AnySplit<Q>>, Q, Path>
where
    P: Contains<Path, Inner = Q>,
    Q: Plan,
{
    fn weight(&self) -> u64 {
        self.inner.weight()
    }

    fn feed(&mut self, plan: &P, worker: &mut P::Worker, input: usize, rejects: &mut Rejects) -> Result<()> {
        let (plan, worker) = plan.inner(worker);
        self.inner.feed(plan, worker, input, rejects)
    }
}
