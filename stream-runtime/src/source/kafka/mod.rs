//! [`KafkaSource`]: the messages of topics.
//!
//! Offsets are Spark's: for each partition the next message to read. Brokers are asked for the ends of partitions between batches;
//! [`Fetcher`] fetches ahead. The source's log holds where each partition begins, so that a batch that is replayed begins there, too,
//! whatever has become of the partition meanwhile.

mod cluster;
mod fetcher;
mod format;
mod lag;
mod limit;
mod look;
mod opened;
mod options;
mod reader;
mod split;
mod start;
mod subscription;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::topic_partition_list::TopicPartitionList;

pub use format::MessageFormat;
pub use options::{IsolationLevel, NoMatch};

use limit::{Measured, Minimum};
use look::Looking;
use opened::Opened;
use options::Options;
use split::{KafkaSplit, Reading};

use super::{Admission, Advance, LogEntry, Offset, Source, SourceContext, Split};
use crate::error::{Error, Result};
use crate::kafka::{Partition, PartitionOffsets};
use crate::schema::Schema;

/// What to do about lost data.
const ON_LOSS: &str = "to go on with what is left, set `fail_on_data_loss(false)`";

/// The messages of Kafka topics, each exactly once.
///
/// Where the query stands is in its checkpoint; consumer groups play no part. Without options the source begins behind the newest
/// messages, reads committed transactions only, fetches at most 64 MiB ahead and puts about 1 GiB into a batch; it fails if messages
/// are deleted before it has read them.
///
/// A value is one JSON object, decoded straight from the message's bytes. `#[schema(kafka = "…")]` takes a column from elsewhere: `key`,
/// `topic`, `partition`, `offset`, `timestamp`, `timestamp_type`, `headers`, or `value` for the value as a whole; see
/// [`#[derive(Schema)]`](derive@crate::Schema). [`format`](Self::format) is for values that are neither.
///
/// ```no_run
/// use stream_runtime::prelude::*;
/// use stream_runtime::source::KafkaOffsets;
///
/// #[derive(Schema)]
/// struct Click {
///     #[schema(kafka = "key")]
///     user: Option<String>,
///     page: String,
///     #[schema(kafka = "timestamp")]
///     time: Timestamp,
/// }
///
/// #[derive(Schema)]
/// struct Views {
///     window: Window,
///     page: String,
///     views: u64,
/// }
///
/// stream_query! {
///     query PageViews(clicks: Click) -> Views {
///         from click in clicks watermark(click.time, minutes(1));
///         where click.user.is_some();
///         group by window(click.time, minutes(5)) as w, click.page;
///         select Views { window: w, page: click.page, views: count() };
///         output append;
///     }
/// }
///
/// # async fn run() -> stream_runtime::Result<()> {
/// let clicks = KafkaSource::new("localhost:9092")
///     .subscribe(["clicks"])
///     .starting_offsets(KafkaOffsets::Earliest)
///     .max_offsets_per_trigger(1_000_000);
/// let query = PageViews::query()
///     .clicks(clicks)
///     .to(ConsoleSink::new())
///     .checkpoint("checkpoints/page-views")
///     .start()
///     .await?;
/// query.await_termination().await
/// # }
/// ```
///
/// # Lost data
///
/// If a partition that the query was reading is gone, if it ends before the query's offset (its topic was deleted and made anew), or if
/// messages were deleted before they were read, the query fails, unless [`fail_on_data_loss(false)`](Self::fail_on_data_loss) lets it
/// warn and go on. A topic that was made anew and has more messages than the query had read can't be told from the old one.
///
/// # Progress
///
/// `sources[].metrics` has `minOffsetsBehindLatest`, `maxOffsetsBehindLatest` and `avgOffsetsBehindLatest`: how far the partitions are
/// behind the newest messages that the source knew of.
pub struct KafkaSource<R> {
    options: Options,
    format: Option<Box<dyn MessageFormat<R>>>,
    opened: Option<Opened<R>>,
}

impl<R> fmt::Debug for KafkaSource<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaSource").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<R> KafkaSource<R> {
    /// A source of topics on these brokers: `host:port`, several separated by commas. Goes on with
    /// [`subscribe`](Self::subscribe), [`subscribe_pattern`](Self::subscribe_pattern) or [`assign`](Self::assign).
    pub fn new(bootstrap_servers: impl Into<String>) -> Self {
        Self { options: Options::new(bootstrap_servers.into()), format: None, opened: None }
    }

    fn name(&self) -> String {
        let read: Vec<_> =
            self.options.subscriptions.iter().map(subscription::Subscription::describe).collect();
        format!("KafkaSource[{}]", read.join("; "))
    }

    fn failed(&self, message: impl fmt::Display) -> Error {
        Error::source(self.name(), message)
    }

    fn opened(&mut self) -> Result<&mut Opened<R>> {
        let name = self.name();
        self.opened.as_mut().ok_or_else(|| Error::source(name, "the source isn't open; call `open` first"))
    }

    /// An offset of the checkpoint.
    fn parse(&self, offset: &Offset) -> Result<PartitionOffsets> {
        PartitionOffsets::from_json(&offset.0).map_err(|problem| {
            self.failed(format_args!(
                "the checkpoint holds `{}`, which are no offsets of topics ({problem}); restore the source that the query had, or \
                 start with a new checkpoint",
                offset.0
            ))
        })
    }
}

#[async_trait]
impl<R: Schema> Source<R> for KafkaSource<R> {
    fn description(&self) -> String {
        self.name()
    }

    async fn open(&mut self, context: SourceContext) -> Result<()> {
        let topics = self.options.check()?;
        let mut starts = PartitionOffsets::default();
        for entry in &context.log {
            let entry = serde_json::from_slice(entry).map(Offset);
            let entry =
                entry.map_err(|error| self.failed(format_args!("its log in the checkpoint: {error}")))?;
            starts.extend(self.parse(&entry)?.iter());
        }
        let group = format!("stream-runtime-{:032x}", context.clock.random());
        let looking = Looking::new(&self.options, topics).map_err(|error| self.failed(error))?;
        // A property that the client doesn't know is an error before the query runs.
        self.options.config(&group, 1)?;
        let options = &self.options;
        self.opened = Some(Opened {
            looking: Arc::new(looking),
            group,
            reading: Arc::new(Reading {
                source: self.name(),
                fail_on_data_loss: options.fail_on_data_loss,
                skip_tombstones: options.skip_tombstones,
                poll_timeout: options.poll_timeout.to_std(),
                format: self.format.take(),
                measured: Measured::default(),
            }),
            fetcher: None,
            starts,
            bound: None,
            latest: None,
            handed_out: PartitionOffsets::default(),
            minimum: options.min_offsets.map(|offsets| Minimum::new(offsets, options.max_delay)),
            waits: false,
            available_now: false,
            size: None,
            clock: context.clock,
        });
        Ok(())
    }

    async fn latest_offset(
        &mut self,
        start: Option<&Offset>,
        admission: Admission,
    ) -> Result<Option<Advance>> {
        let start = start.map(|start| self.parse(start)).transpose()?;
        let name = self.name();
        let (max_offsets, max_bytes) = (self.options.max_offsets, self.options.max_bytes);
        let opened = self.opened()?;
        if start.as_ref() == Some(&opened.handed_out) && !opened.may_have_news() {
            return Ok(None);
        }
        let look = opened.look(&name, start.clone()).await?;
        let mut ends = look.ends;
        if let Some(bound) = &opened.bound {
            ends = look::bounded(&look.starts, &ends, bound);
        }
        opened.latest = Some((ends.clone(), Instant::now()));
        let mut fetched = look.starts.clone();
        fetched.retain(|partition| !look.ahead.contains(partition));
        opened.fetch(&fetched).map_err(|error| Error::source(&*name, error))?;
        let new = limit::count(&look.starts, &ends);
        opened.waits = false;
        if admission == Admission::Limited {
            let is_due = |minimum: &mut Minimum| minimum.is_reached(new, opened.clock.elapsed());
            // What is there now is all that there will be.
            let waits = !opened.available_now && !opened.minimum.as_mut().is_none_or(is_due);
            if waits && start.is_some() {
                opened.waits = true;
                return Ok(None);
            }
            let by_bytes = opened.reading.measured.offsets_in(max_bytes, &mut opened.size);
            let limit = max_offsets.unwrap_or(u64::MAX).min(by_bytes);
            ends = limit::proportional(&look.starts, &ends, limit);
        }
        opened.handed_out.clone_from(&ends);
        if start.as_ref() == Some(&ends) {
            return Ok(None);
        }
        opened.starts.extend(look.found.iter());
        let log = (!look.found.is_empty()).then(|| LogEntry::Append(look.found.to_json().to_string().into()));
        Ok(Some(Advance { end: Offset(ends.to_json()), log }))
    }

    async fn arrival(&mut self) {
        match self.opened.as_ref().and_then(|opened| opened.fetcher.as_ref()) {
            Some((fetcher, _)) => fetcher.arrivals().wait().await,
            None => std::future::pending().await,
        }
    }

    async fn prepare_available_now(&mut self) -> Result<()> {
        let name = self.name();
        let opened = self.opened()?;
        // Only ends matter here. As a first look it would ask where partitions begin, which a query that has begun isn't told again.
        let look = opened.look(&name, Some(PartitionOffsets::default())).await?;
        let ends = match &opened.bound {
            Some(bound) => look::bounded(&PartitionOffsets::default(), &look.ends, bound),
            None => look.ends,
        };
        opened.bound = Some(ends);
        opened.available_now = true;
        Ok(())
    }

    async fn plan(
        &mut self,
        start: Option<&Offset>,
        end: &Offset,
        _parallelism: usize,
    ) -> Result<Vec<Box<dyn Split<R>>>> {
        let start = start.map(|start| self.parse(start)).transpose()?.unwrap_or_default();
        let end = self.parse(end)?;
        let name = self.name();
        let opened = self.opened.as_mut().ok_or_else(|| Error::source(&*name, "the source isn't open"))?;
        let mut from = PartitionOffsets::default();
        for (partition, end) in end.iter() {
            let begin = match start.get(&partition).filter(|start| *start <= end) {
                Some(start) => start,
                // New, or made anew.
                None => opened.starts.get(&partition).ok_or_else(|| {
                    Error::source(
                        &*name,
                        format!("the checkpoint has lost where {partition} begins; restore it from a copy, or start with a new one"),
                    )
                })?,
            };
            if begin < end {
                from.set(partition, begin);
            }
        }
        opened.fetch(&from).map_err(|error| Error::source(&*name, error))?;
        let mut splits: Vec<Box<dyn Split<R>>> = Vec::new();
        for (partition, end) in end.iter() {
            let Some(from) = from.get(&partition) else { continue };
            let reader = opened.fetcher.as_ref().and_then(|(fetcher, _)| fetcher.reader(&partition));
            let reader = reader.ok_or_else(|| Error::source(&*name, format!("{partition} isn't fetched")))?;
            let (reading, reader) = (Arc::clone(&opened.reading), Arc::clone(reader));
            splits.push(Box::new(KafkaSplit { reading, reader, from, end }));
        }
        Ok(splits)
    }

    async fn commit(&mut self, end: &Offset) -> Result<()> {
        if !self.options.commit_to_group {
            return Ok(());
        }
        let end = self.parse(end)?;
        let Some((fetcher, _)) = self.opened.as_ref().and_then(|opened| opened.fetcher.as_ref()) else {
            return Ok(());
        };
        let mut list = TopicPartitionList::new();
        let committed = end
            .iter()
            .try_for_each(|(Partition { topic, number }, offset)| {
                list.add_partition_offset(&topic, number, rdkafka::Offset::Offset(offset))
            })
            .and_then(|()| fetcher.consumer.commit(&list, CommitMode::Async));
        if let Err(error) = committed {
            tracing::warn!("source `{}`: committing positions to the consumer group: {error}", self.name());
        }
        Ok(())
    }

    fn is_caught_up(&self) -> bool {
        let Some(opened) = &self.opened else { return true };
        opened.latest.as_ref().is_none_or(|(latest, _)| limit::count(&opened.handed_out, latest) == 0)
    }

    fn report_latest_offset(&self) -> Option<Offset> {
        let (latest, _) = self.opened.as_ref()?.latest.as_ref()?;
        Some(Offset(latest.to_json()))
    }

    fn report_metrics(&self, end: Option<&Offset>) -> BTreeMap<&'static str, String> {
        let latest = self.opened.as_ref().and_then(|opened| opened.latest.as_ref());
        let end = end.and_then(|end| self.parse(end).ok());
        let mut metrics = match latest.zip(end) {
            Some(((latest, _), end)) => lag::metrics(&end, latest),
            None => BTreeMap::new(),
        };
        if let Some(opened) = self.opened.as_ref().filter(|_| self.options.skip_tombstones) {
            metrics.insert("tombstones", opened.reading.measured.take_tombstones().to_string());
        }
        metrics
    }
}
