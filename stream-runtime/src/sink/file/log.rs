//! [`Log`]: the manifest of a directory that this run writes.
//!
//! A batch is in the result from the instant that its entry appears, whole and durable; no entry is ever
//! changed. The directory is claimed for one query, and locked for one run of it.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io::{BufWriter, ErrorKind, Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::durable::{Created, create_dirs, create_whole, sync_dir};
use super::manifest::{EntryName, Manifest, VERSION, description};
use super::part::part_of;
use super::status::FileStatus;
use crate::error::{Error, Result};

/// Says which query a directory's batch ids belong to.
const CLAIM: &str = "_stream_query.json";
/// How long a run waits for the last write of the run before it, if that was abandoned.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// Each so many batches the entry is compact. Spark's default, and what its reader takes from the names.
const COMPACT_EVERY: u64 = 10;
/// Entries that are in a compact one are kept for so many batches more, …
const BATCHES_RETAINED: u64 = 100;
/// … and for so long: a slow reader may still be at them.
const AGE_RETAINED: Duration = Duration::from_secs(10 * 60);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claim {
    version: u32,
    query_id: Uuid,
}

/// A claimed and locked directory.
#[derive(Debug)]
pub(super) struct Log {
    manifest: Manifest,
    query: Uuid,
    /// Held, not read: closing it releases the lock.
    _lock: File,
}

/// What a [`Log`] holds when it is opened.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct State {
    /// The last batch that has an entry.
    pub(super) last: Option<u64>,
    /// Whether any file is listed.
    pub(super) has_files: bool,
}

impl Log {
    /// Claims `dir` for the query and removes what a crash has left there.
    pub(super) fn open(dir: &Path, query: Uuid) -> Result<(Self, State)> {
        let manifest = Manifest::of(dir)?;
        create_dirs(&manifest.dir)?;
        let mut lock = lock(&manifest.data, LOCK_PATIENCE)?;
        let listing = manifest.list()?;
        claim(&manifest, &mut lock, query, listing.entries.is_empty())?;
        let log = Self { manifest, query, _lock: lock };

        let mut state = State::default();
        let mut listed = HashSet::new();
        for entry in log.manifest.chain(&listing)? {
            log.manifest.read(entry, |_, status| {
                state.has_files = true;
                listed.extend(status.path.rsplit('/').next().and_then(|name| part_of(query, name)));
                Ok(())
            })?;
            state.last = Some(entry.batch);
        }
        listing.unfinished.iter().try_for_each(|path| remove(path))?;
        log.remove_parts_not_in(&listed)?;
        // An entry that a crash kept from being synced counts from now on.
        sync_dir(&log.manifest.dir)?;
        sync_dir(&log.manifest.data)?;
        Ok((log, state))
    }

    /// The data's directory, absolute.
    pub(super) fn data_dir(&self) -> &Path {
        &self.manifest.data
    }

    pub(super) fn query(&self) -> Uuid {
        self.query
    }

    /// Adds a batch to the result, with its file if it has rows.
    ///
    /// Batches come in order, each once. If some before it have no entry they get empty ones, as far as a reader
    /// looks for them.
    pub(super) fn publish(&self, batch: u64, last: Option<u64>, file: Option<&FileStatus>) -> Result<()> {
        let next = last.map_or(0, |last| last + 1);
        let is_compact = is_compact(batch);
        if !is_compact {
            // A reader begins at the last compact entry.
            let first = (batch / COMPACT_EVERY * COMPACT_EVERY).saturating_sub(1);
            for skipped in next.max(first)..batch {
                self.create(EntryName { batch: skipped, is_compact: self::is_compact(skipped) }, |_| Ok(()))?;
            }
        }
        self.create(EntryName { batch, is_compact }, |out| {
            if is_compact {
                for entry in self.manifest.chain(&self.manifest.list()?)? {
                    self.manifest.read(entry, |line, _| write_line(out, line, &self.manifest.dir))?;
                }
            }
            match file {
                None => Ok(()),
                Some(status) => {
                    let line = serde_json::to_string(status).map_err(|error| Error::Other(error.into()))?;
                    write_line(out, &line, &self.manifest.dir)
                }
            }
        })?;
        if is_compact {
            self.remove_superfluous(batch);
        }
        Ok(())
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

    /// Removes files that only an attempt which was never committed can have written.
    fn remove_parts_not_in(&self, listed: &HashSet<Uuid>) -> Result<()> {
        let failed = |error| Error::io("listing", &self.manifest.data, error);
        for file in fs::read_dir(&self.manifest.data).map_err(failed)? {
            let file = file.map_err(failed)?;
            let part = file.file_name().to_str().and_then(|name| part_of(self.query, name));
            if part.is_some_and(|part| !listed.contains(&part)) {
                remove(&file.path())?;
            }
        }
        Ok(())
    }

    /// Removes old entries that a newer compact one holds. Nobody needs them gone, so a failure is no error.
    fn remove_superfluous(&self, batch: u64) {
        let retained = (batch + 1).saturating_sub(BATCHES_RETAINED);
        let Some(base) = (retained / COMPACT_EVERY * COMPACT_EVERY).checked_sub(1) else { return };
        let old = match self.manifest.list() {
            Ok(listing) => {
                listing.entries.into_iter().take_while(|entry| entry.batch < base).collect::<Vec<_>>()
            }
            Err(_) => return,
        };
        for path in old.iter().map(|entry| self.manifest.dir.join(entry.to_string())) {
            let age = fs::metadata(&path).and_then(|file| file.modified()).ok();
            let is_old = age.is_some_and(|modified| {
                SystemTime::now().duration_since(modified).is_ok_and(|age| age >= AGE_RETAINED)
            });
            if is_old && let Err(error) = fs::remove_file(&path) {
                tracing::warn!("an old manifest entry stays: removing `{}` failed: {error}", path.display());
            }
        }
    }
}

fn is_compact(batch: u64) -> bool {
    batch % COMPACT_EVERY == COMPACT_EVERY - 1
}

fn write_line(out: &mut impl Write, line: &str, dir: &Path) -> Result<()> {
    // No line end after the last line: that is how Spark writes it.
    out.write_all(b"\n")
        .and_then(|()| out.write_all(line.as_bytes()))
        .map_err(|error| Error::io("writing an entry of", dir, error))
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("removing", path, error)),
        _ => Ok(()),
    }
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
