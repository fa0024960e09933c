//! [`Input`]: a source with the options that belong to the input rather than to the connector.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;

use crate::error::Result;
use crate::schema::Schema;

use super::{Admission, Advance, Offset, OnMalformed, Source, SourceContext, Split};

/// A source of a query, and what happens to its malformed rows. Made by [`SourceExt::on_malformed`].
pub struct Input<R: Schema> {
    source: Box<dyn Source<R>>,
    on_malformed: OnMalformed,
}

impl<R: Schema> fmt::Debug for Input<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("source", &self.source.description())
            .field("on_malformed", &self.on_malformed)
            .finish()
    }
}

/// Options that every source has.
pub trait SourceExt<R: Schema>: Source<R> + Sized {
    /// What happens to rows that can't be decoded; without it, the query fails.
    fn on_malformed(self, policy: OnMalformed) -> Input<R> {
        Input { source: Box::new(self), on_malformed: policy }
    }
}

impl<R: Schema, S: Source<R>> SourceExt<R> for S {}

#[async_trait]
impl<R: Schema> Source<R> for Input<R> {
    fn description(&self) -> String {
        self.source.description()
    }

    fn take_policy(&mut self) -> OnMalformed {
        std::mem::take(&mut self.on_malformed)
    }

    async fn open(&mut self, context: SourceContext) -> Result<()> {
        self.source.open(context).await
    }

    async fn latest_offset(
        &mut self,
        start: Option<&Offset>,
        admission: Admission,
    ) -> Result<Option<Advance>> {
        self.source.latest_offset(start, admission).await
    }

    async fn arrival(&mut self) {
        self.source.arrival().await;
    }

    async fn prepare_available_now(&mut self) -> Result<()> {
        self.source.prepare_available_now().await
    }

    async fn plan(
        &mut self,
        start: Option<&Offset>,
        end: &Offset,
        parallelism: usize,
    ) -> Result<Vec<Box<dyn Split<R>>>> {
        self.source.plan(start, end, parallelism).await
    }

    async fn commit(&mut self, end: &Offset) -> Result<()> {
        self.source.commit(end).await
    }

    fn is_caught_up(&self) -> bool {
        self.source.is_caught_up()
    }

    fn report_metrics(&self, end: Option<&Offset>) -> BTreeMap<&'static str, String> {
        self.source.report_metrics(end)
    }
}
