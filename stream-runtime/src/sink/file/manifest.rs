//! The manifest: which files make up the result, in the form that Spark reads as `_spark_metadata`.
//!
//! Each batch has an entry, a file named by its id; the entries of batches 9, 19, … are *compact*
//! (`9.compact`) and hold all earlier ones as well. An entry is the line `v1` and a line for each file. The
//! newest compact entry and those after it are the whole result, and none of them may be missing.

use std::collections::{BTreeSet, HashSet};
use std::io::{BufRead, ErrorKind};
use std::path::{Path, PathBuf};
#[cfg(feature = "object-store")]
use std::sync::Arc;

#[cfg(feature = "object-store")]
use object_store::ObjectStore;

#[cfg(feature = "object-store")]
use super::claim::NAME as CLAIM;
use super::part::Finder;
use super::status::{Action, FileStatus};
use crate::error::{Error, Result};
#[cfg(feature = "object-store")]
use crate::sink::blocking::blocking;
#[cfg(feature = "object-store")]
use crate::storage::{Chosen, key_of};
use crate::storage::{Storage, disk};

/// The directory of the manifest, inside that of the data.
pub(super) const DIRECTORY: &str = "_spark_metadata";
/// The first line of each entry.
pub(super) const VERSION: &str = "v1";
/// How often a reader starts over because entries vanished or appeared while it read.
const ATTEMPTS: usize = 10;

/// An entry's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryName {
    pub(super) batch: u64,
    pub(super) is_compact: bool,
}

impl EntryName {
    fn parse(file_name: &str) -> Option<Self> {
        let (digits, is_compact) = match file_name.strip_suffix(".compact") {
            Some(digits) => (digits, true),
            None => (file_name, false),
        };
        // Spark's ids are signed, and no query gets that far.
        let batch = digits.parse::<i64>().ok()?.try_into().ok()?;
        let name = Self { batch, is_compact };
        // `+7` and `007` are numbers too, but no entries.
        (name.to_string() == file_name).then_some(name)
    }
}

impl std::fmt::Display for EntryName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.batch, if self.is_compact { ".compact" } else { "" })
    }
}

/// A manifest's directory.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    pub(super) storage: Storage,
    /// The data's directory, absolute, or its key.
    pub(super) data: PathBuf,
    /// The manifest's own.
    pub(super) dir: PathBuf,
}

/// What is in a manifest's directory.
#[derive(Debug)]
pub(super) struct Listing {
    /// The entries, oldest first.
    pub(super) entries: BTreeSet<EntryName>,
    /// Entries that were never finished.
    pub(super) unfinished: Vec<PathBuf>,
}

impl Manifest {
    pub(super) fn of(storage: Storage, data: &Path) -> Result<Self> {
        let data = storage.absolute(data)?;
        let dir = data.join(DIRECTORY);
        Ok(Self { storage, data, dir })
    }

    pub(super) fn list(&self) -> Result<Listing> {
        let mut listing = Listing { entries: BTreeSet::new(), unfinished: Vec::new() };
        for file in self.storage.list(&self.dir)? {
            let path = self.dir.join(&file.name);
            if let Some(entry) = file.name.to_str().and_then(EntryName::parse) {
                listing.entries.insert(entry);
            } else if disk::is_unfinished(&path) {
                listing.unfinished.push(path);
            }
        }
        Ok(listing)
    }

    /// The entries that together are the result, oldest first; an error if one of them is missing.
    pub(super) fn chain(&self, listing: &Listing) -> Result<Vec<EntryName>> {
        let compact = listing.entries.iter().rev().find(|entry| entry.is_compact);
        let chain: Vec<EntryName> = match compact {
            Some(compact) => listing.entries.range(*compact..).copied().collect(),
            None => listing.entries.iter().copied().collect(),
        };
        let first = compact.map_or(0, |compact| compact.batch);
        match (first..).zip(&chain).find(|(expected, entry)| *expected != entry.batch) {
            None => Ok(chain),
            Some((missing, _)) => Err(self.damaged(format_args!("the entry of batch {missing} is missing"))),
        }
    }

    /// Calls `visit` with each line of an entry, and what it says.
    pub(super) fn read(
        &self,
        entry: EntryName,
        visit: impl FnMut(&str, FileStatus) -> Result<()>,
    ) -> Result<()> {
        let name = entry.to_string();
        self.read_lines(&self.dir.join(&name), &name, visit)
    }

    /// Calls `visit` with each line of a file that has the form of an entry, and what it says.
    pub(super) fn read_lines(
        &self,
        path: &Path,
        entry: &str,
        mut visit: impl FnMut(&str, FileStatus) -> Result<()>,
    ) -> Result<()> {
        let failed = |error: std::io::Error| match error.kind() {
            ErrorKind::InvalidData => self.damaged(format_args!("`{entry}` isn't text")),
            _ => Error::io("reading", path, error),
        };
        let mut lines = self.storage.read(path).map_err(failed)?.lines();
        match lines.next().transpose().map_err(failed)?.as_deref() {
            Some(VERSION) => {}
            None => return Err(self.damaged(format_args!("`{entry}` is empty"))),
            Some(other) => {
                let other: String = other.chars().take(20).collect();
                return Err(self.damaged(format_args!(
                    "`{entry}` begins with `{}`, and this library reads only {VERSION}",
                    other.escape_debug()
                )));
            }
        }
        for (index, line) in lines.enumerate() {
            let line = line.map_err(failed)?;
            let status = serde_json::from_str(&line).map_err(|error| {
                self.damaged(format_args!("line {} of `{entry}` isn't about a file: {error}", index + 2))
            })?;
            visit(&line, status)?;
        }
        Ok(())
    }

    fn damaged(&self, what: impl std::fmt::Display) -> Error {
        self.error(format_args!(
            "the manifest `{}` is damaged: {what}; it has been left as it is: restore it, or write to an empty directory",
            self.storage.name(&self.dir)
        ))
    }

    /// An error of the sink that writes to the directory.
    pub(super) fn error(&self, message: impl std::fmt::Display) -> Error {
        Error::sink(format!("FileSink[{}]", self.storage.name(&self.data)), message)
    }
}

/// The files that make up what a [`FileSink`](super::FileSink), or Spark's, has written into `dir`: the rows of
/// each committed batch once, in the order of the batches unless the sink merges small files.
///
/// A plain listing of the directory can also show files of a batch that was never committed; this goes by the
/// manifest. Safe to call while a query is writing. The files of a directory that was moved as a whole are found
/// where they are now. Blocks on the disk.
///
/// ```no_run
/// for path in stream_runtime::sink::file::committed_files("data/out")? {
///     print!("{}", std::fs::read_to_string(path)?);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// There is no manifest in `dir`, it is damaged or of another version, it lists a file that isn't on a local
/// file system, or it can't be read.
pub fn committed_files(dir: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
    committed_in(&Storage::Disk, dir.as_ref())
}

/// The same for a directory in an object store: the keys of the objects that make up the result. `dir` is what
/// [`FileSink`](super::FileSink) was given, a key or a URL that ends in one.
///
/// Call it from within tokio. The manifest is read anew with each call, from its last compact entry on.
///
/// ```
/// use std::sync::Arc;
///
/// use stream_runtime::object_store::{ObjectStore, ObjectStoreExt};
/// use stream_runtime::sink::file::committed_objects;
///
/// async fn print(store: &Arc<dyn ObjectStore>) -> Result<(), Box<dyn std::error::Error>> {
///     for key in committed_objects(store, "s3a://bucket/out").await? {
///         let object = store.get(&key).await?.bytes().await?;
///         print!("{}", String::from_utf8_lossy(&object));
///     }
///     Ok(())
/// }
/// ```
///
/// # Errors
/// No file sink has written to `dir`, or its manifest is damaged or of another version, or the store can't be read.
///
/// # Panics
/// Outside of tokio.
#[cfg(feature = "object-store")]
pub async fn committed_objects(
    store: &Arc<dyn ObjectStore>,
    dir: impl AsRef<Path>,
) -> Result<Vec<object_store::path::Path>> {
    let chosen = Chosen { store: Some(Arc::clone(store)) };
    let (storage, dir) = chosen.resolve(dir.as_ref())?;
    let manifest = Manifest::of(storage, &dir)?;
    let files = blocking(move || {
        let files = committed_in(&manifest.storage, &manifest.data)?;
        // A store has no directories: one that isn't there looks like an empty one.
        let is_there = !files.is_empty()
            || manifest.storage.status(&manifest.data.join(CLAIM))?.is_some()
            || !manifest.list()?.entries.is_empty();
        if is_there { Ok(files) } else { Err(manifest.error("no file sink has written to this directory of the store: check the path, and which store it is in")) }
    })
    .await?;
    let key = |path: &PathBuf| {
        object_store::path::Path::parse(key_of(path)).map_err(|error| Error::Other(error.into()))
    };
    files.iter().map(key).collect()
}

/// The files of all committed batches, in any storage.
pub(crate) fn committed_in(storage: &Storage, dir: &Path) -> Result<Vec<PathBuf>> {
    let manifest = Manifest::of(storage.clone(), dir)?;
    let mut attempt = 1;
    loop {
        // A writer removes entries that a newer compact one has made superfluous, and a listing made meanwhile
        // can show a later entry without an earlier one. Both are over when listed again.
        let listing = manifest.list()?;
        match manifest.chain(&listing).and_then(|chain| manifest.files(&chain)) {
            Err(_) if attempt < ATTEMPTS && manifest.list()?.entries != listing.entries => attempt += 1,
            result => return result,
        }
    }
}

impl Manifest {
    fn files(&self, chain: &[EntryName]) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        let mut deleted = HashSet::new();
        for entry in chain {
            self.read(*entry, |_, status| {
                let path = status.path_in(&self.storage).ok_or_else(|| {
                    self.error(format_args!("`{entry}` lists `{}`, which isn't a local file", status.path))
                })?;
                match status.action {
                    Action::Add => files.push(path),
                    Action::Delete => {
                        deleted.insert(path);
                    }
                }
                Ok(())
            })?;
        }
        files.retain(|path| !deleted.contains(path));
        let mut finder = Finder::new(self);
        files.into_iter().map(|path| finder.find(path)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_numbers_are_entries() {
        for name in ["0", "7", "19.compact", "9223372036854775807"] {
            assert_eq!(EntryName::parse(name).unwrap().to_string(), name);
        }
        for name in [
            "+7",
            "007",
            "-1",
            "7.tmp",
            ".7.x.tmp",
            "compact",
            ".compact",
            "9223372036854775808",
            "9.compact.compact",
        ] {
            assert_eq!(EntryName::parse(name), None, "{name}");
        }
    }
}
