//! [`WholeFiles`]: all rows of the files below a path at once, for a static input. All calls block.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use super::format::Encoding;
use super::listing::Listing;
use super::log::{FileLog, SeenFile};
use super::options::Options;
use super::partition::Partitions;
use super::records::Limits;
use super::split::Reading;
use super::{CHUNK, plan};
use crate::error::{Error, Result};
use crate::format::Arena;
use crate::plan::{Rejects, for_each_view};
use crate::schema::Schema;
use crate::source::{Chunk, OnMalformed, Rows};
use crate::storage::Storage;
use crate::time::Timestamp;

/// How often files that are replaced while they are read are read from the beginning.
const ATTEMPTS: usize = 3;

/// The files below a path.
#[derive(Debug)]
pub(crate) struct WholeFiles {
    /// In the storage that is read.
    path: PathBuf,
    recursive: bool,
    reading: Arc<Reading>,
}

impl WholeFiles {
    /// Files that errors call `source`.
    ///
    /// # Errors
    /// If an option has no meaning.
    pub(crate) fn new(
        source: String,
        (storage, path): (Storage, PathBuf),
        encoding: Encoding,
        recursive: bool,
        max_line_bytes: usize,
    ) -> Result<Self> {
        let options = Options { recursive, max_line_bytes, ..Options::default() };
        options.check(encoding)?;
        let limits = Limits { chunk: CHUNK, record: max_line_bytes };
        // Where directories begin to name columns is known once the path is looked at.
        let partitions = Partitions::default();
        let reading = Arc::new(Reading { source, storage, encoding, limits, partitions });
        Ok(Self { path, recursive, reading })
    }

    /// All rows, file by file in the order of their paths.
    pub(crate) fn read<R: Schema>(&self) -> Result<Vec<R>> {
        let partitions = Partitions::of(&self.listing()?);
        let reading = Arc::new(Reading { partitions, ..Reading::clone(&self.reading) });
        self.read_steady(|files| self.read_files(&reading, files))
    }

    /// Reads files that may be replaced meanwhile.
    fn read_steady<T>(&self, mut read: impl FnMut(&[SeenFile]) -> Result<T>) -> Result<T> {
        for _ in 0..ATTEMPTS {
            let files = self.list()?;
            let error = match read(&files) {
                Ok(rows) => return Ok(rows),
                Err(error) => error,
            };
            // A file that was renamed over between listing and opening it is no reason to fail.
            if version(&files) == version(&self.list()?) {
                return Err(error);
            }
        }
        Err(self.failed(format_args!(
            "its files changed each of {ATTEMPTS} times that they were read; let writers write under a name that \
             begins with `_` or `.` and rename the complete file"
        )))
    }

    /// What the files look like from outside: it changes when they do.
    pub(crate) fn version(&self) -> Result<String> {
        Ok(version(&self.list()?))
    }

    fn failed(&self, message: impl std::fmt::Display) -> Error {
        Error::source(&*self.reading.source, message)
    }

    fn listing(&self) -> Result<Listing> {
        Listing::open(self.reading.source.clone(), &self.reading.storage, &self.path, self.recursive)
    }

    fn list(&self) -> Result<Vec<SeenFile>> {
        let mut files = self.listing()?.unseen(&FileLog::new(false, None))?;
        if files.is_empty() && !self.is_directory()? {
            let path = self.path.display();
            return Err(
                self.failed(format_args!("`{path}` matches no file; correct it, or create the files"))
            );
        }
        files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// Whether there may be no files. In an object store that is a directory with a manifest, since others aren't there without objects.
    fn is_directory(&self) -> Result<bool> {
        match self.reading.storage {
            Storage::Disk => Ok(self.path.is_dir()),
            #[cfg(feature = "object-store")]
            Storage::Objects(_) => self.listing()?.has_manifest(),
        }
    }

    fn read_files<R: Schema>(&self, reading: &Arc<Reading>, files: &[SeenFile]) -> Result<Vec<R>> {
        let mut decoded = Decoded {
            rows: Vec::new(),
            arena: Arena::default(),
            rejects: Rejects::new(&OnMalformed::Fail, Timestamp::UNIX_EPOCH),
        };
        for mut split in plan::plan(files.iter(), reading, 1) {
            split.read(&mut decoded).map_err(|error| match error {
                Error::MalformedRow { location, reason } => {
                    self.failed(format_args!("malformed row in {location}: {reason}; correct the file"))
                }
                error => error,
            })?;
        }
        Ok(decoded.rows)
    }
}

fn version(files: &[SeenFile]) -> String {
    let mut version = String::new();
    for SeenFile { path, modified, size, e_tag } in files {
        write!(version, "{path} {size} {} ", modified.as_micros()).expect("a string takes any text");
        match e_tag {
            Some(e_tag) => writeln!(version, "{e_tag}"),
            None => writeln!(version, "{}", inode(path)),
        }
        .expect("a string takes any text");
    }
    version
}

/// Tells a file from the one that was renamed over it, even if both have the same length and time.
fn inode(path: &str) -> u64 {
    #[cfg(unix)]
    return fs::metadata(path).map_or(0, |metadata| std::os::unix::fs::MetadataExt::ino(&metadata));
    #[cfg(not(unix))]
    return 0;
}

/// Copies every row.
struct Decoded<R> {
    rows: Vec<R>,
    arena: Arena,
    rejects: Rejects,
}

impl<R: Schema> Rows<R> for Decoded<R> {
    fn push(&mut self, chunk: Chunk<'_, R>) -> Result<()> {
        let Self { rows, arena, rejects } = self;
        for_each_view::<R, { u128::MAX }>(chunk, arena, rejects, |view| rows.push(R::from_view(view)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, stream_macros::Schema)]
    struct Text {
        value: String,
    }

    /// Replaces a file so many times after it was listed and before it is opened, then reads it.
    fn read_while_replaced(times: usize) -> Result<Vec<Text>> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("table");
        fs::write(&path, r#"{"value":"0"}"#).unwrap();
        let files =
            WholeFiles::new("table".to_owned(), (Storage::Disk, path.clone()), Encoding::Json, false, 100)
                .unwrap();
        let mut attempts = 0;
        files.read_steady(|listed| {
            attempts += 1;
            if attempts <= times {
                let new = directory.path().join("_new");
                fs::write(&new, format!(r#"{{"value":"{}"}}"#, "x".repeat(attempts + 1))).unwrap();
                fs::rename(new, &path).unwrap();
            }
            files.read_files(&files.reading, listed)
        })
    }

    #[test]
    fn a_file_that_is_renamed_over_after_it_was_listed_is_read_as_it_is_then() {
        let values = |times| read_while_replaced(times).unwrap().into_iter().map(|text| text.value);
        assert_eq!(values(0).collect::<Vec<_>>(), ["0"]);
        assert_eq!(values(2).collect::<Vec<_>>(), ["xxx"]);
    }

    #[test]
    fn files_that_never_rest_are_given_up() {
        let error = read_while_replaced(3).unwrap_err().to_string();
        assert!(
            error.starts_with("source `table`: its files changed each of 3 times that they were read; "),
            "{error}"
        );
    }
}
