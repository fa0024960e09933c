//! [`Compaction`]: what a compact entry holds of all earlier ones.
//!
//! Here files leave the result: those past their retention, and small ones whose rows a larger file has taken
//! over. Both only in a compact entry, since it takes the place of all earlier entries for every reader; a line
//! that takes a file out again (`"action":"delete"`) is one that Spark has read as a file since version 3.1.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::format::FileFormat;
use super::log::Log;
use super::manifest::EntryName;
use super::part::{Finder, Part, Written, batch_of, is_in};
use super::status::{Action, FileStatus};
use crate::error::{Error, Result};
use crate::storage::LocalCopy;
use crate::time::Duration;

/// What may happen to files of earlier batches.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Upkeep {
    /// Files smaller than half of this are merged into ones of about this many bytes.
    pub(super) target_bytes: Option<u64>,
    /// How long a file is listed.
    pub(super) retention: Option<Duration>,
}

impl Upkeep {
    /// Whether the options make sense.
    pub(super) fn check(self) -> Result<()> {
        let invalid =
            |option, message: &str| Err(Error::InvalidOption { option, message: message.to_owned() });
        if self.target_bytes == Some(0) {
            return invalid(
                "target_file_bytes",
                "0 bytes are no size for a file; leave the option away to merge none",
            );
        }
        if self.retention.is_some_and(|retention| retention <= Duration::ZERO) {
            return invalid(
                "retention",
                "files would be in no result at all; leave the option away to keep all",
            );
        }
        Ok(())
    }
}

/// A compact entry's share of earlier ones.
#[derive(Debug)]
pub(super) struct Compaction {
    /// The entries whose lines it repeats, but for those that it leaves out.
    pub(super) chain: Vec<EntryName>,
    /// Files that stand for many smaller ones.
    pub(super) merged: Vec<Written>,
    /// The lines of the smaller ones.
    pub(super) superseded: Vec<FileStatus>,
    left_out: HashSet<String>,
    expired_before: u64,
}

/// A file that may be merged.
#[derive(Debug)]
struct Small {
    path: PathBuf,
    status: FileStatus,
}

/// A small file whose content is at hand.
#[derive(Debug)]
struct AtHand {
    content: LocalCopy,
    status: FileStatus,
}

impl Compaction {
    /// Merges what is to be merged for the entry of this batch.
    pub(super) fn prepare<F: FileFormat>(log: &Log, format: &F, batch: u64) -> Result<Self> {
        let chain = log.manifest.chain(&log.manifest.list()?)?;
        let mut this = Self {
            chain,
            merged: Vec::new(),
            superseded: Vec::new(),
            left_out: HashSet::new(),
            expired_before: log.upkeep.retention.map_or(0, millis_before_now),
        };
        let Some(target) = log.upkeep.target_bytes else { return Ok(this) };
        for (dir, small) in this.small_files::<F>(log, &format.extension(), target)? {
            if total(small.iter().map(|file| &file.status)) >= target {
                this.merge_some(log, format, batch, &dir, small, target);
            }
        }
        this.left_out.extend(this.superseded.iter().map(|status| status.path.clone()));
        Ok(this)
    }

    /// Whether a line of an earlier entry is repeated.
    pub(super) fn keeps(&self, status: &FileStatus) -> bool {
        status.modification_time >= self.expired_before && !self.left_out.contains(&status.path)
    }

    /// The files by directory that are small, the sink's own, and of the same format.
    fn small_files<F: FileFormat>(
        &self,
        log: &Log,
        extension: &str,
        target: u64,
    ) -> Result<BTreeMap<PathBuf, Vec<Small>>> {
        let first = if F::SELF_DESCRIBING { 0 } else { log.first_own };
        let ending = format!("-c000.{extension}");
        let mut by_dir: BTreeMap<PathBuf, Vec<Small>> = BTreeMap::new();
        let mut finder = Finder::new(&log.manifest);
        for entry in &self.chain {
            log.manifest.read(*entry, |_, status| {
                let is_small = status.size < target / 2 && status.action == Action::Add;
                if !is_small || !self.keeps(&status) {
                    return Ok(());
                }
                let Some(path) = status.path_in(&log.manifest.storage) else { return Ok(()) };
                let path = finder.find(path)?;
                let name = path.file_name().and_then(|name| name.to_str());
                let is_own = name.is_some_and(|name| {
                    name.ends_with(&ending) && batch_of(log.query, name).is_some_and(|batch| batch >= first)
                });
                if let Some(dir) = path.parent().filter(|_| is_own && is_in(&log.manifest.data, &path)) {
                    by_dir.entry(dir.to_owned()).or_default().push(Small { path, status });
                }
                Ok(())
            })?;
        }
        Ok(by_dir)
    }

    /// Merges files of one directory, those of one shape with one another, until too little is left.
    fn merge_some<F: FileFormat>(
        &mut self,
        log: &Log,
        format: &F,
        batch: u64,
        dir: &Path,
        small: Vec<Small>,
        target: u64,
    ) {
        let mut by_shape: Vec<(F::Shape, Vec<AtHand>)> = Vec::new();
        for file in small {
            let (shape, file) = match at_hand(log, format, &file) {
                Ok(found) => found,
                Err(error) => {
                    stays_small(&file.path, &error);
                    continue;
                }
            };
            let at = by_shape.iter().position(|(other, _)| *other == shape).unwrap_or(by_shape.len());
            if at == by_shape.len() {
                by_shape.push((shape, Vec::new()));
            }
            let Some((shape, group)) = by_shape.get_mut(at) else { continue };
            group.push(file);
            if total(group.iter().map(|file| &file.status)) >= target && group.len() > 1 {
                match merge(log, format, batch, dir, shape, group) {
                    Ok(merged) => {
                        self.merged.push(merged);
                        self.superseded.extend(group.drain(..).map(|file| file.status));
                    }
                    Err(error) => stays_small(dir, &error),
                }
                group.clear();
            }
        }
    }
}

fn merge<F: FileFormat>(
    log: &Log,
    format: &F,
    batch: u64,
    dir: &Path,
    shape: &F::Shape,
    group: &[AtHand],
) -> Result<Written> {
    let (part, file) = Part::create(&log.manifest.storage, dir, log.query, batch, &format.extension())?;
    let sources: Vec<PathBuf> = group.iter().map(|file| file.content.as_ref().to_owned()).collect();
    let file = guarded(|| format.merge(shape, &sources, file)).map_err(|error| part.failed(error))?;
    let mut merged = part.finish(file)?;
    // Its rows are as old as before.
    let newest = group.iter().map(|file| file.status.modification_time).max();
    merged.status.modification_time = newest.unwrap_or(merged.status.modification_time);
    Ok(merged)
}

/// The file's content, and its shape.
fn at_hand<F: FileFormat>(log: &Log, format: &F, file: &Small) -> io::Result<(F::Shape, AtHand)> {
    let content = log.manifest.storage.local(&file.path)?;
    check_length(&content, &file.status)?;
    let shape = guarded(|| format.shape(content.as_ref()))?;
    Ok((shape, AtHand { content, status: file.status.clone() }))
}

/// A file that has lost its end would pass for a whole one once it is merged.
fn check_length(file: &LocalCopy, status: &FileStatus) -> io::Result<()> {
    let length = std::fs::metadata(file)?.len();
    if length == status.size {
        return Ok(());
    }
    let message = format!("it has {length} bytes, and the manifest says {}", status.size);
    Err(io::Error::new(io::ErrorKind::InvalidData, message))
}

/// Reads what may be damaged. The readers panic at some damage; that is an error of the file all the same.
fn guarded<T>(read: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let gave_up = |_| Err(io::Error::new(io::ErrorKind::InvalidData, "its reader gave up"));
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(gave_up)
}

/// The result is the same without a merge, so that it failed is no reason to stop.
fn stays_small(path: &Path, error: &dyn std::fmt::Display) {
    tracing::warn!("small files aren't merged: `{}`: {error}", path.display());
}

fn total<'a>(files: impl Iterator<Item = &'a FileStatus>) -> u64 {
    files.map(|file| file.size).sum()
}

fn millis_before_now(age: Duration) -> u64 {
    let since =
        SystemTime::now().checked_sub(age.to_std()).and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_panics_at_a_damaged_file_is_an_error() {
        let read: io::Result<()> = guarded(|| panic!("index out of bounds"));
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(guarded(|| Ok(1)).unwrap(), 1);
    }
}
