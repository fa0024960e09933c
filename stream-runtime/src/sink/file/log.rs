//! [`Log`]: the manifest of a directory that this run writes.
//!
//! A batch is in the result from the instant that its entry appears, whole and durable; no entry is ever
//! changed. The directory is claimed for one query, and locked for one run of it.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use uuid::Uuid;

use super::claim::Claim;
use super::compaction::{Compaction, Upkeep};
use super::format::FileFormat;
use super::manifest::{EntryName, Listing, Manifest, VERSION};
use super::part::{Written, batch_of};
use crate::error::{Error, Result};
use crate::storage::{Created, Storage};

/// Each so many batches the entry is compact. Spark's default, and what its reader takes from the names.
pub(super) const COMPACT_EVERY: u64 = 10;

/// A directory that is claimed for a query, and for this run of it.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) manifest: Manifest,
    pub(super) query: Uuid,
    pub(super) upkeep: Upkeep,
    /// The first batch whose files this run has written itself.
    pub(super) first_own: u64,
    /// Parts in a store that a crash may have left, and the batches whose entries will tell.
    pub(super) undecided: Mutex<Vec<(u64, PathBuf)>>,
    claim: Claim,
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
    /// Claims `dir` for the query, which goes on with the batch `first`, the one that an earlier run has begun if it is `replayed`, and
    /// removes what a crash has left there. A query that is refused changes nothing.
    pub(super) fn open(
        (storage, dir): (Storage, PathBuf),
        query: Uuid,
        (first, replayed): (u64, bool),
        upkeep: Upkeep,
    ) -> Result<(Self, State)> {
        let manifest = Manifest::of(storage, &dir)?;
        manifest.storage.create_dirs(&manifest.dir)?;
        let mut claim = Claim::open(&manifest)?;
        let turn = claim.turn();
        let _turn = turn.hold(&manifest)?;
        let mut listing = manifest.list()?;
        let is_new = listing.entries.is_empty();
        claim.look(&manifest, query, is_new)?;
        let undecided = Mutex::default();
        let mut log = Self { manifest, query, upkeep, first_own: 0, undecided, claim };
        let (mut state, mut listed) = log.read(&listing)?;
        log.check_last(state.last, first, replayed)?;
        log.check_parts(state.last, first)?;
        log.claim.take(&log.manifest, query, is_new)?;
        // What another run has added up to now is there, and it adds no more.
        let now = log.manifest.list()?;
        if now.entries != listing.entries {
            (state, listed) = log.read(&now)?;
            log.check_last(state.last, first, replayed)?;
        }
        listing = now;
        log.first_own = state.last.map_or(0, |last| last + 1);
        listing.unfinished.iter().try_for_each(|path| log.manifest.storage.remove(path))?;
        log.remove_leftovers(state.last, &listed, first)?;
        // An entry that a crash kept from being synced counts from now on.
        log.manifest.storage.sync_dir(&log.manifest.dir)?;
        log.manifest.storage.sync_dir(&log.manifest.data)?;
        Ok((log, state))
    }

    /// What the directory holds, and the names of this query's parts that its last entry lists of its batch.
    fn read(&self, listing: &Listing) -> Result<(State, BTreeSet<String>)> {
        // Entries that list nothing may have listed what is past its retention.
        let has_files = self.upkeep.retention.is_some() && !listing.entries.is_empty();
        let mut state = State { last: None, has_files };
        let mut listed = BTreeSet::new();
        for entry in self.manifest.chain(listing)? {
            listed.clear();
            self.manifest.read(entry, |_, status| {
                state.has_files = true;
                let name = status.path.rsplit('/').next().unwrap_or_default();
                if batch_of(self.query, name) == Some(entry.batch) {
                    listed.insert(name.to_owned());
                }
                Ok(())
            })?;
            state.last = Some(entry.batch);
        }
        Ok((state, listed))
    }

    /// Fails if the query plans a batch anew that has an entry already.
    fn check_last(&self, last: Option<u64>, first: u64, replayed: bool) -> Result<()> {
        let Some(last) = last.filter(|last| *last > first || *last == first && !replayed) else {
            return Ok(());
        };
        Err(self.manifest.error(format_args!(
            "the directory has results up to batch {last}, and the query goes on with batch {first}, which it plans anew: its checkpoint is older than its output, and other rows would pass for those already here; go on with the checkpoint that wrote them, or write to an empty directory"
        )))
    }

    /// The data's directory, absolute, or its key.
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
        let compaction =
            if is_compact(batch) { Some(Compaction::prepare(self, format, batch)?) } else { None };
        let turn = self.claim.turn();
        let held = turn.hold(&self.manifest)?;
        let Some(mut compaction) = compaction else {
            let next = last.map_or(0, |last| last + 1);
            // A reader begins at the last compact entry.
            let first = (batch / COMPACT_EVERY * COMPACT_EVERY).saturating_sub(1);
            for skipped in next.max(first)..batch {
                let skipped = EntryName { batch: skipped, is_compact: is_compact(skipped) };
                self.create(skipped, Vec::new(), |_| Ok(()))?;
            }
            self.create(EntryName { batch, is_compact: false }, files, |_| Ok(()))?;
            drop(held);
            return self.remove_decided(batch);
        };
        if !compaction.superseded.is_empty() {
            // Merging has taken its time.
            self.claim.check(&self.manifest)?;
            self.note_superseded(batch, &compaction.superseded)?;
        }
        let mut all = std::mem::take(&mut compaction.merged);
        all.append(&mut files);
        self.create(EntryName { batch, is_compact: true }, all, |out| {
            for entry in &compaction.chain {
                self.manifest.read(*entry, |line, status| {
                    if compaction.keeps(&status) { write_line(out, line, &self.manifest.dir) } else { Ok(()) }
                })?;
            }
            Ok(())
        })?;
        drop(held);
        self.remove_decided(batch)?;
        self.remove_superfluous(batch);
        Ok(())
    }

    /// Creates an entry of earlier lines and those of the files, which are kept.
    fn create(
        &self,
        entry: EntryName,
        files: Vec<Written>,
        earlier: impl FnOnce(&mut dyn Write) -> Result<()>,
    ) -> Result<()> {
        let created = self.manifest.storage.create_whole(&self.manifest.dir, &entry.to_string(), |out| {
            out.write_all(VERSION.as_bytes())
                .map_err(|error| Error::io("writing an entry of", &self.manifest.dir, error))?;
            earlier(out)?;
            for file in &files {
                write_line(out, &file.status.line()?, &self.manifest.dir)?;
            }
            // In a store nothing but the request that creates the entry comes after this look.
            self.claim.check(&self.manifest)?;
            files.into_iter().try_for_each(Written::keep)
        })?;
        match created {
            Created::Now => Ok(()),
            Created::Before => {
                self.claim.dispute(entry.batch)?;
                Err(self.manifest.error(format_args!(
                    "batch {} has an entry in the manifest that this run didn't write: something else is writing to the directory; give each sink a directory of its own",
                    entry.batch
                )))
            }
        }
    }
}

fn is_compact(batch: u64) -> bool {
    batch % COMPACT_EVERY == COMPACT_EVERY - 1
}

pub(super) fn write_line(out: &mut dyn Write, line: &str, dir: &Path) -> Result<()> {
    // No line end after the last line: that is how Spark writes it.
    out.write_all(b"\n")
        .and_then(|()| out.write_all(line.as_bytes()))
        .map_err(|error| Error::io("writing an entry of", dir, error))
}
