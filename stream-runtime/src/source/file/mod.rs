//! [`FileSource`]: the files that appear in a directory, in any of its formats.
//!
//! A file is taken once, as a whole, in the order of modification time and then path. Which files make a batch is
//! written to the source's own log together with the batch's plan, so a replayed batch reads exactly the same files.

mod clean;
#[cfg(any(feature = "orc", feature = "parquet"))]
mod columnar;
mod committed;
mod compression;
mod format;
mod framing;
mod limit;
mod line_count;
mod listing;
mod log;
mod names;
#[cfg(feature = "object-store")]
mod objects;
mod options;
#[cfg(feature = "orc")]
mod orc;
#[cfg(feature = "parquet")]
mod parquet;
mod partition;
mod plan;
#[cfg(feature = "parquet")]
mod prune;
mod range;
mod records;
mod split;
mod whole;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::json;

#[cfg(feature = "orc")]
pub use format::Orc;
#[cfg(feature = "parquet")]
pub use format::Parquet;
pub use format::{Csv, FileFormat, Json};
pub use options::CleanSource;
pub(crate) use options::DEFAULT_MAX_LINE_BYTES;
pub(crate) use whole::WholeFiles;

use super::{Admission, Advance, Offset, Source, SourceContext, Split};
use crate::error::{Error, Result};
use crate::schema::Schema;
use crate::storage::{Chosen, Storage};
use clean::Cleaner;
use limit::Limit;
use listing::Listing;
use log::{FileLog, SeenFile};
use options::Options;
use partition::Partitions;
use records::Limits;
use split::Reading;

/// How many bytes a split reads and hands out at once.
const CHUNK: usize = 1 << 20;

/// An idle query lists its directory again and again; this many times as long as that takes it doesn't.
const RESTS: u32 = 4;
const MAX_REST: Duration = Duration::from_secs(2);
/// Stores charge for each listing.
#[cfg(feature = "object-store")]
const MIN_REST_OF_STORES: Duration = Duration::from_secs(1);
/// With fewer files that it has taken, the directory is listed whenever the query asks.
const MANY_FILES: usize = 10_000;

/// A source of files: those in a directory, those that match a pattern (`*`, `?`, `[…]`, `**`), or a single one.
///
/// Of a directory that a file sink has written, Spark's or this library's, those files are read that its manifest (`_spark_metadata`) lists: each
/// committed batch's once, and nothing of a batch that was never committed.
///
/// Files of JSON lines and CSV may be compressed, which their names tell: `.gz` and `.zst` (feature `compression`).
///
/// Names that begin with `_` or `.` are ignored, of directories below the given one (or, in a pattern, from the first
/// wildcard on) as well. Files have to appear complete: write them under such a name, and rename them. A file is read once; a query that finds it changed or gone before its batch is committed fails.
///
/// ```
/// use stream_runtime::prelude::*;
/// use stream_runtime::source::{CleanSource, FileSource};
///
/// let clicks = FileSource::json("data/clicks")
///     .max_files_per_trigger(10)
///     .max_file_age(days(1))
///     .clean_source(CleanSource::Archive("data/clicks-done".into()));
/// let orders = FileSource::csv("data/orders/*.csv").delimiter(b';');
/// # drop((clicks, orders));
/// ```
#[doc = include_str!("object_stores.md")]
#[doc = include_str!("partitions.md")]
#[derive(Debug)]
pub struct FileSource<F> {
    path: PathBuf,
    storage: Chosen,
    format: F,
    options: Options,
    opened: Option<Opened>,
}

/// What the source knows once it is open.
#[derive(Debug)]
struct Opened {
    reading: Arc<Reading>,
    listing: Arc<Listing>,
    log: Arc<FileLog>,
    /// What was listed and not taken, in the order in which it is to be taken.
    pending: VecDeque<SeenFile>,
    /// Whether nothing is listed any more.
    fixed: bool,
    /// Until when a large directory, in which nothing was new, is left in peace.
    rest_until: Option<Instant>,
    cleaner: Cleaner,
}

impl<F: FileFormat + Default> FileSource<F> {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            storage: Chosen::default(),
            format: F::default(),
            options: Options::default(),
            opened: None,
        }
    }
}

impl<F: FileFormat> FileSource<F> {
    fn name(&self) -> String {
        format!("FileSource[{}]", self.path.display())
    }

    fn opened(&mut self) -> Result<&mut Opened> {
        let name = self.name();
        self.opened.as_mut().ok_or_else(|| Error::source(name, "the source isn't open; call `open` first"))
    }

    /// The number of the batch that ends at an offset.
    fn number(&self, offset: Option<&Offset>) -> Result<Option<u64>> {
        let Some(Offset(value)) = offset else { return Ok(None) };
        match value.get("logOffset").and_then(serde_json::Value::as_u64) {
            Some(number) => Ok(Some(number)),
            None => Err(Error::source(
                self.name(),
                format!(
                    "the checkpoint holds `{value}`, which is no offset of a file source; restore the source that the \
                     query had, or start with a new checkpoint"
                ),
            )),
        }
    }

    /// The log as the checkpoint holds it.
    async fn restore_log(&self, context: SourceContext) -> Result<FileLog> {
        let planned = self.number(context.end.as_ref())?;
        let mut log = FileLog::new(self.options.file_name_only, self.options.max_age());
        let restored = blocking(move || log.restore(&context.log).map(|()| log)).await?;
        let problem = match restored {
            Ok(log) if log.last() == planned => return Ok(log),
            Ok(log) => {
                let show =
                    |last: Option<u64>| last.map_or("nothing".to_owned(), |last| format!("batch {last}"));
                format!("it ends with {}, and the checkpoint with {}", show(log.last()), show(planned))
            }
            Err(problem) => problem,
        };
        Err(Error::source(
            self.name(),
            format!(
                "the log of files that were read is damaged: {problem}; restore the checkpoint from a copy, or start \
                 with a new one"
            ),
        ))
    }

    /// Fails if the archive would be read again, or if the files belong to somebody else's manifest.
    fn check_archive(&self, listing: &Listing, has_manifest: bool) -> Result<()> {
        if self.options.clean != CleanSource::Off && has_manifest {
            return Err(Error::InvalidOption {
                option: "clean_source",
                message: format!(
                    "`{}` was written by a file sink, whose manifest lists its files; leave them to the sink",
                    self.path.display()
                ),
            });
        }
        let CleanSource::Archive(archive) = &self.options.clean else { return Ok(()) };
        if listing.may_list(archive) {
            return Err(Error::InvalidOption {
                option: "clean_source",
                message: format!(
                    "files archived in `{}` would be read again; choose a directory outside the source's, or one whose \
                     name begins with `_`",
                    archive.display()
                ),
            });
        }
        Ok(())
    }
}

#[async_trait]
impl<F: FileFormat, R: Schema> Source<R> for FileSource<F> {
    fn description(&self) -> String {
        self.name()
    }

    async fn open(&mut self, context: SourceContext) -> Result<()> {
        let encoding = self.format.encoding();
        self.options.check(encoding)?;
        let (storage, path) = self.storage.resolve(&self.path)?;
        if let CleanSource::Archive(archive) = &mut self.options.clean {
            *archive = storage.absolute(archive)?;
        }
        let (name, recursive) = (self.name(), self.options.recursive);
        let opening = storage.clone();
        let (listing, has_manifest) = blocking(move || {
            let listing = Listing::open(name, &opening, &path, recursive)?;
            let has_manifest = listing.has_manifest()?;
            Ok::<_, Error>((listing, has_manifest))
        })
        .await??;
        self.check_archive(&listing, has_manifest)?;

        let log = self.restore_log(context).await?;
        self.opened = Some(Opened {
            reading: Arc::new(Reading {
                source: self.name(),
                storage,
                encoding,
                limits: Limits { chunk: CHUNK, record: self.options.max_line_bytes },
                partitions: Partitions::of(&listing),
            }),
            listing: Arc::new(listing),
            log: Arc::new(log),
            pending: VecDeque::new(),
            fixed: false,
            rest_until: None,
            cleaner: Cleaner::default(),
        });
        Ok(())
    }

    async fn latest_offset(
        &mut self,
        start: Option<&Offset>,
        admission: Admission,
    ) -> Result<Option<Advance>> {
        let start = self.number(start)?;
        let latest_first = self.options.latest_first;
        let limit = match admission {
            Admission::Limited => self.options.limit(),
            Admission::Everything => Limit::None,
        };
        let opened = self.opened()?;
        // What was offered after `start` wasn't taken: it comes first now.
        for file in Arc::make_mut(&mut opened.log).roll_back(start).into_iter().rev() {
            opened.pending.push_front(file);
        }
        if admission == Admission::Limited && opened.rests() {
            return Ok(None);
        }
        let listed = !opened.fixed && (latest_first || !limit.is_filled_by(&opened.pending));
        if listed {
            opened.list::<R>(latest_first).await?;
        }
        let mut files = limit.take(&mut opened.pending);
        while !listed && !files.is_empty() {
            // The listing is old; only what is still there is planned, and as it is now.
            let reading = Arc::clone(&opened.reading);
            files = blocking(move || {
                files
                    .into_iter()
                    .filter_map(|file| listing::stat(&reading.storage, file.path).transpose())
                    .collect::<Result<_>>()
            })
            .await??;
            if !files.is_empty() {
                break;
            }
            files = limit.take(&mut opened.pending);
        }
        if files.is_empty() {
            return Ok(None);
        }
        let number = start.map_or(0, |start| start.saturating_add(1));
        let entry = Arc::make_mut(&mut opened.log).append(number, files);
        Ok(Some(Advance { end: Offset(json!({ "logOffset": number })), log: Some(entry) }))
    }

    async fn prepare_available_now(&mut self) -> Result<()> {
        let latest_first = self.options.latest_first;
        let opened = self.opened()?;
        opened.list::<R>(latest_first).await?;
        opened.fixed = true;
        Ok(())
    }

    async fn plan(
        &mut self,
        start: Option<&Offset>,
        end: &Offset,
        parallelism: usize,
    ) -> Result<Vec<Box<dyn Split<R>>>> {
        let name = self.name();
        let first = self.number(start)?.map_or(0, |start| start.saturating_add(1));
        let end = self.number(Some(end))?.unwrap_or(0);
        let opened = self.opened()?;
        let batches = (first..=end)
            .map(|number| {
                opened.log.batch(number).ok_or_else(|| {
                    let message = format!(
                        "the files of batch {number} aren't in the source's log; start with a new checkpoint"
                    );
                    Error::source(&*name, message)
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(plan::plan(batches.into_iter().flatten(), &opened.reading, parallelism))
    }

    async fn commit(&mut self, end: &Offset) -> Result<()> {
        let Some(end) = self.number(Some(end))? else { return Ok(()) };
        let clean = self.options.clean.clone();
        let opened = self.opened()?;
        let files = Arc::make_mut(&mut opened.log).commit(end);
        if clean == CleanSource::Off {
            return Ok(());
        }
        opened.cleaner.add(files);
        if !opened.cleaner.is_idle() {
            let mut cleaner = std::mem::take(&mut opened.cleaner);
            let (listing, reading) = (Arc::clone(&opened.listing), Arc::clone(&opened.reading));
            opened.cleaner = blocking(move || {
                cleaner.run(&reading.source, &reading.storage, &clean, listing.base());
                cleaner
            })
            .await?;
        }
        Ok(())
    }

    fn is_caught_up(&self) -> bool {
        self.opened.as_ref().is_none_or(|opened| opened.pending.is_empty())
    }
}

impl Opened {
    /// Lists what hasn't been taken.
    async fn list<R: Schema>(&mut self, latest_first: bool) -> Result<()> {
        let begun = Instant::now();
        let (listing, log) = (Arc::clone(&self.listing), Arc::clone(&self.log));
        let mut files = blocking(move || listing.unseen(&log)).await??;
        self.reading.partitions.check::<R>(&self.reading.source, &files)?;
        if latest_first {
            files.reverse();
        }
        self.pending = files.into();
        let took = begun.elapsed() * RESTS;
        let (rest, may_rest) = match self.reading.storage {
            Storage::Disk => (took.min(MAX_REST), self.log.len() >= MANY_FILES),
            #[cfg(feature = "object-store")]
            Storage::Objects(_) => (took.max(MIN_REST_OF_STORES), true),
        };
        let may_rest = self.pending.is_empty() && may_rest;
        self.rest_until = may_rest.then(|| Instant::now() + rest);
        Ok(())
    }

    /// Whether it is too early to list again.
    fn rests(&self) -> bool {
        self.pending.is_empty() && self.rest_until.is_some_and(|until| Instant::now() < until)
    }
}

/// Runs file-system work off tokio's threads.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Panic { message: error.to_string() })
}
