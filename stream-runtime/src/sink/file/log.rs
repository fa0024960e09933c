//! [`Log`]: the manifest of a directory that this run writes.
//!
//! A batch is in the result from the instant that its entry appears, whole and durable; no entry is ever
//! changed. The directory is claimed for one query, and locked for one run of it.

use std::fs::{File, TryLockError};
use std::io::{BufWriter, ErrorKind, Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::cleanup::remove;
use super::compaction::{Compaction, Upkeep};
use super::durable::{Created, create_dirs, create_whole, sync_dir};
use super::format::FileFormat;
use super::manifest::{EntryName, Manifest, VERSION, description};
use super::part::Written;
use crate::error::{Error, Result};

/// Says which query a directory's batch ids belong to.
const CLAIM: &str = "_stream_query.json";
/// How long a run waits for the last write of the run before it, if that was abandoned.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// Each so many batches the entry is compact. Spark's default, and what its reader takes from the names.
pub(super) const COMPACT_EVERY: u64 = 10;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claim {
    version: u32,
    query_id: Uuid,
}

/// A claimed and locked directory.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) manifest: Manifest,
    pub(super) query: Uuid,
    pub(super) upkeep: Upkeep,
    /// The first batch whose files this run has written itself.
    pub(super) first_own: u64,
    /// Held, not read: closing it releases the lock.
    _lock: File,
}

/// What a [`Log`] holds when it is opened.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct State {
    /// The last batch that has an entry.
    pub(super) last: Option<u64>,
    /// Whether any file is listed, or was.
    pub(super) has_files: bool,
}

impl Log {
    /// Claims `dir` for the query, which goes on with the batch `first`, and removes what a crash has left there.
    pub(super) fn open(dir: &Path, query: Uuid, first: u64, upkeep: Upkeep) -> Result<(Self, State)> {
        let manifest = Manifest::of(dir)?;
        create_dirs(&manifest.dir)?;
        let mut lock = lock(&manifest.data, LOCK_PATIENCE)?;
        let listing = manifest.list()?;
        claim(&manifest, &mut lock, query, listing.entries.is_empty())?;
        let mut log = Self { manifest, query, upkeep, first_own: 0, _lock: lock };

        // Entries that list nothing may have listed what is past its retention.
        let has_files = upkeep.retention.is_some() && !listing.entries.is_empty();
        let mut state = State { last: None, has_files };
        for entry in log.manifest.chain(&listing)? {
            log.manifest.read(entry, |_, _| {
                state.has_files = true;
                Ok(())
            })?;
            state.last = Some(entry.batch);
        }
        log.first_own = state.last.map_or(0, |last| last + 1);
        log.check_parts(state.last, first)?;
        listing.unfinished.iter().try_for_each(|path| remove(path))?;
        log.remove_leftovers(state.last, first)?;
        // An entry that a crash kept from being synced counts from now on.
        sync_dir(&log.manifest.dir)?;
        sync_dir(&log.manifest.data)?;
        Ok((log, state))
    }

    /// The data's directory, absolute.
    pub(super) fn data_dir(&self) -> &Path {
        &self.manifest.data
    }

    /// Adds a batch to the result, with its files.
    ///
    /// Batches come in order, each once. If some before it have no entry they get empty ones, as far as a reader
    /// looks for them.
    pub(super) fn publish<F: FileFormat>(
        &self,
        format: &F,
        batch: u64,
        last: Option<u64>,
        mut files: Vec<Written>,
    ) -> Result<()> {
        if !is_compact(batch) {
            let next = last.map_or(0, |last| last + 1);
            // A reader begins at the last compact entry.
            let first = (batch / COMPACT_EVERY * COMPACT_EVERY).saturating_sub(1);
            for skipped in next.max(first)..batch {
                self.create(EntryName { batch: skipped, is_compact: is_compact(skipped) }, |_| Ok(()))?;
            }
            let lines = kept(files)?;
            return self.create(EntryName { batch, is_compact: false }, |out| self.write_lines(out, &lines));
        }
        let mut compaction = Compaction::prepare(self, format, batch)?;
        self.note_superseded(batch, &compaction.superseded)?;
        let mut all = std::mem::take(&mut compaction.merged);
        all.append(&mut files);
        let lines = kept(all)?;
        self.create(EntryName { batch, is_compact: true }, |out| {
            for entry in &compaction.chain {
                self.manifest.read(*entry, |line, status| {
                    if compaction.keeps(&status) { write_line(out, line, &self.manifest.dir) } else { Ok(()) }
                })?;
            }
            self.write_lines(out, &lines)
        })?;
        self.remove_superfluous(batch);
        Ok(())
    }

    fn write_lines(&self, out: &mut BufWriter<File>, lines: &[String]) -> Result<()> {
        lines.iter().try_for_each(|line| write_line(out, line, &self.manifest.dir))
    }

    fn create(&self, entry: EntryName, lines: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
        let created = create_whole(&self.manifest.dir, &entry.to_string(), |out| {
            out.write_all(VERSION.as_bytes())
                .map_err(|error| Error::io("writing an entry of", &self.manifest.dir, error))?;
            lines(out)
        })?;
        match created {
            Created::Now => Ok(()),
            Created::Before => Err(Error::sink(
                description(&self.manifest.data),
                format_args!(
                    "batch {} has an entry in the manifest that this run didn't write: something else is writing to the directory; give each sink a directory of its own",
                    entry.batch
                ),
            )),
        }
    }
}

/// Keeps the files, and gives the lines about them.
fn kept(files: Vec<Written>) -> Result<Vec<String>> {
    files.into_iter().map(|file| file.keep()?.line()).collect()
}

fn is_compact(batch: u64) -> bool {
    batch % COMPACT_EVERY == COMPACT_EVERY - 1
}

pub(super) fn write_line(out: &mut impl Write, line: &str, dir: &Path) -> Result<()> {
    // No line end after the last line: that is how Spark writes it.
    out.write_all(b"\n")
        .and_then(|()| out.write_all(line.as_bytes()))
        .map_err(|error| Error::io("writing an entry of", dir, error))
}

/// Opens the claim and locks it.
fn lock(data: &Path, patience: Duration) -> Result<File> {
    let path = data.join(CLAIM);
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| Error::io("opening", &path, error))?;
    let since = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if since.elapsed() < patience => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Error::sink(
                    description(data),
                    "another sink is writing to the directory; give each sink a directory of its own",
                ));
            }
            // Some network file systems have no locks; the checkpoint has its own.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(Error::io("locking", path, error)),
        }
    }
}

/// Makes sure that the batch ids in the manifest are this query's.
fn claim(manifest: &Manifest, file: &mut File, query: Uuid, is_new: bool) -> Result<()> {
    let path = manifest.data.join(CLAIM);
    let mut text = Vec::new();
    file.read_to_end(&mut text).map_err(|error| Error::io("reading", &path, error))?;
    let owner = serde_json::from_slice::<Claim>(&text).ok().map(|claim| claim.query_id);
    if owner == Some(query) {
        return Ok(());
    }
    if !is_new {
        let owner = owner.map_or("another program".to_owned(), |id| format!("the query {id}"));
        return Err(Error::sink(
            description(&manifest.data),
            format_args!(
                "the directory holds the results of {owner}, and this is the query {query}: its batches count from 0 again and would pass for those already written; write to an empty directory, or go on with the old checkpoint"
            ),
        ));
    }
    let claim = serde_json::to_vec(&Claim { version: 1, query_id: query })
        .map_err(|error| Error::Other(error.into()))?;
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(&claim))
        .and_then(|()| file.sync_all())
        .map_err(|error| Error::io("writing", &path, error))?;
    sync_dir(&manifest.data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_locked_until_its_run_has_ended() {
        let dir = tempfile::tempdir().unwrap();
        let first = lock(dir.path(), Duration::ZERO).unwrap();
        let error = lock(dir.path(), Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains("another sink is writing to the directory"), "{error}");
        drop(first);
        lock(dir.path(), Duration::ZERO).unwrap();
    }
}
