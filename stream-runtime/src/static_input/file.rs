//! [`StaticFile`]: a table in files.

use std::path::PathBuf;
#[cfg(feature = "object-store")]
use std::sync::Arc;

use async_trait::async_trait;

use super::{StaticSource, Version};
use crate::error::Result;
use crate::schema::Schema;
#[cfg(feature = "orc")]
use crate::source::Orc;
#[cfg(feature = "parquet")]
use crate::source::Parquet;
use crate::source::{Csv, DEFAULT_MAX_LINE_BYTES, FileFormat, Json, WholeFiles, blocking};
use crate::storage::Chosen;

/// A table in files: a single one, those in a directory, or those that match a pattern (`*`, `?`, `[…]`, `**`), one
/// after the other by path.
///
/// As with [`FileSource`](crate::source::FileSource#partitions), directories of partitions (`date=2026-01-31`) give columns, and names that begin with `_` or `.` are ignored, of directories
/// below the given one (or, in a pattern, from the first wildcard on) as well. All columns of the row type are
/// read. A row that can't be decoded fails the load, and the error names its file and line or row. A path that doesn't exist
/// and a pattern that no file matches fail it, too; an empty directory is an empty table.
///
/// For a table that changes while queries run ([`reload_every`](super::StaticSourceExt::reload_every),
/// [`reload_on_change`](super::StaticSourceExt::reload_on_change)): replace a file atomically. Write the new one under a
/// name that begins with `_` or `.`, and rename it. A file that is written to in place is read half
/// written, or fails the query. A change is recognized by paths, lengths and modification times, and on Unix by
/// inodes.
///
/// ```
/// use stream_runtime::prelude::*;
///
/// let products = StaticFile::json("data/products.jsonl");
/// let regions = StaticFile::csv("data/regions/*.csv").delimiter(b';').header(false);
/// # drop((products, regions));
/// ```
#[derive(Clone, Debug)]
pub struct StaticFile<F> {
    path: PathBuf,
    storage: Chosen,
    format: F,
    recursive: bool,
    max_line_bytes: usize,
}

impl StaticFile<Json> {
    /// A table of JSON lines.
    pub fn json(path: impl Into<PathBuf>) -> Self {
        Self::new(path.into())
    }
}

impl StaticFile<Csv> {
    /// A table of CSV records.
    pub fn csv(path: impl Into<PathBuf>) -> Self {
        Self::new(path.into())
    }

    /// The byte between cells. `,` by default.
    #[must_use]
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.format.0.delimiter = delimiter;
        self
    }

    /// The byte around cells that hold delimiters, quotes (doubled) or line ends. `"` by default.
    #[must_use]
    pub fn quote(mut self, quote: u8) -> Self {
        self.format.0.quote = quote;
        self
    }

    /// Whether each file's first record names the columns. On by default; without it, columns are taken in the
    /// declared order of the row type.
    #[must_use]
    pub fn header(mut self, header: bool) -> Self {
        self.format.0.header = header;
        self
    }
}

#[cfg(feature = "parquet")]
impl StaticFile<Parquet> {
    /// A table of Parquet files.
    pub fn parquet(path: impl Into<PathBuf>) -> Self {
        Self::new(path.into())
    }
}

#[cfg(feature = "orc")]
impl StaticFile<Orc> {
    /// A table of ORC files.
    pub fn orc(path: impl Into<PathBuf>) -> Self {
        Self::new(path.into())
    }
}

impl<F: FileFormat + Default> StaticFile<F> {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            storage: Chosen::default(),
            format: F::default(),
            recursive: false,
            max_line_bytes: DEFAULT_MAX_LINE_BYTES,
        }
    }
}

impl<F: FileFormat> StaticFile<F> {
    /// Reads the directories below the given one whatever their names, which then mean nothing. Off by default: those of
    /// [partitions](crate::source::FileSource#partitions) are read, and give columns.
    #[must_use]
    pub fn recursive_file_lookup(mut self, recursive: bool) -> Self {
        self.recursive = recursive;
        self
    }

    /// The longest line (CSV: record) in bytes, without its line end. A longer one fails the load. 16 MiB by default.
    #[must_use]
    pub fn max_line_bytes(mut self, bytes: usize) -> Self {
        self.max_line_bytes = bytes;
        self
    }

    /// Reads an object store instead of this machine's file systems, as
    /// [`FileSource`](crate::source::FileSource#object-stores) does. A change is recognized by the objects' `ETag`s, too.
    /// A path without objects fails the load, unless a file sink has written its manifest there: a store has no empty directories.
    #[cfg(feature = "object-store")]
    #[must_use]
    pub fn object_store(mut self, store: Arc<dyn object_store::ObjectStore>) -> Self {
        self.storage.store = Some(store);
        self
    }

    fn name(&self) -> String {
        format!("StaticFile[{}]", self.path.display())
    }

    fn files(&self) -> Result<WholeFiles> {
        WholeFiles::new(
            self.name(),
            self.storage.resolve(&self.path)?,
            self.format.encoding(),
            self.recursive,
            self.max_line_bytes,
        )
    }
}

#[async_trait]
impl<F: FileFormat, R: Schema> StaticSource<R> for StaticFile<F> {
    fn description(&self) -> String {
        self.name()
    }

    async fn load(&mut self) -> Result<Vec<R>> {
        let files = self.files()?;
        blocking(move || files.read()).await?
    }

    async fn version(&mut self) -> Result<Option<Version>> {
        let files = self.files()?;
        let version = blocking(move || files.version()).await??;
        Ok(Some(Version(version)))
    }
}
