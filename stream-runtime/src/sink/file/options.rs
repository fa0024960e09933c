//! What a service sets on a [`FileSink`].

use std::path::PathBuf;
#[cfg(feature = "object-store")]
use std::sync::Arc;

use super::FileSink;
use super::compaction::Upkeep;
#[cfg(feature = "compression")]
use super::compression::TextCompression;
use super::format::FileFormat;
#[cfg(feature = "parquet")]
use super::parquet::{Parquet, ParquetCompression};
use super::text::{Csv, JsonLines};
use crate::storage::Chosen;
use crate::time::Duration;

impl FileSink<JsonLines> {
    /// Writes JSON lines into `dir`, which is created if it doesn't exist.
    pub fn json(dir: impl Into<PathBuf>) -> Self {
        Self::new(dir.into(), JsonLines::default())
    }

    /// How the files are compressed; they aren't unless set.
    #[cfg(feature = "compression")]
    pub fn compression(mut self, compression: TextCompression) -> Self {
        self.format.compression = compression;
        self
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

    /// How the files are compressed; they aren't unless set.
    #[cfg(feature = "compression")]
    pub fn compression(mut self, compression: TextCompression) -> Self {
        self.format.compression = compression;
        self
    }
}

#[cfg(feature = "parquet")]
impl FileSink<Parquet> {
    /// Writes Parquet into `dir`, which is created if it doesn't exist. [`Parquet`] says which types the columns
    /// have there.
    ///
    /// ```
    /// use stream_runtime::prelude::*;
    /// use stream_runtime::sink::file::ParquetCompression;
    ///
    /// let sink = FileSink::parquet("data/page-stats")
    ///     .compression(ParquetCompression::Zstd)
    ///     .partition_by(["date"])
    ///     .target_file_bytes(128 << 20);
    /// ```
    pub fn parquet(dir: impl Into<PathBuf>) -> Self {
        Self::new(dir.into(), Parquet::default())
    }

    /// How the columns are compressed: with Snappy unless set.
    pub fn compression(mut self, compression: ParquetCompression) -> Self {
        self.format.compression = compression;
        self
    }

    /// How many rows a row group has at most, 1 048 576 unless set. A writer holds one row group in memory,
    /// compressed; a reader takes or passes over whole ones.
    pub fn row_group_rows(mut self, rows: usize) -> Self {
        self.format.row_group_rows = rows;
        self
    }
}

impl<F: FileFormat> FileSink<F> {
    fn new(dir: PathBuf, format: F) -> Self {
        Self {
            dir,
            storage: Chosen::default(),
            format,
            partition_by: Vec::new(),
            upkeep: Upkeep::default(),
            opened: None,
        }
    }

    /// Writes to an object store instead of this machine's file systems: see [object stores](FileSink#object-stores).
    #[cfg(feature = "object-store")]
    pub fn object_store(mut self, store: Arc<dyn object_store::ObjectStore>) -> Self {
        self.storage.store = Some(store);
        self
    }

    /// Writes rows into directories by the values of these columns, such as `date=2026-01-31/country=at`, as Spark
    /// and Hive do. The columns aren't in the files; [`FileSource`](crate::source::FileSource#partitions) takes them from the directories.
    ///
    /// A batch writes a file for each directory that it has rows for, so columns with few values a batch are the
    /// ones to choose: text, numbers, `bool`, dates, timestamps (in UTC), and `Option`s of those. Null and empty text
    /// are `__HIVE_DEFAULT_PARTITION__`, and read as null (in a `String` as empty text); characters that can't stand in a path become `%` and two
    /// digits. A column that isn't there, or of another type, is an error at the start of the query.
    pub fn partition_by<N: Into<String>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.partition_by = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Merges small files of earlier batches into ones of about so many bytes; never unless set.
    ///
    /// Every tenth batch, with the manifest's compact entry, files smaller than half the target are written anew as
    /// one, directory by directory, as soon as together they reach the target. The entry lists the merged file in
    /// their place, so a reader that goes by the manifest sees each row once, before and after, and whatever
    /// crashes. The small files are removed once the entries that list them are: after a hundred batches, and ten
    /// minutes at least, so that who has begun to read them can finish. Until then a plain listing shows both.
    ///
    /// A file that isn't as long as the manifest says, or is damaged otherwise, stays as it is. So does a CSV file of an
    /// earlier run of the query, whose header and delimiter may have been others.
    ///
    /// Those of an object store are fetched to the temporary directory first, where a process that is killed meanwhile
    /// leaves them.
    ///
    /// That batch takes longer by the time to read and write the target's bytes. A query that reads the directory as
    /// it grows takes a merged file for new rows: leave the option away where one does.
    pub fn target_file_bytes(mut self, bytes: u64) -> Self {
        self.upkeep.target_bytes = Some(bytes);
        self
    }

    /// How long files are in the result, by the time of their last change; for ever unless set.
    ///
    /// Spark's option of that name: older files are left out of the manifest with its next compact entry, every tenth
    /// batch, so that the manifest doesn't grow without end. They stay on disk.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.upkeep.retention = Some(retention);
        self
    }
}
