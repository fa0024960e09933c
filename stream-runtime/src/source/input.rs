//! [`Input`]: a source with the options that belong to the input rather than to the connector.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;

use crate::error::Result;
use crate::schema::Schema;
use crate::time::Duration;

use super::{Admission, Advance, Offset, OnMalformed, Source, SourceContext, Split};

/// A source of a query with options. Made by [`SourceExt`].
pub struct Input<R: Schema> {
    source: Box<dyn Source<R>>,
    on_malformed: Option<OnMalformed>,
    idle_after: Option<Duration>,
}

impl<R: Schema> fmt::Debug for Input<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("source", &self.source.description())
            .field("on_malformed", &self.on_malformed)
            .field("idle_after", &self.idle_after)
            .finish()
    }
}

/// Options that every source has, in any order.
pub trait SourceExt<R: Schema>: Source<R> + Sized {
    /// What happens to rows that can't be decoded; without it, the query fails.
    fn on_malformed(self, policy: OnMalformed) -> Input<R> {
        Input { source: Box::new(self), on_malformed: Some(policy), idle_after: None }
    }

    /// Lets the query's watermark go on without this input once it is idle: for this long, by the query's clock, its source has said that
    /// everything is read, and had no rows. Neither a slow start nor a time in which the source has rows that it can't give counts. The next
    /// row counts again, and is late if the others have left it behind.
    ///
    /// Without this an input that falls silent holds every window open ([`WatermarkPolicy::Min`](crate::engine::WatermarkPolicy)). It makes no
    /// difference to a query with one input: if all inputs are idle, the watermark stands, unless the query has
    /// [`flush_after`](crate::engine::QueryBuilder::flush_after), which goes on from the input that has got furthest. A negative time is an error at the query's start.
    ///
    /// ```
    /// use stream_runtime::prelude::*;
    ///
    /// let source = RateSource::new(5).on_malformed(OnMalformed::Drop).idle_after(minutes(5));
    /// # drop(source);
    /// ```
    fn idle_after(self, silence: impl Into<Duration>) -> Input<R> {
        Input { source: Box::new(self), on_malformed: None, idle_after: Some(silence.into()) }
    }
}

impl<R: Schema, S: Source<R>> SourceExt<R> for S {}

#[async_trait]
impl<R: Schema> Source<R> for Input<R> {
    fn description(&self) -> String {
        self.source.description()
    }

    fn take_policy(&mut self) -> OnMalformed {
        self.on_malformed.take().unwrap_or_else(|| self.source.take_policy())
    }

    fn idle_time(&self) -> Option<Duration> {
        self.idle_after.or_else(|| self.source.idle_time())
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

    fn report_latest_offset(&self) -> Option<Offset> {
        self.source.report_latest_offset()
    }
}
