//! [`FileSink`]: results as files, each row exactly once.
//!
//! A batch's files are written and made durable first; then the batch's entry in the manifest appears, in one
//! step. What a crash leaves in between is in no entry, so it isn't part of the result, and the next run removes it.

mod claim;
mod cleanup;
mod compaction;
mod compression;
mod format;
mod log;
mod manifest;
mod options;
#[cfg(feature = "parquet")]
mod parquet;
mod part;
mod partition;
mod status;
mod text;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

pub use compression::TextCompression;
pub use format::FileFormat;
pub use manifest::committed_files;
pub(crate) use manifest::committed_in;
#[cfg(feature = "object-store")]
pub use manifest::committed_objects;
#[cfg(feature = "parquet")]
pub use parquet::{Parquet, ParquetCompression};
pub use text::{Csv, JsonLines};

use crate::error::{Error, Result};
use crate::format::ColumnError;
use crate::schema::{ColumnSet, Schema};
use crate::sink::blocking::blocking;
use crate::sink::{AppendOnly, Sink, SinkBatch, SinkContext};
use crate::storage::Chosen;
use compaction::Upkeep;
use log::{Log, State};
use part::{Part, Written};
use partition::Partitioning;

/// Writes each batch to a file of its own, or one a directory with [`partition_by`](FileSink::partition_by). Takes
/// only append mode.
///
/// The directory looks like that of Spark's file sink, and Spark reads it as such: the files are listed in a
/// manifest, `_spark_metadata`, one entry a batch (an empty one for a batch without rows, so that the ids
/// have no gap). A reader that goes by the manifest ([`committed_files`], Spark) sees each row exactly once,
/// whatever crashed; a plain listing can show the files of an unfinished batch until the query is
/// started again. The name of a file begins with `part-` and its batch.
///
/// A directory belongs to one query: one with another checkpoint is refused, because its batch ids would pass
/// for batches already written. So is the query itself with a checkpoint that is older than the directory, restored from a copy: the
/// only batch that may be there already is the one that the last run had planned and not committed, since that one has the same rows.
/// Every tenth entry repeats all earlier ones, as in Spark, and entries from before are
/// removed after a hundred batches, so the manifest grows with the number of files. What bounds that number over
/// months: [`target_file_bytes`](FileSink::target_file_bytes) makes few large files of many small ones, and
/// [`retention`](FileSink::retention) leaves old ones out.
///
/// ```
/// use stream_runtime::sink::FileSink;
///
/// let json = FileSink::json("data/out").partition_by(["country"]);
/// let csv = FileSink::csv("data/csv").header(false).delimiter(b';');
/// ```
#[doc = include_str!("object_stores.md")]
#[derive(Debug)]
pub struct FileSink<F> {
    dir: PathBuf,
    storage: Chosen,
    format: F,
    partition_by: Vec<String>,
    upkeep: Upkeep,
    opened: Option<Opened>,
}

#[derive(Debug)]
struct Opened {
    // Shared with writes that are under way, so that the directory stays locked until the last has ended.
    log: Arc<Log>,
    state: State,
    partitioning: Option<Partitioning>,
}

/// A batch being written.
struct Batch {
    id: u64,
    log: Arc<Log>,
    left_out: ColumnSet,
}

impl<F: FileFormat> FileSink<F> {
    fn name(&self) -> String {
        format!("FileSink[{}]", self.dir.display())
    }

    fn cannot_write(&self, error: &ColumnError) -> Error {
        Error::sink(self.name(), error)
    }

    /// Writes rows, at least one, to a file in a directory below the sink's.
    async fn write_file<'r, R: Schema, I>(&self, batch: &Batch, dir: &str, mut rows: I) -> Result<Written>
    where
        I: ExactSizeIterator<Item = &'r R> + Clone,
    {
        let mut open: Option<(F::Body, Part)> = None;
        loop {
            let chunk = self
                .format
                .chunk(batch.left_out, open.is_none(), &mut rows)
                .map_err(|error| self.cannot_write(&error))?;
            let (format, id, log) = (self.format.clone(), batch.id, Arc::clone(&batch.log));
            let dir = log.data_dir().join(dir);
            let write = move || {
                let (mut body, part) = match open {
                    Some(open) => open,
                    None => {
                        let (part, file) =
                            Part::create(&log.manifest.storage, &dir, log.query, id, &format.extension())?;
                        (format.begin(file, &chunk).map_err(|error| part.failed(error))?, part)
                    }
                };
                F::write(&mut body, chunk).map_err(|error| part.failed(error))?;
                Ok((body, part))
            };
            if rows.len() > 0 {
                open = Some(blocking(write).await?);
                continue;
            }
            return blocking(move || {
                let (body, part) = write()?;
                let file = F::end(body).map_err(|error| part.failed(error))?;
                part.finish(file)
            })
            .await;
        }
    }
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
        self.opened = None;
        self.format.check()?;
        self.upkeep.check()?;
        let partitioning = if self.partition_by.is_empty() {
            None
        } else {
            let resolved = Partitioning::resolve::<R>(&self.partition_by);
            Some(resolved.map_err(|message| Error::InvalidOption { option: "partition_by", message })?)
        };
        let left_out = partitioning.as_ref().map_or(0, Partitioning::left_out);
        self.format.check_columns::<R>(left_out).map_err(|error| self.cannot_write(&error))?;
        let (place, upkeep) = (self.storage.resolve(&self.dir)?, self.upkeep);
        let begin = (context.first_batch, context.first_is_replay);
        let (log, state) = blocking(move || Log::open(place, context.query_id, begin, upkeep)).await?;
        self.opened = Some(Opened { log: Arc::new(log), state, partitioning });
        Ok(())
    }

    async fn commit(&mut self, batch: SinkBatch<'_, R>) -> Result<()> {
        let Some(Opened { log, state, partitioning }) = &self.opened else {
            return Err(Error::sink(self.name(), "a batch came before `open`"));
        };
        let State { last, has_files } = *state;
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

        let left_out = partitioning.as_ref().map_or(0, Partitioning::left_out);
        let write = Batch { id: batch.id, log: Arc::clone(log), left_out };
        let mut files = Vec::new();
        match partitioning {
            None if batch.rows.is_empty() => {}
            None => files.push(self.write_file(&write, "", batch.rows.iter()).await?),
            Some(partitioning) => {
                let parts = partitioning.split(batch.rows).map_err(|error| self.cannot_write(&error))?;
                for (dir, rows) in parts {
                    files.push(self.write_file(&write, &dir, rows.iter().copied()).await?);
                }
            }
        }
        let has_rows = !files.is_empty();
        let format = self.format.clone();
        blocking(move || write.log.publish(&format, write.id, last, files)).await?;
        if let Some(opened) = &mut self.opened {
            opened.state = State { last: Some(batch.id), has_files: has_files || has_rows };
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        self.opened = None;
        Ok(())
    }
}
