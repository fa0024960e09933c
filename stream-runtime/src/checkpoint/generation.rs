//! [`Generation`]: one sled database of a checkpoint.
//!
//! sled 0.34's `flush` hands the data to the disk without asking the disk to keep it, so each write is followed by
//! an fsync of the database file. Values stay far below a quarter of a segment, above which sled would move
//! them, and the tree's nodes that hold them, into files of their own that it neither syncs nor gives back.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write;
use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sled::IVec;

use crate::error::{Error, Result};

use super::directory::sync_directory;
use super::record::{self, Assembly};

/// A leaf of sled's tree holds up to 17 values before it splits: a quarter of this has to hold them.
const SEGMENT_BYTES: usize = 4 << 20;
const CACHE_BYTES: u64 = 32 << 20;
/// How many values are copied from one generation to the next at a time.
const COPIED_VALUES: usize = 256;
/// sled lets go of its own lock some time after its handle is dropped.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// One sled database.
pub(super) struct Generation {
    pub(super) number: u64,
    /// The checkpoint's directory, for messages.
    root: PathBuf,
    path: PathBuf,
    database: sled::Db,
    /// A handle of our own to sled's file, for fsync.
    file: File,
    blobs: Mutex<BTreeSet<OsString>>,
}

impl Generation {
    /// Opens the database at `path`, or creates it, durably.
    pub(super) fn open(root: &Path, path: PathBuf, number: u64) -> Result<Self> {
        let started = Instant::now();
        let database = loop {
            let config = sled::Config::new()
                .path(&path)
                .segment_size(SEGMENT_BYTES)
                .cache_capacity(CACHE_BYTES)
                .flush_every_ms(None)
                .mode(sled::Mode::HighThroughput);
            match guarded(root, || config.open()) {
                // Nobody else can hold sled's lock: the directory's lock is ours.
                Err(Error::Checkpoint { message, .. })
                    if message.contains("could not acquire lock") && started.elapsed() < LOCK_PATIENCE =>
                {
                    std::thread::sleep(Duration::from_millis(1));
                }
                opened => break opened?,
            }
        };
        let file_path = path.join("db");
        let file = File::open(&file_path).map_err(|error| Error::io("opening", &file_path, error))?;
        let generation =
            Self { number, root: root.to_owned(), path, database, file, blobs: Mutex::default() };
        generation.sync_everything()?;
        Ok(generation)
    }

    /// Whether the database holds nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.database.is_empty()
    }

    /// Writes a batch atomically; durable on return.
    pub(super) fn write(&self, batch: sled::Batch) -> Result<()> {
        guarded(&self.root, || self.database.apply_batch(batch))?;
        self.sync()
    }

    /// As [`write`](Self::write); durable only after [`sync`](Self::sync).
    #[cfg(feature = "object-store")]
    pub(super) fn apply(&self, batch: sled::Batch) -> Result<()> {
        guarded(&self.root, || self.database.apply_batch(batch))
    }

    /// Writes one value; durable only after [`sync`](Self::sync).
    pub(super) fn stage(&self, key: Vec<u8>, value: impl Into<IVec>) -> Result<()> {
        guarded(&self.root, || self.database.insert(key, value)).map(|_| ())
    }

    /// Makes room for values that are going to be written in the order of these keys. They stay invisible until
    /// then.
    ///
    /// A leaf of sled's tree is split when it holds 17 entries, and written whole when it has been changed ten times. Made with
    /// empty values first, leaves are split while that costs nothing: writing many values then takes about
    /// their size instead of twice that, in less than half the time.
    pub(super) fn reserve(&self, keys: impl Iterator<Item = Vec<u8>>) -> Result<()> {
        keys.into_iter().try_for_each(|key| {
            let empty: &[u8] = &[];
            guarded(&self.root, || self.database.compare_and_swap(&key, None::<&[u8]>, Some(empty))).map(drop)
        })
    }

    /// Takes back what was reserved and never written.
    pub(super) fn release(&self, keys: impl Iterator<Item = Vec<u8>>) -> Result<()> {
        keys.into_iter().try_for_each(|key| {
            let empty: &[u8] = &[];
            guarded(&self.root, || self.database.compare_and_swap(&key, Some(empty), None::<&[u8]>)).map(drop)
        })
    }

    /// Makes everything written so far durable.
    pub(super) fn sync(&self) -> Result<()> {
        guarded(&self.root, || self.database.flush())?;
        self.sync_blobs()?;
        self.file.sync_data().map_err(|error| Error::io("syncing", self.path.join("db"), error))
    }

    /// Syncs the files that sled has moved values into, if there are any that weren't there before.
    fn sync_blobs(&self) -> Result<()> {
        let directory = self.path.join("blobs");
        let failed = |error| Error::io("syncing", &directory, error);
        let mut known = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut created = false;
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            if !known.contains(&name) {
                match File::open(directory.join(&name)) {
                    Ok(file) => file.sync_all().map_err(failed)?,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(failed(error)),
                }
                known.insert(name);
                created = true;
            }
        }
        if created { sync_directory(&directory) } else { Ok(()) }
    }

    /// Syncs every file and directory: after opening, when sled may have created or rewritten any of them.
    fn sync_everything(&self) -> Result<()> {
        self.sync()?;
        let failed = |error| Error::io("syncing", &self.path, error);
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_type().map_err(failed)?.is_file() {
                File::open(entry.path()).and_then(|file| file.sync_all()).map_err(failed)?;
            }
        }
        sync_directory(&self.path.join("blobs"))?;
        sync_directory(&self.path)?;
        sync_directory(&self.root)
    }

    /// Bytes of the database's files.
    pub(super) fn disk_bytes(&self) -> u64 {
        let sizes = |path: &Path| -> u64 {
            let Ok(entries) = fs::read_dir(path) else { return 0 };
            let files = entries.filter_map(|entry| entry.ok()?.metadata().ok());
            files.filter(fs::Metadata::is_file).map(|found| found.len()).sum()
        };
        sizes(&self.path) + sizes(&self.path.join("blobs"))
    }

    /// Keys and values that have been written, from `from` up to but not including `to`.
    pub(super) fn scan(
        &self,
        from: Vec<u8>,
        to: Vec<u8>,
    ) -> impl Iterator<Item = Result<(IVec, IVec)>> + use<'_> {
        let mut entries = self.database.range(from..to);
        let entries =
            std::iter::from_fn(move || guarded(&self.root, || entries.next().transpose()).transpose());
        entries.filter(|entry| entry.as_ref().is_ok_and(|(_, value)| !value.is_empty()) || entry.is_err())
    }

    /// Records from `from` up to but not including `to`, put together from their parts. Each comes with the key of its last part.
    pub(super) fn records(
        &self,
        from: Vec<u8>,
        to: Vec<u8>,
    ) -> impl Iterator<Item = Result<(IVec, Vec<u8>)>> + use<'_> {
        let mut parts = self.scan(from, to);
        let mut assembly = Assembly::default();
        let mut before: Option<IVec> = None;
        std::iter::from_fn(move || {
            loop {
                let (key, value) = match parts.next() {
                    Some(Ok(part)) => part,
                    Some(Err(error)) => return Some(Err(error)),
                    None if assembly.is_open() => {
                        assembly.take();
                        let key = before.take().unwrap_or_default();
                        return Some(Err(self.damaged(&key, "lacks the rest of its record")));
                    }
                    None => return None,
                };
                match self.assemble(&mut assembly, before.as_ref(), &key, &value) {
                    Ok(true) => return Some(Ok((key, assembly.take()))),
                    Ok(false) => before = Some(key),
                    Err(error) => {
                        assembly.take();
                        return Some(Err(error));
                    }
                }
            }
        })
    }

    fn assemble(
        &self,
        assembly: &mut Assembly,
        before: Option<&IVec>,
        key: &IVec,
        part: &[u8],
    ) -> Result<bool> {
        let Some((fields, number)) = super::key::split_part(key) else {
            return Err(self.damaged(key, "has a key that can't be read"));
        };
        let same_record = before.and_then(|before| super::key::split_part(before)).map(|(fields, _)| fields);
        if assembly.is_open() && same_record != Some(fields) {
            return Err(self.damaged(key, "follows a record that lacks its rest"));
        }
        assembly.push(number, part).map_err(|why| self.damaged(key, why))
    }

    /// Everything whose key begins with `kind`.
    pub(super) fn records_of(&self, kind: u8) -> impl Iterator<Item = Result<(IVec, Vec<u8>)>> + use<'_> {
        self.records(vec![kind], vec![kind + 1])
    }

    /// An error that names the damaged value.
    pub(super) fn damaged(&self, key: &[u8], why: impl std::fmt::Display) -> Error {
        let mut name = String::new();
        for byte in key {
            let _ = write!(name, "{byte:02x}");
        }
        damaged(&self.root, format!("value `{name}` of generation {} {why}", self.number))
    }

    /// Copies values as they are, after a look at their checksums; durable only after [`sync`](Self::sync).
    pub(super) fn copy_into(&self, target: &Self, from: Vec<u8>, to: Vec<u8>) -> Result<()> {
        let mut entries = self.scan(from, to);
        loop {
            let block = entries.by_ref().take(COPIED_VALUES).collect::<Result<Vec<_>>>()?;
            if block.is_empty() {
                return Ok(());
            }
            target.reserve(block.iter().map(|(key, _)| key.to_vec()))?;
            for (key, value) in block {
                record::open_part(&value).map_err(|why| self.damaged(&key, why))?;
                target.stage(key.to_vec(), value)?;
            }
        }
    }
}

/// What is said of all damage.
pub(super) fn damaged(root: &Path, what: impl std::fmt::Display) -> Error {
    Error::checkpoint(
        root,
        format!("is damaged: {what}; restore the directory from a backup, or start with a new checkpoint"),
    )
}

/// Runs a call of sled, which may panic on files that aren't as it left them.
fn guarded<T>(root: &Path, call: impl FnOnce() -> sled::Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Corruption { .. })) => {
            Err(damaged(root, "the database's files have been changed"))
        }
        Ok(Err(sled::Error::Io(error))) => {
            Err(Error::checkpoint(root, format!("the database failed: {error}")))
        }
        Ok(Err(error)) => Err(Error::checkpoint(root, format!("the database failed: {error}"))),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Err(damaged(root, format!("the database can't read its files ({text})")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::key;
    use super::super::record::PART_BYTES;
    use super::*;

    fn generation(root: &Path) -> Generation {
        Generation::open(root, root.join("gen-0"), 0).unwrap()
    }

    fn written(generation: &Generation) -> usize {
        generation.scan(vec![0], vec![u8::MAX]).map(Result::unwrap).count()
    }

    #[test]
    fn reserved_places_stay_invisible_and_never_take_the_place_of_a_value() {
        let root = tempfile::tempdir().unwrap();
        let generation = generation(root.path());
        let places = || (0..40).map(|sequence| key::delta(1, 0, sequence, 0));
        generation.stage(key::delta(1, 0, 3, 0), b"value").unwrap();
        generation.reserve(places()).unwrap();
        assert_eq!(written(&generation), 1);
        generation.stage(key::delta(1, 0, 4, 0), b"value").unwrap();
        generation.release(places()).unwrap();
        assert_eq!(written(&generation), 2);
        assert_eq!(generation.database.len(), 2);
    }

    #[test]
    fn values_of_the_largest_size_stay_out_of_files_of_their_own() {
        let root = tempfile::tempdir().unwrap();
        let generation = generation(root.path());
        for reserved in [false, true] {
            let keys = || (0..200).map(|sequence| key::delta(u64::from(reserved), 0, sequence, 0));
            if reserved {
                generation.reserve(keys()).unwrap();
            }
            for key in keys() {
                generation.stage(key, vec![7; PART_BYTES]).unwrap();
            }
        }
        generation.sync().unwrap();
        assert_eq!(written(&generation), 400);
        assert_eq!(fs::read_dir(root.path().join("gen-0/blobs")).unwrap().count(), 0);
    }

    #[test]
    fn a_panic_of_the_database_is_an_error() {
        let error = guarded::<()>(Path::new("here"), || panic!("slice index")).unwrap_err();
        assert!(error.to_string().contains("can't read its files (slice index)"), "{error}");
    }
}
