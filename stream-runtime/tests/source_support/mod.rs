//! Drives a source as the engine does: keeps its log, plans batches, and drains splits into what they hold.

#![allow(dead_code, reason = "each test file uses a part")]

use std::sync::Arc;

use stream_runtime::engine::Clock;
use stream_runtime::schema::Schema;
use stream_runtime::source::{
    Admission, Chunk, LogEntry, Offset, Position, Rows, Source, SourceContext, Split,
};
use stream_runtime::testing::ManualClock;
use stream_runtime::time::Timestamp;
use stream_runtime::{Error, Result};

/// A row type for sources whose bytes the tests look at undecoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Schema)]
pub(crate) struct Number {
    pub(crate) number: u64,
}

/// What a split handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item<R> {
    /// A line of JSON without its line end, its number and its offset.
    Line(Vec<u8>, Option<u64>, u64),
    /// CSV records that came together.
    Csv(Vec<u8>, u64),
    Row(R),
    /// The beginning, the line's number, and the reason.
    Malformed(Vec<u8>, Option<u64>, String),
}

/// Collects what a split hands out.
#[derive(Debug)]
pub(crate) struct Collected<R> {
    pub(crate) items: Vec<Item<R>>,
    pub(crate) sources: Vec<String>,
    pub(crate) largest_chunk: usize,
}

impl<R> Default for Collected<R> {
    fn default() -> Self {
        Self { items: Vec::new(), sources: Vec::new(), largest_chunk: 0 }
    }
}

impl<R: Clone> Rows<R> for Collected<R> {
    fn push(&mut self, chunk: Chunk<'_, R>) -> Result<()> {
        let (bytes, at) = match chunk {
            Chunk::Rows(rows) => {
                self.items.extend(rows.iter().cloned().map(Item::Row));
                return Ok(());
            }
            Chunk::Csv { bytes, at, .. } => {
                self.items.push(Item::Csv(bytes.to_vec(), at.line));
                (bytes, at)
            }
            Chunk::Malformed { bytes, at, reason } => {
                self.items.push(Item::Malformed(bytes.to_vec(), at.line_number(), reason.to_owned()));
                (bytes, at)
            }
            Chunk::Json { bytes, at } => {
                let mut place = at;
                for line in bytes.split_inclusive(|&byte| byte == b'\n') {
                    let text = line.strip_suffix(b"\n").unwrap_or(line).to_vec();
                    self.items.push(Item::Line(text, place.line_number(), place.offset));
                    place =
                        Position { line: place.line + 1, offset: place.offset + line.len() as u64, ..place };
                }
                (bytes, at)
            }
            _ => unreachable!("the sources have no other chunks"),
        };
        self.largest_chunk = self.largest_chunk.max(bytes.len());
        self.sources.push(at.source.to_owned());
        Ok(())
    }
}

/// Reads splits one after the other.
pub(crate) fn drain<R: Schema + Clone>(splits: Vec<Box<dyn Split<R>>>) -> Result<Collected<R>> {
    let mut collected = Collected::default();
    for mut split in splits {
        split.read(&mut collected)?;
    }
    Ok(collected)
}

impl<R> Collected<R> {
    /// The lines as text, and nothing else.
    pub(crate) fn lines(self) -> Vec<String> {
        let line = |item| match item {
            Item::Line(bytes, ..) => String::from_utf8(bytes).unwrap(),
            Item::Malformed(_, line, reason) => panic!("line {line:?}: {reason}"),
            Item::Csv(..) | Item::Row(_) => panic!("not a line"),
        };
        self.items.into_iter().map(line).collect()
    }

    /// The rows, and nothing else.
    pub(crate) fn rows(self) -> Vec<R> {
        let row = |item| match item {
            Item::Row(row) => row,
            _ => panic!("not a row"),
        };
        self.items.into_iter().map(row).collect()
    }
}

/// What a checkpoint holds of one source.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checkpoint {
    pub(crate) log: Vec<Vec<u8>>,
    /// Where the planned batches end.
    pub(crate) ends: Vec<Offset>,
}

impl Checkpoint {
    pub(crate) fn end(&self) -> Option<&Offset> {
        self.ends.last()
    }

    pub(crate) fn context(&self, clock: &Arc<dyn Clock>) -> SourceContext {
        SourceContext { log: self.log.clone(), end: self.end().cloned(), clock: Arc::clone(clock) }
    }

    pub(crate) fn log_bytes(&self) -> usize {
        self.log.iter().map(Vec::len).sum()
    }
}

/// A source and its checkpoint, driven batch by batch.
#[derive(Debug)]
pub(crate) struct Run<S> {
    pub(crate) source: S,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) parallelism: usize,
}

impl<S> Run<S> {
    pub(crate) async fn start<R: Schema>(source: S, checkpoint: Checkpoint) -> Result<Self>
    where
        S: Source<R>,
    {
        Self::start_at(source, checkpoint, &(ManualClock::new(Timestamp::UNIX_EPOCH) as Arc<dyn Clock>)).await
    }

    pub(crate) async fn start_at<R: Schema>(
        mut source: S,
        checkpoint: Checkpoint,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self>
    where
        S: Source<R>,
    {
        source.open(checkpoint.context(clock)).await?;
        Ok(Self { source, checkpoint, parallelism: 1 })
    }

    /// Plans the next batch; `false` if nothing is new.
    pub(crate) async fn advance<R: Schema>(&mut self, admission: Admission) -> Result<bool>
    where
        S: Source<R>,
    {
        let Some(advance) = self.source.latest_offset(self.checkpoint.end(), admission).await? else {
            return Ok(false);
        };
        match advance.log {
            Some(LogEntry::Append(entry)) => self.checkpoint.log.push(entry),
            Some(LogEntry::Replace(entry)) => self.checkpoint.log = vec![entry],
            None => {}
        }
        self.checkpoint.ends.push(advance.end);
        Ok(true)
    }

    /// Reads the last planned batch, for the first time or again.
    pub(crate) async fn read<R: Schema + Clone>(&mut self) -> Result<Collected<R>>
    where
        S: Source<R>,
    {
        let Some((end, before)) = self.checkpoint.ends.split_last() else { panic!("no batch is planned") };
        drain(self.source.plan(before.last(), end, self.parallelism).await?)
    }

    pub(crate) async fn commit<R: Schema>(&mut self) -> Result<()>
    where
        S: Source<R>,
    {
        self.source.commit(self.checkpoint.end().expect("a batch is planned")).await
    }

    /// Plans, reads and commits the next batch, if there is one.
    pub(crate) async fn batch<R: Schema + Clone>(&mut self) -> Result<Option<Collected<R>>>
    where
        S: Source<R>,
    {
        if !self.advance(Admission::Limited).await? {
            return Ok(None);
        }
        let collected = self.read().await?;
        self.commit().await?;
        Ok(Some(collected))
    }
}

/// The text of an error.
pub(crate) fn message<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => panic!("it should have failed"),
        Err(error) => error.to_string(),
    }
}

/// The option that an error is about.
pub(crate) fn option<T>(result: Result<T>) -> &'static str {
    match result {
        Err(Error::InvalidOption { option, .. }) => option,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it should have failed"),
    }
}
