//! [`MemorySource`]: rows that the process itself adds, for tests and for services that already have them.
//!
//! An offset counts the chunks ([`MemoryInput::add`] makes one) that lie before it. Rows are kept until they are
//! committed, so that a batch can be replayed as long as its [`MemoryInput`] lives.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::{Admission, Advance, Chunk, Offset, Rows, Source, SourceContext, Split};
use crate::error::{Error, Result};
use crate::schema::Schema;

const DESCRIPTION: &str = "MemorySource";

/// The rows that were added and are not committed yet.
struct Chunks<R> {
    /// How many chunks were committed and dropped.
    dropped: u64,
    kept: VecDeque<Arc<[R]>>,
}

impl<R> Chunks<R> {
    fn end(&self) -> u64 {
        self.dropped + self.kept.len() as u64
    }
}

/// The end of a [`MemorySource`] that takes rows. Cheap to clone; usable from any thread.
pub struct MemoryInput<R> {
    shared: Arc<Shared<R>>,
}

struct Shared<R> {
    chunks: Mutex<Chunks<R>>,
    /// Wakes the query that waits for rows.
    arrived: Notify,
}

impl<R> Clone for MemoryInput<R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<R> Default for MemoryInput<R> {
    fn default() -> Self {
        let chunks = Mutex::new(Chunks { dropped: 0, kept: VecDeque::new() });
        Self { shared: Arc::new(Shared { chunks, arrived: Notify::new() }) }
    }
}

impl<R> fmt::Debug for MemoryInput<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chunks = self.lock();
        f.debug_struct("MemoryInput")
            .field("dropped_chunks", &chunks.dropped)
            .field("kept_chunks", &chunks.kept.len())
            .finish()
    }
}

impl<R> MemoryInput<R> {
    /// Adds one chunk. A batch takes whole chunks.
    pub fn add(&self, rows: impl IntoIterator<Item = R>) {
        let chunk = rows.into_iter().collect();
        self.lock().kept.push_back(chunk);
        self.shared.arrived.notify_one();
    }

    /// A source that reads these rows, for a query that is started again after its first run ended.
    ///
    /// One query at a time: what it commits is dropped for all.
    pub fn source(&self) -> MemorySource<R> {
        MemorySource { input: self.clone(), max_chunks: None, last: None, handed_out: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, Chunks<R>> {
        // Each method leaves the queue whole at every step, so a panic elsewhere does it no harm.
        self.shared.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A source of rows in memory.
///
/// ```
/// use stream_runtime::source::MemorySource;
///
/// let (input, source) = MemorySource::new();
/// input.add(["a", "b"]);
/// let source = source.max_chunks_per_trigger(1);
/// # drop(source);
/// ```
#[derive(Debug)]
pub struct MemorySource<R> {
    input: MemoryInput<R>,
    max_chunks: Option<u64>,
    /// The end that [`Source::prepare_available_now`] has fixed.
    last: Option<u64>,
    handed_out: u64,
}

impl<R> MemorySource<R> {
    /// A source without any rows, and where to add them.
    pub fn new() -> (MemoryInput<R>, Self) {
        let input = MemoryInput::default();
        let source = input.source();
        (input, source)
    }

    /// How many chunks a batch takes at most; all that there are, unless set.
    #[must_use]
    pub fn max_chunks_per_trigger(mut self, chunks: u64) -> Self {
        self.max_chunks = Some(chunks);
        self
    }
}

fn position(offset: Option<&Offset>) -> Result<Option<u64>> {
    let Some(Offset(value)) = offset else { return Ok(None) };
    match value.as_u64() {
        Some(chunks) => Ok(Some(chunks)),
        None => Err(Error::source(
            DESCRIPTION,
            format!(
                "the checkpoint holds `{value}`, which is no offset of a memory source; start with a new checkpoint"
            ),
        )),
    }
}

#[async_trait]
impl<R: Schema> Source<R> for MemorySource<R> {
    fn description(&self) -> String {
        DESCRIPTION.to_owned()
    }

    async fn open(&mut self, context: SourceContext) -> Result<()> {
        if self.max_chunks == Some(0) {
            return Err(Error::InvalidOption {
                option: "max_chunks_per_trigger",
                message: "a batch needs at least one chunk; leave the option out for no limit".to_owned(),
            });
        }
        let planned = position(context.end.as_ref())?;
        let end = self.input.lock().end();
        if let Some(planned) = planned.filter(|&planned| planned > end) {
            return Err(Error::source(
                DESCRIPTION,
                format!(
                    "the checkpoint has read {planned} chunks and this input has had only {end}: rows in memory don't outlive \
                     their process; start with a new checkpoint, or take the source from the input of the earlier run"
                ),
            ));
        }
        self.handed_out = planned.unwrap_or(0);
        Ok(())
    }

    async fn latest_offset(
        &mut self,
        start: Option<&Offset>,
        admission: Admission,
    ) -> Result<Option<Advance>> {
        let (first, end) = {
            let chunks = self.input.lock();
            (chunks.dropped, chunks.end())
        };
        let start = position(start)?.unwrap_or(first);
        let mut end = self.last.map_or(end, |last| end.min(last));
        if let (Admission::Limited, Some(limit)) = (admission, self.max_chunks) {
            end = end.min(start.saturating_add(limit));
        }
        self.handed_out = end.max(start);
        Ok((end > start).then(|| Advance { end: Offset(end.into()), log: None }))
    }

    async fn arrival(&mut self) {
        self.input.shared.arrived.notified().await;
    }

    async fn prepare_available_now(&mut self) -> Result<()> {
        self.last = Some(self.input.lock().end());
        Ok(())
    }

    async fn plan(
        &mut self,
        start: Option<&Offset>,
        end: &Offset,
        parallelism: usize,
    ) -> Result<Vec<Box<dyn Split<R>>>> {
        let chunks = self.input.lock();
        let start = position(start)?.unwrap_or(chunks.dropped);
        let end = position(Some(end))?.unwrap_or(start);
        if start < chunks.dropped || end > chunks.end() {
            return Err(Error::source(
                DESCRIPTION,
                format!(
                    "chunks {start} to {end} were asked for, and memory holds {} to {}: this input was read by another \
                     query, or belongs to another checkpoint",
                    chunks.dropped,
                    chunks.end()
                ),
            ));
        }
        let planned = (start - chunks.dropped) as usize..(end.max(start) - chunks.dropped) as usize;
        Ok(split_evenly(chunks.kept.range(planned), parallelism.max(1)))
    }

    async fn commit(&mut self, end: &Offset) -> Result<()> {
        let end = position(Some(end))?.unwrap_or(0);
        let mut chunks = self.input.lock();
        while chunks.dropped < end && chunks.kept.pop_front().is_some() {
            chunks.dropped += 1;
        }
        Ok(())
    }

    fn is_caught_up(&self) -> bool {
        self.handed_out >= self.input.lock().end()
    }

    fn report_latest_offset(&self) -> Option<Offset> {
        Some(Offset(self.input.lock().end().into()))
    }
}

/// Cuts the chunks' rows into at most `parts` splits of nearly the same number of rows, in order.
fn split_evenly<'a, R: Schema>(
    chunks: impl Iterator<Item = &'a Arc<[R]>> + Clone,
    parts: usize,
) -> Vec<Box<dyn Split<R>>> {
    let total: usize = chunks.clone().map(|chunk| chunk.len()).sum();
    let share = total.div_ceil(parts);
    let mut splits: Vec<Box<dyn Split<R>>> = Vec::new();
    let mut pieces = Vec::new();
    let mut room = share;
    for chunk in chunks {
        let mut from = 0;
        while from < chunk.len() {
            let to = chunk.len().min(from + room);
            pieces.push((Arc::clone(chunk), from..to));
            room -= to - from;
            from = to;
            if room == 0 {
                splits.push(Box::new(MemorySplit { pieces: std::mem::take(&mut pieces) }));
                room = share;
            }
        }
    }
    if !pieces.is_empty() {
        splits.push(Box::new(MemorySplit { pieces }));
    }
    splits
}

struct MemorySplit<R> {
    pieces: Vec<(Arc<[R]>, Range<usize>)>,
}

impl<R: Schema> Split<R> for MemorySplit<R> {
    fn weight(&self) -> u64 {
        self.pieces.iter().map(|(_, range)| range.len() as u64).sum()
    }

    fn read(&mut self, rows: &mut dyn Rows<R>) -> Result<()> {
        for (chunk, range) in &self.pieces {
            rows.push(Chunk::Rows(&chunk[range.clone()]))?;
        }
        Ok(())
    }
}
