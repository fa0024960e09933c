//! [`AnyLate`]: where a query's late rows go, whatever rows they are.
//!
//! The rows of an input that came too late for an operator stand with the workers until they are gathered, in the order of the input and
//! each once; then their sink gets them within the batch's commit, like the rows that can't be decoded.

use std::marker::PhantomData;

use async_trait::async_trait;

use crate::error::Result;
use crate::mode::Mode;
use crate::plan::{Contains, Plan, Reads};
use crate::schema::Schema;
use crate::sink::erased::AnySink;
use crate::sink::{SinkBatch, SinkContext};
use crate::time::Timestamp;

use super::nested::Lifted;

/// The late rows of one of the inputs of `P`, and their sink.
pub(crate) trait AnyLate<P: Plan>: Send {
    /// Takes the batch's late rows from the workers; row work, and so for a thread of the query's own.
    fn gather(&mut self, plan: &P, workers: &mut [&mut P::Worker]);
    fn output(&self) -> &dyn LateOutput;
    fn output_mut(&mut self) -> &mut dyn LateOutput;
}

/// Gathered rows and their sink; most methods are the sink's own.
#[async_trait]
pub(crate) trait LateOutput: Send {
    fn describe(&self) -> String;
    fn needs_checkpoint(&self) -> bool;
    fn is_on_terminal(&self) -> bool;
    async fn open(&mut self, context: SinkContext) -> Result<()>;
    async fn commit(&mut self, batch: u64, watermark: Option<Timestamp>) -> Result<()>;
    /// Gives away the rows that are written, to be freed.
    fn take_rows(&mut self) -> Box<dyn Send>;
    async fn close(&mut self) -> Result<()>;
}

/// The late rows of the input at the end of `Path`.
pub(super) struct Late<R, Path> {
    sink: Box<dyn AnySink<R>>,
    rows: Vec<R>,
    path: PhantomData<fn() -> Path>,
}

impl<R: Schema, Path> Late<R, Path> {
    pub(super) fn new(sink: Box<dyn AnySink<R>>) -> Self {
        Self { sink, rows: Vec::new(), path: PhantomData }
    }
}

impl<P, Path> AnyLate<P> for Late<P::Row, Path>
where
    P: Reads<Path>,
    Path: 'static,
{
    fn gather(&mut self, _plan: &P, workers: &mut [&mut P::Worker]) {
        let of_workers = workers.iter_mut().flat_map(|worker| <P as Reads<Path>>::take_late(worker));
        let mut rows: Vec<_> = of_workers.collect();
        rows.sort_by_key(|(place, _)| *place);
        // A row that an `explode` gave several keys may have been late at the owner of each.
        rows.dedup_by_key(|(place, _)| *place);
        self.rows = rows.into_iter().map(|(_, row)| row).collect();
    }

    fn output(&self) -> &dyn LateOutput {
        self
    }

    fn output_mut(&mut self) -> &mut dyn LateOutput {
        self
    }
}

#[async_trait]
impl<R: Schema, Path: 'static> LateOutput for Late<R, Path> {
    fn describe(&self) -> String {
        self.sink.describe()
    }

    fn needs_checkpoint(&self) -> bool {
        self.sink.needs_checkpoint()
    }

    fn is_on_terminal(&self) -> bool {
        self.sink.is_on_terminal()
    }

    async fn open(&mut self, context: SinkContext) -> Result<()> {
        self.sink.open_any(SinkContext { mode: Mode::Append, ..context }).await
    }

    async fn commit(&mut self, id: u64, watermark: Option<Timestamp>) -> Result<()> {
        self.sink
            .commit_any(SinkBatch { id, mode: Mode::Append, rows: &self.rows, removed: &[], watermark })
            .await
    }

    fn take_rows(&mut self) -> Box<dyn Send> {
        Box::new(std::mem::take(&mut self.rows))
    }

    async fn close(&mut self) -> Result<()> {
        self.sink.close_any().await
    }
}

/// The late rows of a query that another one reads.
impl<P, Q, Path> AnyLate<P> for Lifted<Box<dyn AnyLate<Q>>, Q, Path>
where
    P: Contains<Path, Inner = Q>,
    Q: Plan,
{
    fn gather(&mut self, plan: &P, workers: &mut [&mut P::Worker]) {
        let inner: Vec<_> = workers.iter_mut().map(|worker| plan.inner(worker)).collect();
        let Some(&(inner_plan, _)) = inner.first() else { return };
        let mut workers: Vec<_> = inner.into_iter().map(|(_, worker)| worker).collect();
        self.inner.gather(inner_plan, &mut workers);
    }

    fn output(&self) -> &dyn LateOutput {
        self.inner.output()
    }

    fn output_mut(&mut self) -> &mut dyn LateOutput {
        self.inner.output_mut()
    }
}
