//! [`SocketSource`]: lines from a TCP connection, to try a query out by hand.
//!
//! An offset counts the lines received so far. Lines are kept until they are committed, and only in memory: what a
//! run had received and not committed can't be replayed by the next one.

mod receive;

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::net::TcpStream;

use self::receive::{End, MAX_LINE, Received, Reception};
use super::{Admission, Advance, Chunk, Json, Offset, Position, Rows, Source, SourceContext, Split};
use crate::error::{Error, Result};
use crate::schema::Schema;
use crate::time::Timestamp;

/// How many bytes of JSON (or lines of text) a split hands out at once.
const JSON_CHUNK: usize = 1 << 20;
const TEXT_CHUNK: usize = 1_024;

/// A line of text that a [`SocketSource`] has received.
#[derive(Clone, Debug, PartialEq, Eq, Schema)]
pub struct Line {
    /// The line without its line end.
    pub value: String,
    /// When it arrived.
    pub timestamp: Timestamp,
}

mod sealed {
    use super::Run;
    use crate::schema::Schema;
    use crate::source::Split;

    pub trait Sealed<R: Schema> {
        fn split(run: Run) -> Box<dyn Split<R>>;
    }
}

/// What a [`SocketSource`] receives: [`Text`], whose rows are [`Line`]s, or [`Json`], with rows of any type.
pub trait SocketFormat<R: Schema>: sealed::Sealed<R> + Send + Sync + 'static {}

/// Lines of text.
#[derive(Clone, Copy, Debug)]
pub struct Text(());

impl sealed::Sealed<Line> for Text {
    fn split(run: Run) -> Box<dyn Split<Line>> {
        Box::new(TextSplit(run))
    }
}

impl<R: Schema> sealed::Sealed<R> for Json {
    fn split(run: Run) -> Box<dyn Split<R>> {
        Box::new(JsonSplit(run))
    }
}

impl SocketFormat<Line> for Text {}
impl<R: Schema> SocketFormat<R> for Json {}

/// A source of lines from a TCP server, for trying out: **a batch that was planned and not committed when the query
/// ended can't be replayed**, and the query refuses to start again with that checkpoint.
///
/// A line may have 1 MiB; a longer one is malformed. When 16 MiB wait to be committed, the source stops reading and
/// the server has to wait. The query goes on when the server closes the connection, and fails when it is lost.
///
/// ```
/// use stream_runtime::source::SocketSource;
///
/// // Any server of lines will do, such as `nc -lk 9999`.
/// let lines = SocketSource::connect("localhost", 9999);
/// let events = SocketSource::json("localhost", 9998);
/// # drop((lines, events));
/// ```
#[derive(Debug)]
pub struct SocketSource<F> {
    host: String,
    port: u16,
    opened: Option<Opened>,
    format: PhantomData<F>,
}

#[derive(Debug)]
struct Opened {
    reception: Reception,
    handed_out: u64,
    /// The end that [`Source::prepare_available_now`] has fixed.
    last: Option<u64>,
}

impl SocketSource<Text> {
    /// Receives lines of text as [`Line`]s.
    pub fn connect(host: impl Into<String>, port: u16) -> Self {
        Self::new(host.into(), port)
    }
}

impl SocketSource<Json> {
    /// Receives lines of JSON.
    pub fn json(host: impl Into<String>, port: u16) -> Self {
        Self::new(host.into(), port)
    }
}

impl<F> SocketSource<F> {
    fn new(host: String, port: u16) -> Self {
        Self { host, port, opened: None, format: PhantomData }
    }

    fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn name(&self) -> String {
        format!("SocketSource[{}]", self.address())
    }

    fn opened(&mut self) -> Result<&mut Opened> {
        let name = self.name();
        self.opened.as_mut().ok_or_else(|| Error::source(name, "the source isn't open; call `open` first"))
    }

    fn number(&self, offset: Option<&Offset>) -> Result<Option<u64>> {
        let Some(Offset(value)) = offset else { return Ok(None) };
        match value.as_u64() {
            Some(number) => Ok(Some(number)),
            None => Err(Error::source(
                self.name(),
                format!(
                    "the checkpoint holds `{value}`, which is no offset of a socket source; restore the source that the \
                     query had, or start with a new checkpoint"
                ),
            )),
        }
    }

    /// The lines between two offsets in at most `parts` runs, each with its first line's number.
    fn runs(&mut self, start: Option<&Offset>, end: &Offset, parts: usize) -> Result<Vec<Run>> {
        let (name, address) = (self.name(), Arc::<str>::from(self.address()));
        let (start, end) = (self.number(start)?, self.number(Some(end))?.unwrap_or(0));
        let lines = self.opened()?.reception.lines();
        let start = start.unwrap_or(0);
        if start < lines.first || end > lines.next() {
            let message = format!(
                "lines {} to {end} of an earlier run were never committed and can't be received again: a socket is for \
                 trying out; start with a new checkpoint",
                start + 1
            );
            return Err(Error::source(name, message));
        }
        let all: Range<usize> = (start - lines.first) as usize..(end.max(start) - lines.first) as usize;
        let share = all.len().div_ceil(parts.max(1)).max(1);
        let run = |from: usize| {
            let to = (from + share).min(all.end);
            let kept = lines.kept.range(from..to).cloned().collect();
            Run { address: Arc::clone(&address), first: lines.first + from as u64, lines: kept }
        };
        Ok(all.clone().step_by(share).map(run).collect())
    }
}

#[async_trait]
impl<F: SocketFormat<R>, R: Schema> Source<R> for SocketSource<F> {
    fn description(&self) -> String {
        self.name()
    }

    async fn open(&mut self, context: SourceContext) -> Result<()> {
        let first = self.number(context.end.as_ref())?.unwrap_or(0);
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|error| {
            Error::source(
                self.name(),
                format!("connecting failed: {error}; start the server before the query"),
            )
        })?;
        let reception = Reception::start(stream, first, context.clock);
        self.opened = Some(Opened { reception, handed_out: first, last: None });
        Ok(())
    }

    async fn latest_offset(&mut self, start: Option<&Offset>, _: Admission) -> Result<Option<Advance>> {
        let (name, start) = (self.name(), self.number(start)?);
        let opened = self.opened()?;
        let lines = opened.reception.lines();
        let start = start.unwrap_or(lines.first);
        let end = opened.last.map_or(lines.next(), |last| lines.next().min(last));
        let ended = lines.end.clone();
        drop(lines);
        if end > start {
            opened.handed_out = end;
            return Ok(Some(Advance { end: Offset(end.into()), log: None }));
        }
        match (ended, opened.last) {
            (Some(End::Failed(error)), None) => {
                let message =
                    format!("the connection was lost: {error}; start the server again, and then the query");
                Err(Error::source(name, message))
            }
            _ => Ok(None),
        }
    }

    async fn arrival(&mut self) {
        match &self.opened {
            Some(opened) => opened.reception.arrival().await,
            None => std::future::pending().await,
        }
    }

    async fn prepare_available_now(&mut self) -> Result<()> {
        let opened = self.opened()?;
        let end = opened.reception.lines().next();
        opened.last = Some(end);
        Ok(())
    }

    async fn plan(
        &mut self,
        start: Option<&Offset>,
        end: &Offset,
        parallelism: usize,
    ) -> Result<Vec<Box<dyn Split<R>>>> {
        Ok(self.runs(start, end, parallelism)?.into_iter().map(F::split).collect())
    }

    async fn commit(&mut self, end: &Offset) -> Result<()> {
        let end = self.number(Some(end))?.unwrap_or(0);
        self.opened()?.reception.forget(end);
        Ok(())
    }

    fn is_caught_up(&self) -> bool {
        self.opened.as_ref().is_none_or(|opened| opened.handed_out >= opened.reception.lines().next())
    }
}

/// Lines that follow each other.
#[derive(Debug)]
pub struct Run {
    address: Arc<str>,
    /// The number of the first one, from 0.
    first: u64,
    lines: Vec<Arc<Received>>,
}

impl Run {
    fn weight(&self) -> u64 {
        self.lines.iter().map(|line| line.bytes.len() as u64 + 1).sum()
    }

    fn position(&self, index: usize) -> Position<'_> {
        let offset = self.lines.get(index).map_or(0, |line| line.offset);
        Position {
            source: &self.address,
            line: self.first + index as u64 + 1,
            offset,
            lines_before: None,
            message: None,
        }
    }
}

fn too_long() -> String {
    format!("the line is longer than {MAX_LINE} bytes")
}

struct TextSplit(Run);

impl Split<Line> for TextSplit {
    fn weight(&self) -> u64 {
        self.0.weight()
    }

    fn read(&mut self, rows: &mut dyn Rows<Line>) -> Result<()> {
        let mut chunk = Vec::new();
        for (index, line) in self.0.lines.iter().enumerate() {
            let problem = match std::str::from_utf8(&line.bytes) {
                _ if line.too_long => too_long(),
                Ok(value) => {
                    chunk.push(Line { value: value.to_owned(), timestamp: line.at });
                    if chunk.len() == TEXT_CHUNK {
                        rows.push(Chunk::Rows(&chunk))?;
                        chunk.clear();
                    }
                    continue;
                }
                Err(error) => format!("the line isn't UTF-8: {error}"),
            };
            if !chunk.is_empty() {
                rows.push(Chunk::Rows(&chunk))?;
                chunk.clear();
            }
            rows.push(Chunk::Malformed { bytes: &line.bytes, at: self.0.position(index), reason: &problem })?;
        }
        if chunk.is_empty() { Ok(()) } else { rows.push(Chunk::Rows(&chunk)) }
    }
}

struct JsonSplit(Run);

impl<R: Schema> Split<R> for JsonSplit {
    fn weight(&self) -> u64 {
        self.0.weight()
    }

    fn read(&mut self, rows: &mut dyn Rows<R>) -> Result<()> {
        let mut chunk = Vec::new();
        let mut first = 0;
        for (index, line) in self.0.lines.iter().enumerate() {
            if !chunk.is_empty() && (line.too_long || chunk.len() + line.bytes.len() > JSON_CHUNK) {
                rows.push(Chunk::Json { bytes: &chunk, at: self.0.position(first) })?;
                chunk.clear();
            }
            if line.too_long {
                rows.push(Chunk::Malformed {
                    bytes: &line.bytes,
                    at: self.0.position(index),
                    reason: &too_long(),
                })?;
                continue;
            }
            if chunk.is_empty() {
                first = index;
            }
            chunk.extend_from_slice(&line.bytes);
            chunk.push(b'\n');
        }
        if chunk.is_empty() {
            Ok(())
        } else {
            rows.push(Chunk::Json { bytes: &chunk, at: self.0.position(first) })
        }
    }
}
