//! Sources: where rows come from, and the trait for a service's own.
//!
//! A source answers three questions: how far could you go now ([`Source::latest_offset`]), which splits are
//! between two offsets ([`Source::plan`]), and what is in a split ([`Split::read`]). Everything it answers
//! has to be repeatable: after a crash the engine asks for the same range again and expects the same rows.

pub(crate) mod chunk;
mod file;
mod input;
#[cfg(feature = "kafka")]
mod kafka;
mod malformed;
mod memory;
mod rate;
mod socket;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use chunk::{Chunk, LinesBefore, Position, Rows};
#[cfg(feature = "orc")]
pub use file::Orc;
#[cfg(feature = "parquet")]
pub use file::Parquet;
pub use file::{CleanSource, Csv, FileFormat, FileSource, Json};
pub(crate) use file::{DEFAULT_MAX_LINE_BYTES, WholeFiles, blocking};
pub use input::{Input, SourceExt};
#[cfg(feature = "kafka")]
pub use kafka::{IsolationLevel, KafkaSource, MessageFormat, NoMatch};
pub use malformed::{DeadLetterSink, MalformedRow, OnMalformed};
pub use memory::{MemoryInput, MemorySource};
pub use rate::{RateRow, RateSource};
pub use socket::{Line, SocketFormat, SocketSource, Text};

use crate::engine::{Clock, SystemClock};
use crate::error::Result;
pub use crate::format::message::{Header, HeaderView, Message, MessageHeaders, TimestampType};
#[cfg(feature = "kafka")]
pub use crate::kafka::KafkaOffsets;
use crate::schema::Schema;
use crate::time::Duration;

/// A position in a source, as JSON that only the source understands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offset(pub serde_json::Value);

/// How far one batch may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// As far as the source's own options (`max_files_per_trigger`, …) allow.
    Limited,
    /// To the newest row, whatever the options say ([`Trigger::Once`](crate::engine::Trigger::Once)).
    Everything,
}

/// The end of the next batch, and what the source has to remember about it.
#[derive(Debug)]
pub struct Advance {
    /// The end of the batch.
    pub end: Offset,
    /// An entry for the source's own log, made durable together with `end`.
    pub log: Option<LogEntry>,
}

/// An entry of a source's own log, which the checkpoint keeps for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEntry {
    /// Adds to what the log holds.
    Append(Vec<u8>),
    /// Takes the place of everything that the log holds, so that it doesn't grow for ever.
    Replace(Vec<u8>),
}

/// What a source learns at the start of a run.
#[derive(Clone)]
pub struct SourceContext {
    /// The source's log: the last replacement and the entries appended since, oldest first.
    pub log: Vec<Vec<u8>>,
    /// Where the last planned batch ends; `None` at the first start.
    pub end: Option<Offset>,
    /// The query's clock.
    pub clock: Arc<dyn Clock>,
}

impl Default for SourceContext {
    fn default() -> Self {
        Self { log: Vec::new(), end: None, clock: SystemClock::shared() }
    }
}

impl fmt::Debug for SourceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { log, end, clock: _ } = self;
        f.debug_struct("SourceContext").field("log", log).field("end", end).finish_non_exhaustive()
    }
}

/// A stream of rows.
///
/// Everything but reading is asynchronous and runs on tokio; reading runs on the query's worker threads. Write an
/// `impl` with `#[async_trait]`.
///
/// # Errors
/// An error of any method ends the query, and leaves its checkpoint as the batch before left it;
/// [`Error::source`](crate::Error::source) makes one that says which source it was.
///
/// # Example
///
/// A source of the whole numbers below a limit, of which a batch takes a hundred:
///
/// ```
/// use async_trait::async_trait;
/// use stream_runtime::Result;
/// use stream_runtime::prelude::*;
/// use stream_runtime::source::{Admission, Advance, Chunk, Offset, Rows, Source, SourceContext, Split};
///
/// #[derive(Schema)]
/// struct Number {
///     value: u64,
/// }
///
/// struct Numbers {
///     limit: u64,
/// }
///
/// /// How many numbers lie before an offset.
/// fn count(offset: Option<&Offset>) -> u64 {
///     offset.and_then(|offset| offset.0.as_u64()).unwrap_or(0)
/// }
///
/// #[async_trait]
/// impl Source<Number> for Numbers {
///     fn description(&self) -> String {
///         format!("Numbers[{}]", self.limit)
///     }
///
///     async fn open(&mut self, _context: SourceContext) -> Result<()> {
///         Ok(())
///     }
///
///     async fn latest_offset(
///         &mut self,
///         start: Option<&Offset>,
///         admission: Admission,
///     ) -> Result<Option<Advance>> {
///         let end = match admission {
///             Admission::Limited => self.limit.min(count(start) + 100),
///             Admission::Everything => self.limit,
///         };
///         Ok((end > count(start)).then(|| Advance { end: Offset(end.into()), log: None }))
///     }
///
///     async fn prepare_available_now(&mut self) -> Result<()> {
///         Ok(())
///     }
///
///     async fn plan(
///         &mut self,
///         start: Option<&Offset>,
///         end: &Offset,
///         _parallelism: usize,
///     ) -> Result<Vec<Box<dyn Split<Number>>>> {
///         Ok(vec![Box::new(Range { from: count(start), to: count(Some(end)) })])
///     }
/// }
///
/// struct Range {
///     from: u64,
///     to: u64,
/// }
///
/// impl Split<Number> for Range {
///     fn weight(&self) -> u64 {
///         self.to - self.from
///     }
///
///     fn read(&mut self, rows: &mut dyn Rows<Number>) -> Result<()> {
///         let numbers: Vec<_> = (self.from..self.to).map(|value| Number { value }).collect();
///         rows.push(Chunk::Rows(&numbers))
///     }
/// }
/// ```
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source of `{R}` rows",
    label = "this input takes a source of `{R}`",
    note = "sources are `FileSource`, `SocketSource`, `RateSource`, `MemorySource`, and your own `impl Source<{R}>`"
)]
pub trait Source<R: Schema>: Send + 'static {
    /// How progress reports and errors call this source, for instance `FileSource[data/clicks]`.
    fn description(&self) -> String;

    /// What happens to malformed rows, if [`SourceExt::on_malformed`] has said so.
    #[doc(hidden)]
    fn take_policy(&mut self) -> OnMalformed {
        OnMalformed::default()
    }

    /// After how long without rows the input counts as idle, if [`SourceExt::idle_after`] has said so.
    #[doc(hidden)]
    fn idle_time(&self) -> Option<Duration> {
        None
    }

    /// Prepares for a run. Called once, before anything else.
    async fn open(&mut self, context: SourceContext) -> Result<()>;

    /// Where the next batch would end if it started at `start`; `None` or `start` itself if nothing is new.
    async fn latest_offset(
        &mut self,
        start: Option<&Offset>,
        admission: Admission,
    ) -> Result<Option<Advance>>;

    /// Ends when rows may have arrived, for a source that hears of them. The engine looks every 10 ms anyway; this
    /// only spares it the wait. Dropped before it ends, it must lose nothing.
    async fn arrival(&mut self) {
        std::future::pending::<()>().await;
    }

    /// Fixes what [`Trigger::AvailableNow`](crate::engine::Trigger::AvailableNow) will read: from here on
    /// `latest_offset` doesn't go past what is there now.
    async fn prepare_available_now(&mut self) -> Result<()>;

    /// The rows after `start` up to and including `end`, as splits in row order. `parallelism` is the number of
    /// workers; more or fewer splits are fine.
    async fn plan(
        &mut self,
        start: Option<&Offset>,
        end: &Offset,
        parallelism: usize,
    ) -> Result<Vec<Box<dyn Split<R>>>>;

    /// Everything up to `end` is committed and won't be asked for again.
    async fn commit(&mut self, _end: &Offset) -> Result<()> {
        Ok(())
    }

    /// Whether everything that exists has been handed out, as far as the source knows; if not, a query's status says
    /// after a batch that data is available, and the time after which the input is [idle](SourceExt::idle_after) hasn't begun.
    fn is_caught_up(&self) -> bool {
        true
    }

    /// What the source says of itself in the progress of a batch that ended at `end`: `sources[].metrics`.
    fn report_metrics(&self, _end: Option<&Offset>) -> BTreeMap<&'static str, String> {
        BTreeMap::new()
    }

    /// The newest offset that the source knows of, which limits may keep the next batch from reaching; for progress reports. `None` if it
    /// knows of none but those that it has handed out.
    fn report_latest_offset(&self) -> Option<Offset> {
        None
    }
}

/// A part of a batch's input that one worker reads.
pub trait Split<R: Schema>: Send {
    /// About how many bytes (or, for rows in memory, rows) the split holds; used to balance workers.
    fn weight(&self) -> u64;

    /// Reads the split from beginning to end and pushes its rows, a chunk at a time.
    fn read(&mut self, rows: &mut dyn Rows<R>) -> Result<()>;
}
