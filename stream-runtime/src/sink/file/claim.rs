//! [`Claim`]: a directory belongs to one query, and at any time to one run of it.
//!
//! On a disk the run that has the directory has locked it. An object store has no locks: a run writes its id into the claim
//! there, and looks before each entry whether it is still its own. Should a run be just past that look when another one takes over, the two meet at
//! the entry, which only one of them creates; the other one says so in the claim, and none goes on with the directory after that.
//! Runs of one process, where a query that was stopped may still be writing while it is started again, take [turns](Turn).

#[cfg(feature = "object-store")]
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::Path;
#[cfg(feature = "object-store")]
use std::sync::PoisonError;
#[cfg(feature = "object-store")]
use std::sync::Weak;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError as TryMutexError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::manifest::Manifest;
use crate::error::{Error, Result};
use crate::storage::Storage;
#[cfg(feature = "object-store")]
use crate::storage::{Objects, key_of};

/// Says which query a directory's batch ids belong to.
pub(super) const NAME: &str = "_stream_query.json";
/// How long a run waits for the last write of the run before it, if that was abandoned.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// How often it looks.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// What the claim says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Content {
    version: u32,
    query_id: Uuid,
    /// The run that writes to an object store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<Uuid>,
    /// A batch that two runs have written at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    disputed: Option<u64>,
}

/// The right to write to a directory.
#[derive(Debug)]
pub(super) enum Claim {
    /// Held, not read: closing the file releases the lock.
    Disk(File),
    #[cfg(feature = "object-store")]
    Objects { objects: Objects, key: String, content: Option<Content>, turn: Turn },
}

/// What one run at a time holds in this process: while it takes a directory over, and from the look whether it has it to
/// its entry.
#[derive(Clone, Debug, Default)]
pub(super) struct Turn(Arc<Mutex<()>>);

impl Claim {
    /// Keeps other runs on this machine away.
    pub(super) fn open(manifest: &Manifest) -> Result<Self> {
        match &manifest.storage {
            Storage::Disk => lock(manifest, LOCK_PATIENCE).map(Self::Disk),
            #[cfg(feature = "object-store")]
            Storage::Objects(objects) => {
                let key = key_of(&manifest.data.join(NAME));
                let turn = Turn::of(format!("{} {key}", objects.store()));
                Ok(Self::Objects { objects: objects.clone(), key, content: None, turn })
            }
        }
    }

    /// A turn at the directory, which the lock of one on a disk makes superfluous.
    pub(super) fn turn(&self) -> Turn {
        match self {
            Self::Disk(_) => Turn::default(),
            #[cfg(feature = "object-store")]
            Self::Objects { turn, .. } => turn.clone(),
        }
    }

    /// Makes sure that the batch ids in the manifest are this query's; gives whether the claim says so already.
    pub(super) fn look(&mut self, manifest: &Manifest, query: Uuid, is_new: bool) -> Result<bool> {
        let found = self.read(manifest)?;
        if let Some(Content { disputed: Some(batch), .. }) = found {
            return Err(manifest.error(format_args!(
                "two runs of the query have written batch {batch} at once, as after a restored checkpoint while the lost machine still ran: the rows there are those of one, and the other one has gone on with others; compare them, and write to an empty directory"
            )));
        }
        let is_ours = found.as_ref().is_some_and(|found| found.query_id == query);
        if !is_ours && !is_new {
            let owner =
                found.map_or("another program".to_owned(), |found| format!("the query {}", found.query_id));
            return Err(manifest.error(format_args!(
                "the directory holds the results of {owner}, and this is the query {query}: its batches count from 0 again and would pass for those already written; write to an empty directory, or go on with the old checkpoint"
            )));
        }
        Ok(is_ours)
    }

    /// Looks, and makes sure that no other run adds to the manifest.
    pub(super) fn take(&mut self, manifest: &Manifest, query: Uuid, is_new: bool) -> Result<()> {
        let is_ours = self.look(manifest, query, is_new)?;
        let claim = Content { version: 1, query_id: query, run: None, disputed: None };
        match self {
            Self::Disk(_) if is_ours => Ok(()),
            Self::Disk(file) => {
                let path = manifest.data.join(NAME);
                let claim = encode(&claim)?;
                file.set_len(0)
                    .and_then(|()| file.rewind())
                    .and_then(|()| file.write_all(&claim))
                    .and_then(|()| file.sync_all())
                    .map_err(|error| Error::io("writing", &path, error))?;
                manifest.storage.sync_dir(&manifest.data)
            }
            #[cfg(feature = "object-store")]
            Self::Objects { objects, key, content, .. } => {
                let claim = Content { run: Some(Uuid::new_v4()), ..claim };
                objects.replace(key, encode(&claim)?)?;
                // All that keeps two runs apart is that an entry is created once.
                objects.check_creates_once(key, encode(&claim)?)?;
                *content = Some(claim);
                Ok(())
            }
        }
    }

    /// Makes sure that no other run has taken the directory over.
    #[cfg_attr(not(feature = "object-store"), expect(unused_variables, reason = "a disk has a lock"))]
    pub(super) fn check(&self, manifest: &Manifest) -> Result<()> {
        match self {
            Self::Disk(_) => Ok(()),
            #[cfg(feature = "object-store")]
            Self::Objects { objects, key, content, .. } => {
                let found =
                    objects.get(key).map_err(|error| Error::io("reading", objects.name(key), error))?;
                if serde_json::from_slice(&found).ok() == *content {
                    return Ok(());
                }
                Err(manifest.error(
                    "another run of the query has taken the directory over; it goes on there, and this one has to stop",
                ))
            }
        }
    }

    /// Notes that another run has written a batch that this one was writing.
    #[cfg_attr(
        not(feature = "object-store"),
        expect(unused_variables, clippy::unused_self, reason = "a disk has a lock")
    )]
    pub(super) fn dispute(&self, batch: u64) -> Result<()> {
        match self {
            Self::Disk(_) => Ok(()),
            #[cfg(feature = "object-store")]
            Self::Objects { objects, key, content, .. } => match content {
                Some(content) => {
                    let disputed = Content { disputed: Some(batch), ..content.clone() };
                    objects.replace(key, encode(&disputed)?)
                }
                None => Ok(()),
            },
        }
    }

    /// What the claim says; `None` if there is none, or another program's.
    fn read(&mut self, manifest: &Manifest) -> Result<Option<Content>> {
        let text = match self {
            Self::Disk(file) => {
                let mut text = Vec::new();
                file.rewind()
                    .and_then(|()| file.read_to_end(&mut text))
                    .map_err(|error| Error::io("reading", manifest.data.join(NAME), error))?;
                text
            }
            #[cfg(feature = "object-store")]
            Self::Objects { objects, key, .. } => match objects.get(key) {
                Ok(text) => text.into(),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(Error::io("reading", objects.name(key), error)),
            },
        };
        Ok(serde_json::from_slice(&text).ok())
    }
}

impl Turn {
    /// The turn at something that has a name. Two stores may have the same, and wait for each other in vain.
    #[cfg(feature = "object-store")]
    fn of(name: String) -> Self {
        static TURNS: Mutex<BTreeMap<String, Weak<Mutex<()>>>> = Mutex::new(BTreeMap::new());
        let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = turns.get(&name).and_then(Weak::upgrade) {
            return Self(turn);
        }
        let turn = Self::default();
        turns.insert(name, Arc::downgrade(&turn.0));
        turn
    }

    /// Waits for the turn, which ends with what this gives. A run whose request hangs isn't waited for without end.
    pub(super) fn hold(&self, manifest: &Manifest) -> Result<MutexGuard<'_, ()>> {
        self.hold_for(manifest, LOCK_PATIENCE)
    }

    fn hold_for(&self, manifest: &Manifest, patience: Duration) -> Result<MutexGuard<'_, ()>> {
        let since = Instant::now();
        loop {
            match self.0.try_lock() {
                Ok(held) => return Ok(held),
                Err(TryMutexError::Poisoned(held)) => return Ok(held.into_inner()),
                Err(TryMutexError::WouldBlock) if since.elapsed() < patience => {
                    std::thread::sleep(LOCK_PAUSE);
                }
                Err(TryMutexError::WouldBlock) => return Err(taken(manifest)),
            }
        }
    }
}

fn taken(manifest: &Manifest) -> Error {
    manifest.error("another sink is writing to the directory; give each sink a directory of its own")
}

fn encode(content: &Content) -> Result<Vec<u8>> {
    serde_json::to_vec(content).map_err(|error| Error::Other(error.into()))
}

/// Opens the claim's file and locks it.
fn lock(manifest: &Manifest, patience: Duration) -> Result<File> {
    let path = manifest.data.join(NAME);
    let file = open(&path).map_err(|error| Error::io("opening", &path, error))?;
    let since = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if since.elapsed() < patience => {
                std::thread::sleep(LOCK_PAUSE);
            }
            Err(TryLockError::WouldBlock) => return Err(taken(manifest)),
            // Some network file systems have no locks; the checkpoint has its own.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(Error::io("locking", path, error)),
        }
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_locked_until_its_run_has_ended() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = Manifest::of(Storage::Disk, dir.path()).unwrap();
        let first = lock(&manifest, Duration::ZERO).unwrap();
        let error = lock(&manifest, Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains("another sink is writing to the directory"), "{error}");
        drop(first);
        lock(&manifest, Duration::ZERO).unwrap();
    }

    #[test]
    fn a_turn_that_does_not_end_is_given_up() {
        let manifest = Manifest::of(Storage::Disk, Path::new("out")).unwrap();
        let turn = Turn::default();
        let first = turn.hold_for(&manifest, Duration::ZERO).unwrap();
        let error = turn.hold_for(&manifest, Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains("another sink is writing to the directory"), "{error}");
        drop(first);
        drop(turn.hold_for(&manifest, Duration::ZERO).unwrap());
    }
}
