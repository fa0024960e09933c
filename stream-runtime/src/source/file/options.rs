//! The options of a [`FileSource`], under Spark's names, and what they mean together.

use std::path::PathBuf;
#[cfg(feature = "object-store")]
use std::sync::Arc;

use super::FileSource;
use super::format::{Csv, Encoding, FileFormat};
use super::limit::Limit;
use crate::error::{Error, Result};
use crate::format::csv::CsvFormat;
use crate::time::{Duration, days};

/// How many bytes a batch takes when neither `max_files_per_trigger` nor `max_bytes_per_trigger` is set: 1 GiB.
pub(super) const DEFAULT_MAX_BYTES: u64 = 1 << 30;
/// The length of a line or record beyond which it counts as malformed, unless set: 16 MiB.
pub(crate) const DEFAULT_MAX_LINE_BYTES: usize = 16 << 20;
/// How old a file may be, next to the newest that was read, unless set.
const DEFAULT_MAX_FILE_AGE: Duration = days(7);

/// What becomes of a file once the batch that read it is committed.
///
/// A file that can't be moved or removed stays, with a warning in the log, and is tried again after the next
/// batch; the query doesn't fail. A file that was changed since it was read is left alone: nobody has read it.
/// A query that is started with another choice than before applies it also to the files that earlier runs on its
/// checkpoint have read, as far as the source's log remembers them (`max_file_age`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CleanSource {
    /// It stays where it is.
    #[default]
    Off,
    /// It is moved to this directory, which is created if need be, under its path relative to the source's. A file
    /// that is there already is never overwritten.
    Archive(PathBuf),
    /// It is removed.
    Delete,
}

#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) max_files: Option<u64>,
    pub(super) max_bytes: Option<u64>,
    pub(super) latest_first: bool,
    pub(super) max_file_age: Option<Duration>,
    pub(super) clean: CleanSource,
    pub(super) file_name_only: bool,
    pub(super) recursive: bool,
    pub(super) max_line_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_files: None,
            max_bytes: None,
            latest_first: false,
            max_file_age: None,
            clean: CleanSource::Off,
            file_name_only: false,
            recursive: false,
            max_line_bytes: DEFAULT_MAX_LINE_BYTES,
        }
    }
}

impl Options {
    pub(super) fn limit(&self) -> Limit {
        match (self.max_files, self.max_bytes) {
            (Some(files), _) => Limit::Files(usize::try_from(files).unwrap_or(usize::MAX)),
            (None, bytes) => Limit::Bytes(bytes.unwrap_or(DEFAULT_MAX_BYTES)),
        }
    }

    /// The age that makes a file too old; `None` if none is.
    pub(super) fn max_age(&self) -> Option<Duration> {
        // With the newest first and a limit, what is left for later batches is old by intention.
        (!self.latest_first).then(|| self.max_file_age.unwrap_or(DEFAULT_MAX_FILE_AGE))
    }

    pub(super) fn check(&self, encoding: Encoding) -> Result<()> {
        let invalid =
            |option, message: &str| Err(Error::InvalidOption { option, message: message.to_owned() });
        if self.max_files.is_some() && self.max_bytes.is_some() {
            return invalid(
                "max_bytes_per_trigger",
                "`max_files_per_trigger` is set, too, and a batch can have only one of the two limits; remove one",
            );
        }
        if self.max_files == Some(0) {
            return invalid("max_files_per_trigger", "a batch needs at least one file");
        }
        if self.max_bytes == Some(0) {
            return invalid("max_bytes_per_trigger", "a batch needs at least one byte");
        }
        if self.max_file_age.is_some_and(Duration::is_negative) {
            return invalid("max_file_age", "an age can't be negative");
        }
        if self.max_line_bytes == 0 {
            return invalid("max_line_bytes", "a line needs at least one byte");
        }
        if let Encoding::Csv(CsvFormat { delimiter, quote, .. }) = encoding {
            if matches!(delimiter, b'\n' | b'\r') {
                return invalid("delimiter", "line ends end the record");
            }
            if matches!(quote, b'\n' | b'\r') || quote == delimiter {
                return invalid("quote", "it has to differ from the delimiter and from line ends");
            }
        }
        if self.latest_first && self.max_file_age.is_some() {
            tracing::warn!("`max_file_age` has no effect with `latest_first`, since batches are limited");
        }
        Ok(())
    }
}

impl<F: FileFormat> FileSource<F> {
    /// Reads an object store instead of this machine's file systems: see [object stores](FileSource#object-stores).
    #[cfg(feature = "object-store")]
    #[must_use]
    pub fn object_store(mut self, store: Arc<dyn object_store::ObjectStore>) -> Self {
        self.storage.store = Some(store);
        self
    }

    /// How many files a batch takes at most. Excludes `max_bytes_per_trigger`.
    #[must_use]
    pub fn max_files_per_trigger(mut self, files: u64) -> Self {
        self.options.max_files = Some(files);
        self
    }

    /// How many bytes of files a batch takes at most, in whole files; a file that is larger by itself makes a batch
    /// of its own. 1 GiB, unless this or `max_files_per_trigger` is set.
    #[must_use]
    pub fn max_bytes_per_trigger(mut self, bytes: u64) -> Self {
        self.options.max_bytes = Some(bytes);
        self
    }

    /// Takes the newest files first, so that a backlog doesn't hold up what is new. Off by default.
    ///
    /// [`max_file_age`](Self::max_file_age) then has no effect, and the source remembers every file it has read.
    #[must_use]
    pub fn latest_first(mut self, latest_first: bool) -> Self {
        self.options.latest_first = latest_first;
        self
    }

    /// How much older than the newest file that was read a file may be, by modification time; an older one is
    /// ignored, and forgotten if it was read. 7 days by default.
    ///
    /// It is measured against files, not against the clock, so nothing is lost while the query doesn't run.
    #[must_use]
    pub fn max_file_age(mut self, age: impl Into<Duration>) -> Self {
        self.options.max_file_age = Some(age.into());
        self
    }

    /// What becomes of a file once the batch that read it is committed. [`CleanSource::Off`] by default.
    #[must_use]
    pub fn clean_source(mut self, clean: CleanSource) -> Self {
        self.options.clean = clean;
        self
    }

    /// Tells files apart by their name instead of their whole path, for directories that move. Off by default.
    ///
    /// The directories of partitions right above a file are part of its name, since Hive, for one, names a file of each of them `000000_0`.
    #[must_use]
    pub fn file_name_only(mut self, file_name_only: bool) -> Self {
        self.options.file_name_only = file_name_only;
        self
    }

    /// Reads the directories below the given one whatever their names, which then mean nothing. Off by default: those of
    /// [partitions](Self#partitions) are read, and give columns.
    #[must_use]
    pub fn recursive_file_lookup(mut self, recursive: bool) -> Self {
        self.options.recursive = recursive;
        self
    }

    /// The longest line (CSV: record) in bytes, without its line end. A longer one is malformed, and never held in
    /// memory as a whole. 16 MiB by default.
    #[must_use]
    pub fn max_line_bytes(mut self, bytes: usize) -> Self {
        self.options.max_line_bytes = bytes;
        self
    }
}

impl FileSource<Csv> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_limited_to_a_gibibyte_unless_an_option_says_otherwise() {
        assert_eq!(Options::default().limit(), Limit::Bytes(DEFAULT_MAX_BYTES));
        assert_eq!(Options { max_files: Some(3), ..Options::default() }.limit(), Limit::Files(3));
        assert_eq!(Options { max_bytes: Some(9), ..Options::default() }.limit(), Limit::Bytes(9));
    }

    #[test]
    fn an_option_without_meaning_is_refused_by_name() {
        let refused = |options: Options, csv: CsvFormat| match options.check(Encoding::Csv(csv)) {
            Err(Error::InvalidOption { option, .. }) => option,
            other => panic!("{other:?}"),
        };
        let options = Options::default;
        let csv = CsvFormat::default;
        assert_eq!(
            refused(Options { max_files: Some(1), max_bytes: Some(1), ..options() }, csv()),
            "max_bytes_per_trigger"
        );
        assert_eq!(refused(Options { max_files: Some(0), ..options() }, csv()), "max_files_per_trigger");
        assert_eq!(refused(Options { max_bytes: Some(0), ..options() }, csv()), "max_bytes_per_trigger");
        assert_eq!(refused(Options { max_file_age: Some(days(-1)), ..options() }, csv()), "max_file_age");
        assert_eq!(refused(Options { max_line_bytes: 0, ..options() }, csv()), "max_line_bytes");
        assert_eq!(refused(options(), CsvFormat { delimiter: b'\n', ..csv() }), "delimiter");
        assert_eq!(refused(options(), CsvFormat { quote: b',', ..csv() }), "quote");
    }
}
