//! [`FileSink`]: results as files, each row exactly once.
//!
//! A batch's file is written and made durable first; then the batch's entry in the manifest appears, in one
//! step. What a crash leaves in between is in no entry, so it isn't part of the result, and the next run removes it.

mod durable;
mod format;
mod log;
mod manifest;
mod part;
mod status;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

pub use format::{Csv, FileFormat, JsonLines};
pub use manifest::committed_files;

use crate::error::{Error, Result};
use crate::format::TextRow;
use crate::schema::Schema;
use crate::sink::blocking::blocking;
use crate::sink::{AppendOnly, Sink, SinkBatch, SinkContext};
use log::{Log, State};
use part::Part;

/// How many bytes are gathered before they are written.
const BLOCK: usize = 1 << 20;

/// Writes each batch to a file of its own. Takes only append mode.
///
/// The directory looks like that of Spark's file sink, and Spark reads it as such: the files are listed in a
/// manifest, `_spark_metadata`, one entry a batch (an empty one for a batch without rows, so that the ids
/// have no gap). A reader that goes by the manifest ([`committed_files`], Spark) sees each row exactly once,
/// whatever crashed; a plain listing can show the file of an unfinished batch until the query is
/// started again.
///
/// A directory belongs to one query: one with another checkpoint is refused, because its batch ids would pass
/// for batches already written. So is the query itself with a checkpoint that is older than the directory, restored from a copy: the
/// only batch that may be there already is the one that the last run had planned and not committed, since that one has the same rows. Every tenth entry repeats all earlier ones, as in Spark, so the manifest grows
/// with the number of files; with a trigger of seconds over months, start a new directory now and then.
///
/// ```
/// use stream_runtime::sink::FileSink;
///
/// let json = FileSink::json("data/out");
/// let csv = FileSink::csv("data/csv").header(false).delimiter(b';');
/// ```
#[derive(Debug)]
pub struct FileSink<F> {
    dir: PathBuf,
    format: F,
    opened: Option<Opened>,
    /// Room for a block, kept from batch to batch.
    block: Vec<u8>,
    cells: TextRow,
}

#[derive(Debug)]
struct Opened {
    // Shared with writes that are under way, so that the directory stays locked until the last has ended.
    log: Arc<Log>,
    state: State,
}

impl FileSink<JsonLines> {
    /// Writes JSON lines into `dir`, which is created if it doesn't exist.
    pub fn json(dir: impl Into<PathBuf>) -> Self {
        Self::new(dir.into(), JsonLines)
    }
}

impl FileSink<Csv> {
    /// Writes CSV into `dir`, which is created if it doesn't exist.
    pub fn csv(dir: impl Into<PathBuf>) -> Self {
        Self::new(dir.into(), Csv::default())
    }

    /// Whether each file begins with the names of the columns; it does unless set.
    pub fn header(mut self, header: bool) -> Self {
        self.format.format.header = header;
        self
    }

    /// The ASCII character between cells, `,` unless set.
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.format.format.delimiter = delimiter;
        self
    }
}

impl<F: FileFormat> FileSink<F> {
    fn new(dir: PathBuf, format: F) -> Self {
        Self { dir, format, opened: None, block: Vec::new(), cells: TextRow::default() }
    }

    fn name(&self) -> String {
        manifest::description(&self.dir)
    }

    /// Writes all rows but the last block, which stays in `self.block`.
    async fn write_blocks<R: Schema>(&mut self, rows: &[R], log: &Arc<Log>) -> Result<Option<Part>> {
        let mut part = None;
        self.block.clear();
        self.format.begin::<R>(&mut self.block);
        for row in rows {
            self.format.row(row, &mut self.cells, &mut self.block);
            if self.block.len() >= BLOCK {
                let block = std::mem::take(&mut self.block);
                let log = Arc::clone(log);
                (part, self.block) =
                    blocking(move || Ok((Some(write_block::<F>(part, &block, &log)?), block))).await?;
                self.block.clear();
            }
        }
        Ok(part)
    }
}

fn write_block<F: FileFormat>(part: Option<Part>, block: &[u8], log: &Log) -> Result<Part> {
    let mut part = match part {
        Some(part) => part,
        None => Part::create(log.data_dir(), log.query(), F::EXTENSION)?,
    };
    part.write(block)?;
    Ok(part)
}

#[async_trait]
impl<R: Schema, F: FileFormat> Sink<R> for FileSink<F> {
    type Modes = AppendOnly;

    fn description(&self) -> String {
        self.name()
    }

    fn requires_checkpoint(&self) -> bool {
        true
    }

    async fn open(&mut self, context: SinkContext) -> Result<()> {
        self.format.check()?;
        self.opened = None;
        let dir = self.dir.clone();
        let (log, state) = blocking(move || Log::open(&dir, context.query_id)).await?;
        let (first, replayed) = (context.first_batch, context.first_is_replay);
        if let Some(last) = state.last
            && (last > first || last == first && !replayed)
        {
            return Err(Error::sink(
                self.name(),
                format_args!(
                    "the directory has results up to batch {last}, and the query goes on with batch {first}, which it plans anew: its checkpoint is older than its output, and other rows would pass for those already here; go on with the checkpoint that wrote them, or write to an empty directory"
                ),
            ));
        }
        self.opened = Some(Opened { log: Arc::new(log), state });
        Ok(())
    }

    async fn commit(&mut self, batch: SinkBatch<'_, R>) -> Result<()> {
        let Some(Opened { log, state }) = &self.opened else {
            return Err(Error::sink(self.name(), "a batch came before `open`"));
        };
        let (log, State { last, has_files }) = (Arc::clone(log), *state);
        let next = last.map_or(0, |last| last + 1);
        if batch.id < next {
            return Ok(());
        }
        if batch.id > next && has_files {
            return Err(Error::sink(
                self.name(),
                format_args!(
                    "the directory's results end before batch {next}, and the query goes on with batch {}: what lies between was never written here; write to an empty directory",
                    batch.id
                ),
            ));
        }

        let part = self.write_blocks(batch.rows, &log).await?;
        let (id, has_rows) = (batch.id, !batch.rows.is_empty());
        let block = std::mem::take(&mut self.block);
        self.block = blocking(move || {
            let file = if has_rows { Some(write_block::<F>(part, &block, &log)?.finish()?) } else { None };
            log.publish(id, last, file.as_ref())?;
            Ok(block)
        })
        .await?;
        // One huge row is no reason to keep its room for ever.
        self.block.clear();
        self.block.shrink_to(2 * BLOCK);
        if let Some(opened) = &mut self.opened {
            opened.state = State { last: Some(id), has_files: has_files || has_rows };
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        self.opened = None;
        Ok(())
    }
}
