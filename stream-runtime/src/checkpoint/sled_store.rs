//! [`SledStore`]: a checkpoint on disk.
//!
//! A batch's plan and a batch's commit are each one atomic write to the current generation's database, durable on
//! return. When the changes outgrow the snapshot that they build on, a thread [folds](super::fold) both into the next
//! generation, and a later commit switches over; so disk use stays within a small multiple of the live state.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::plan::{OperatorChanges, StateEntry};
use crate::source::LogEntry;
use crate::state::codec;

use super::directory::Directory;
use super::generation::{Generation, damaged};
use super::live::{CommitRecord, LiveState, Snapshot};
use super::sequence::{Admitted, NOT_INITIALIZED, other_plan};
use super::tip::Tip;
use super::writer::{Writer, pack};
use super::{BatchPlan, Commit, Fingerprint, Metadata, Recovered, StateStore, key, record};

/// How many batches' plans are kept, as Spark's `minBatchesToRetain`.
pub(super) const RETAINED_PLANS: u64 = 100;
/// Changes up to this size aren't worth folding.
const FOLD_BYTES: u64 = 4 << 20;

/// A checkpoint in a directory of its own.
///
/// Opening it locks the directory; a second process gets an error until the store is dropped. Dropping waits for a fold
/// in progress, so that a query that runs a few batches a day gets its folds done too.
pub struct SledStore {
    pub(super) root: PathBuf,
    pub(super) writer: Mutex<Writer>,
    pub(super) options: Options,
    // Dropped after the database is: notes that it is closed.
    pub(super) tip: Mutex<Tip>,
    // Dropped last: the lock outlives every use of the files.
    pub(super) directory: Arc<Directory>,
}

/// What tests set.
#[doc(hidden)]
pub struct Options {
    /// Changes up to this size aren't worth folding.
    pub fold_bytes: u64,
    /// Hears of each step of the switch from one generation to the next.
    pub observer: Box<dyn Fn(Step) + Send + Sync>,
}

impl Default for Options {
    fn default() -> Self {
        Self { fold_bytes: FOLD_BYTES, observer: Box::new(|_| {}) }
    }
}

/// A step of the switch from one generation to the next.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    FoldStarted,
    Folded,
    CarriedOver,
    PointerWritten,
    Switched,
}

impl std::fmt::Debug for SledStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SledStore").field("root", &self.root).finish_non_exhaustive()
    }
}

impl SledStore {
    /// Opens the checkpoint at `path`, or creates it.
    ///
    /// # Errors
    ///
    /// [`Error::Checkpoint`] if another process uses it, if it is damaged or of a newer format, or if the directory
    /// holds something else; [`Error::Io`] if it can't be read or written.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, Options::default())
    }

    /// As [`open`](Self::open), for tests.
    #[doc(hidden)]
    pub fn open_with(path: impl AsRef<Path>, options: Options) -> Result<Self> {
        let root = path.as_ref();
        let directory = Arc::new(Directory::lock(root)?);
        let (generation, mut tip) = match directory.current()? {
            Some(number) => {
                let path = directory.generation(number);
                if !path.join("db").is_file() {
                    return Err(damaged(root, format!("generation {number} is missing")));
                }
                let tip = Tip::open(root, path.clone())?;
                (Generation::open(root, path, number)?, tip)
            }
            None => (create(&directory)?, Tip::open(root, directory.generation(0))?),
        };
        let writer = Writer::read(root, generation)?;
        tip.check(writer.sequence.planned, writer.sequence.committed.map(|commit| commit.batch))?;
        directory.remove_leftovers(writer.generation.number)?;
        Ok(Self {
            root: root.to_owned(),
            writer: Mutex::new(writer),
            options,
            tip: Mutex::new(tip),
            directory,
        })
    }

    pub(super) fn tip(&self) -> MutexGuard<'_, Tip> {
        self.tip.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what is durable now.
    fn note(&self, writer: &Writer) -> Result<()> {
        self.tip().note(writer.sequence.planned, writer.sequence.committed.map(|commit| commit.batch))
    }

    pub(super) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refused(&self, message: impl std::fmt::Display) -> Error {
        Error::checkpoint(&self.root, message)
    }

    pub(super) fn observe(&self, step: Step) {
        (self.options.observer)(step);
    }
}

/// The first generation. It is complete before the pointer to it is written, so an interrupted start can be repeated.
fn create(directory: &Directory) -> Result<Generation> {
    let generation = Generation::open(directory.root(), directory.generation(0), 0)?;
    if !generation.is_empty() && generation.records_of(key::METADATA).next().is_some() {
        return Err(damaged(directory.root(), "its `CURRENT` file is missing"));
    }
    let described = codec::encode(&Snapshot::default())?;
    let mut batch = sled::Batch::default();
    record::for_each_part(&described, |part, bytes| batch.insert(key::snapshot(part), bytes));
    generation.write(batch)?;
    directory.prepare_current(0)?;
    directory.switch_current()?;
    Ok(generation)
}

impl StateStore for SledStore {
    fn location(&self) -> PathBuf {
        self.root.clone()
    }

    fn metadata(&self) -> Result<Option<Metadata>> {
        Ok(self.writer().metadata.clone())
    }

    fn initialize(&self, metadata: &Metadata) -> Result<()> {
        let mut writer = self.writer();
        if writer.metadata.is_some() {
            return Err(self.refused("has been initialized already"));
        }
        writer.write_metadata(&self.root, metadata.clone())
    }

    fn update_fingerprint(&self, fingerprint: &Fingerprint) -> Result<()> {
        let mut writer = self.writer();
        let Some(mut metadata) = writer.metadata.clone() else {
            return Err(self.refused(NOT_INITIALIZED));
        };
        metadata.fingerprint = fingerprint.clone();
        writer.write_metadata(&self.root, metadata)
    }

    fn recover(&self) -> Result<Recovered> {
        let writer = self.writer();
        Ok(Recovered {
            plans: writer.plans()?,
            commit: writer.sequence.committed,
            source_logs: writer.source_logs()?,
        })
    }

    fn load(&self, operator: usize, visit: &mut dyn FnMut(StateEntry<'_>) -> Result<()>) -> Result<()> {
        let (generation, snapshot, key_groups, through) = {
            let writer = self.writer();
            let Some(metadata) = &writer.metadata else { return Ok(()) };
            let through = writer.sequence.committed.map(|commit| commit.batch);
            (Arc::clone(&writer.generation), writer.snapshot.clone(), metadata.key_groups, through)
        };
        LiveState::new(&generation, &snapshot, key_groups, through)?.for_each(operator, &mut |_, entry| {
            visit(StateEntry { bucket: entry.bucket, key: entry.key, value: entry.value.unwrap_or_default() })
        })
    }

    fn write_plan(&self, plan: &BatchPlan, logs: &[(usize, LogEntry)]) -> Result<()> {
        let mut writer = self.writer();
        if writer.metadata.is_none() {
            return Err(self.refused(NOT_INITIALIZED));
        }
        let encoded = serde_json::to_vec(plan).map_err(|error| {
            Error::Other(format!("the plan of batch {} can't be encoded: {error}", plan.batch).into())
        })?;
        if writer.sequence.admit_plan(plan.batch).map_err(|why| self.refused(why))? == Admitted::Existing {
            let (from, to) = (key::plan(plan.batch, 0), key::plan(plan.batch + 1, 0));
            let existing = writer.generation.records(from, to).next().transpose()?;
            return match existing {
                Some((_, existing)) if existing == encoded => Ok(()),
                _ => Err(self.refused(other_plan(plan))),
            };
        }
        let mut batch = sled::Batch::default();
        if let Some(before) = plan.batch.checked_sub(RETAINED_PLANS) {
            writer.remove_keys(&mut batch, key::plan(0, 0), key::plan(before + 1, 0))?;
        }
        for (index, (source, entry)) in logs.iter().enumerate() {
            let (Ok(source), Ok(index)) = (u16::try_from(*source), u16::try_from(index)) else {
                return Err(self.refused(format!("can't keep {} log entries of source {source}", logs.len())));
            };
            let bytes = match entry {
                LogEntry::Append(bytes) => bytes,
                LogEntry::Replace(bytes) => {
                    writer.remove_keys(
                        &mut batch,
                        key::log(source, 0, 0, 0),
                        key::log(source, u64::MAX, 0, 0),
                    )?;
                    bytes
                }
            };
            record::for_each_part(bytes, |part, bytes| {
                batch.insert(key::log(source, plan.batch, index, part), bytes);
            });
        }
        record::for_each_part(&encoded, |part, bytes| batch.insert(key::plan(plan.batch, part), bytes));
        writer.write(&self.root, batch)?;
        writer.sequence.planned = Some(plan.batch);
        for (source, entry) in logs {
            writer.count_log(*source, entry);
        }
        self.note(&writer)
    }

    fn write_commit(&self, commit: &Commit, changes: Vec<OperatorChanges>) -> Result<()> {
        let mut writer = self.writer();
        let Some(key_groups) = writer.metadata.as_ref().map(|metadata| metadata.key_groups) else {
            return Err(self.refused(NOT_INITIALIZED));
        };
        writer.sequence.admit_commit(commit.batch).map_err(|why| self.refused(why))?;
        self.switch_if_folded(&mut writer)?;
        let mut batch = sled::Batch::default();
        let mut record = CommitRecord { commit: *commit, operators: Vec::with_capacity(changes.len()) };
        for (operator, changes) in changes.iter().enumerate() {
            let mut put = |number, sequence, packed: &[u8]| {
                record::for_each_part(packed, |part, bytes| {
                    batch.insert(key::delta(commit.batch, number, sequence, part), bytes);
                });
                Ok(())
            };
            let delta = pack(operator, changes, key_groups, &mut put).map_err(|why| self.refused(why))?;
            record.operators.push(delta);
        }
        let bytes = record.bytes();
        let encoded = codec::encode(&record)?;
        record::for_each_part(&encoded, |part, bytes| batch.insert(key::commit(commit.batch, part), bytes));
        drop(changes);
        writer.reserve(&record)?;
        writer.write(&self.root, batch)?;
        writer.sequence.committed = Some(*commit);
        writer.changed_bytes += bytes;
        self.note(&writer)?;
        if let Some(fold) = &writer.fold {
            fold.committed(commit.batch);
        }
        self.fold_if_due(&mut writer)
    }

    fn disk_bytes(&self) -> u64 {
        self.directory.disk_bytes()
    }
}
