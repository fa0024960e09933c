//! What is removed from a directory: files of batches that never were, entries that newer ones hold, and files
//! whose rows are in larger ones.
//!
//! A reader that goes by an entry finds every file that it lists: small files are removed after the last entry
//! that lists them. Which they are is written down (`.19.merged`) before the entry that leaves them out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use super::log::{COMPACT_EVERY, Log, write_line};
use super::manifest::{EntryName, VERSION};
use super::part::{Finder, batch_of, is_in};
use super::status::FileStatus;
use crate::error::{Error, Result};
#[cfg(feature = "object-store")]
use crate::storage::key_of;
use crate::storage::{Created, Storage};

/// Entries that are in a compact one are kept for so many batches more, …
const BATCHES_RETAINED: u64 = 100;
/// … and for so long: a slow reader may still be at them.
const AGE_RETAINED: Duration = Duration::from_secs(10 * 60);

impl Log {
    /// Fails if there are parts of batches that the checkpoint has committed and the manifest, which ends with the
    /// batch `last`, doesn't know: it is gone, or an older copy.
    pub(super) fn check_parts(&self, last: Option<u64>, first: u64) -> Result<()> {
        self.each_part(&self.manifest.data, &mut |batch, path| {
            if batch >= first || last.is_some_and(|last| batch <= last) {
                return Ok(());
            }
            let end = last.map_or("has no entry".to_owned(), |last| format!("ends with batch {last}"));
            Err(self.manifest.error(format_args!(
                "the manifest `{}` {end}, and the directory holds `{}` of batch {batch}, which the query has committed: the manifest was removed, or is an older copy; nothing has been removed: restore it, or write to an empty directory",
                self.manifest.storage.name(&self.manifest.dir),
                self.manifest.storage.name(path)
            )))
        })
    }

    /// Removes what a crash has left: parts and notes of batches after the last one that has an entry, but for those
    /// that the checkpoint has committed. A run that had a store's directory before may still be creating the entry that lists such parts:
    /// they stay until this run has [created it](Self::remove_decided), and what isn't `listed` in the last entry goes here.
    pub(super) fn remove_leftovers(
        &mut self,
        last: Option<u64>,
        listed: &BTreeSet<String>,
        first: u64,
    ) -> Result<()> {
        let is_left_over = |batch: u64| batch >= first && last.is_none_or(|last| batch > last);
        let is_locked = matches!(self.manifest.storage, Storage::Disk);
        let mut undecided = Vec::new();
        self.each_part(&self.manifest.data, &mut |batch, path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            match (is_left_over(batch), is_locked) {
                (true, false) => undecided.push((batch, path.to_owned())),
                (true, true) => self.manifest.storage.remove(path)?,
                (false, false) if last == Some(batch) && !listed.contains(name) => {
                    self.manifest.storage.remove(path)?;
                }
                (false, _) => {}
            }
            Ok(())
        })?;
        self.undecided = undecided.into();
        for (batch, path) in self.notes()? {
            if is_left_over(batch) {
                self.manifest.storage.remove(&path)?;
            }
        }
        Ok(())
    }

    /// Removes what a crash had left of batches up to this one, which has an entry of this run now: no other entry can list it any more.
    pub(super) fn remove_decided(&self, batch: u64) -> Result<()> {
        let mut undecided = self.undecided.lock().unwrap_or_else(PoisonError::into_inner);
        let (decided, rest) = std::mem::take(&mut *undecided).into_iter().partition(|(of, _)| *of <= batch);
        *undecided = rest;
        let decided: Vec<(u64, PathBuf)> = decided;
        decided.iter().try_for_each(|(_, path)| self.manifest.storage.remove(path))
    }

    /// Calls `visit` with each part of this query, listed or not, and its batch.
    fn each_part(&self, dir: &Path, visit: &mut impl FnMut(u64, &Path) -> Result<()>) -> Result<()> {
        #[cfg(feature = "object-store")]
        if let Storage::Objects(objects) = &self.manifest.storage {
            let mut parts = Vec::new();
            // All directories at once: each would be a request.
            objects.for_each_below(&key_of(dir), |found| {
                let name = found.location.filename().unwrap_or_default();
                parts.extend(batch_of(self.query, name).map(|batch| (batch, String::from(found.location))));
            })?;
            let ours = parts.iter().filter(|(_, key)| is_in(&self.manifest.data, key.as_ref()));
            return ours.into_iter().try_for_each(|(batch, key)| visit(*batch, key.as_ref()));
        }
        for file in self.manifest.storage.list(dir)? {
            let path = dir.join(&file.name);
            // Links to directories aren't followed: what is behind them is somebody else's.
            if file.is_dir && file.name.as_encoded_bytes().contains(&b'=') {
                self.each_part(&path, visit)?;
            } else if let Some(batch) = file.name.to_str().and_then(|name| batch_of(self.query, name)) {
                visit(batch, &path)?;
            }
        }
        Ok(())
    }

    /// Notes which files an entry leaves out because their rows are in larger ones.
    pub(super) fn note_superseded(&self, batch: u64, files: &[FileStatus]) -> Result<()> {
        let created = self.manifest.storage.create_whole(&self.manifest.dir, &note_name(batch), |out| {
            out.write_all(VERSION.as_bytes())
                .map_err(|error| Error::io("writing a note in", &self.manifest.dir, error))?;
            files.iter().try_for_each(|file| write_line(out, &file.line()?, &self.manifest.dir))
        })?;
        match created {
            Created::Now => Ok(()),
            // Of no entry yet: the next run removes it.
            Created::Before => Err(self.manifest.error(format_args!(
                "the manifest has a note of files that batch {batch} supersedes, `{}`, that this run didn't write: something else is writing to the directory; give each sink a directory of its own, and start the query again",
                note_name(batch)
            ))),
        }
    }

    /// Removes old entries that a newer compact one holds, then the files that only they have listed. Nobody needs
    /// them gone, so a failure is no error.
    pub(super) fn remove_superfluous(&self, batch: u64) {
        if let Err(error) = self.try_remove_superfluous(batch) {
            tracing::warn!("old files and manifest entries stay: {error}");
        }
    }

    fn try_remove_superfluous(&self, batch: u64) -> Result<()> {
        let retained = (batch + 1).saturating_sub(BATCHES_RETAINED);
        let Some(base) = (retained / COMPACT_EVERY * COMPACT_EVERY).checked_sub(1) else { return Ok(()) };
        let mut entries: BTreeSet<EntryName> = self.manifest.list()?.entries;
        while let Some(entry) = entries.first().filter(|entry| entry.batch < base) {
            let path = self.manifest.dir.join(entry.to_string());
            if !is_old(&self.manifest.storage, &path)? {
                break;
            }
            self.manifest.storage.remove(&path)?;
            entries.pop_first();
        }
        let mut finder = Finder::new(&self.manifest);
        let oldest = entries.first().map_or(0, |entry| entry.batch);
        for (batch, note) in self.notes()?.into_iter().filter(|(batch, _)| *batch <= oldest) {
            for status in self.superseded(batch, &note)? {
                // A copy of the directory lists the original's files, which are the original's to remove.
                let path = status.path_in(&self.manifest.storage);
                let path = path.map(|path| finder.find(path)).transpose()?;
                let path = path.filter(|path| is_in(&self.manifest.data, path));
                let name = path.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
                if let (Some(path), Some(_)) = (&path, name.and_then(|name| batch_of(self.query, name))) {
                    self.manifest.storage.remove(path)?;
                }
            }
            self.manifest.storage.remove(&note)?;
        }
        Ok(())
    }

    /// The files of a note, but for those that are in the result all the same: in a store the note may be of a run that has lost the entry to
    /// another one.
    fn superseded(&self, batch: u64, note: &Path) -> Result<Vec<FileStatus>> {
        let mut files = BTreeMap::new();
        self.manifest.read_lines(note, &note_name(batch), |_, status| {
            files.insert(status.path.clone(), status);
            Ok(())
        })?;
        if !matches!(self.manifest.storage, Storage::Disk) {
            for entry in self.manifest.chain(&self.manifest.list()?)? {
                self.manifest.read(entry, |_, status| {
                    files.remove(&status.path);
                    Ok(())
                })?;
            }
        }
        Ok(files.into_values().collect())
    }

    fn notes(&self) -> Result<Vec<(u64, PathBuf)>> {
        let files = self.manifest.storage.list(&self.manifest.dir)?;
        let notes = files.iter().filter_map(|file| {
            let batch = file.name.to_str()?.strip_prefix('.')?.strip_suffix(".merged")?.parse().ok()?;
            Some((batch, self.manifest.dir.join(&file.name)))
        });
        Ok(notes.collect())
    }
}

fn note_name(batch: u64) -> String {
    format!(".{batch}.merged")
}

fn is_old(storage: &Storage, path: &Path) -> Result<bool> {
    let modified = storage.status(path)?.and_then(|file| file.modified);
    Ok(modified.is_some_and(|modified| {
        SystemTime::now().duration_since(modified).is_ok_and(|age| age >= AGE_RETAINED)
    }))
}
