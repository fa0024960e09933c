//! [`Tip`]: how far a checkpoint has come, kept beside the database.
//!
//! sled takes damage to its file for the torn end of an interrupted write: it cuts off everything behind it and opens at an
//! older batch, without a word. So each acknowledged batch is noted here as well (without an fsync: the
//! note may lag behind the database, and must never be ahead of it), and a database that ends earlier is damaged. When
//! a store is closed, the note gets a checksum of the database's files, so that damage is noticed before sled
//! touches them.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

use super::directory::TIP;
use super::generation::damaged;
use super::sequence::Shown;

const TITLE: &[u8; 7] = b"sr-tip1";
const BYTES: usize = TITLE.len() + 1 + 8 + 8 + 4 + 4;
const CLOSED: u8 = b'C';
const IN_USE: u8 = b'U';
/// sled's threads let go of its files some time after its handle is dropped.
const PATIENCE: Duration = Duration::from_secs(10);

/// The note, and the file that it is in.
pub(super) struct Tip {
    root: PathBuf,
    file: File,
    /// One more than the last batch planned and committed; 0 for none.
    planned: u64,
    committed: u64,
    /// The database's directory.
    database: PathBuf,
    /// Whether the database is as it should be, and may be noted as closed in the end.
    sound: bool,
}

/// What the file says.
struct Note {
    closed: bool,
    planned: u64,
    committed: u64,
    checksum: u32,
}

impl Tip {
    /// Reads the note, makes sure that a closed database is as it was left, and notes that it is in use.
    ///
    /// A missing or torn note is none: the machine may have stopped while it was written.
    pub(super) fn open(root: &Path, database: PathBuf) -> Result<Self> {
        let path = root.join(TIP);
        let failed = |error| Error::io("opening", &path, error);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        let mut bytes = Vec::with_capacity(BYTES);
        Read::by_ref(&mut file).take(BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
        let note = decode(&bytes);
        if let Some(note) = &note
            && note.closed
            && checksum(&database)? != note.checksum
        {
            return Err(damaged(root, "the database's files are not as they were when it was closed"));
        }
        let (planned, committed) = note.as_ref().map_or((0, 0), |note| (note.planned, note.committed));
        let mut tip = Self { root: root.to_owned(), file, planned, committed, database, sound: false };
        if note.is_none_or(|note| note.closed) {
            tip.write(IN_USE, 0)?;
            // Before sled writes anything: a power cut must not bring the old note back.
            tip.sync()?;
        }
        Ok(tip)
    }

    /// Makes sure that the database has everything that was acknowledged.
    pub(super) fn check(&mut self, planned: Option<u64>, committed: Option<u64>) -> Result<()> {
        for (what, noted, found) in
            [("planned", self.planned, planned), ("committed", self.committed, committed)]
        {
            if found.map_or(0, |batch| batch + 1) < noted {
                let last = Shown(found);
                return Err(damaged(
                    &self.root,
                    format!("batch {} was {what}, and the last one there is {last}", noted - 1),
                ));
            }
        }
        self.sound = true;
        self.note(planned, committed)
    }

    /// Notes what has been acknowledged.
    pub(super) fn note(&mut self, planned: Option<u64>, committed: Option<u64>) -> Result<()> {
        self.planned = planned.map_or(0, |batch| batch + 1);
        self.committed = committed.map_or(0, |batch| batch + 1);
        self.write(IN_USE, 0)
    }

    /// Notes that the database is in another directory now.
    pub(super) fn move_to(&mut self, database: PathBuf) {
        self.database = database;
    }

    /// The database isn't known to be as it should be.
    pub(super) fn distrust(&mut self) {
        self.sound = false;
    }

    fn write(&mut self, mark: u8, checksum: u32) -> Result<()> {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.extend_from_slice(TITLE);
        bytes.push(mark);
        bytes.extend_from_slice(&self.planned.to_be_bytes());
        bytes.extend_from_slice(&self.committed.to_be_bytes());
        bytes.extend_from_slice(&checksum.to_be_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
        let written = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.write_all(&bytes));
        written.map_err(|error| Error::io("writing", self.root.join(TIP), error))
    }

    fn sync(&self) -> Result<()> {
        self.file.sync_all().map_err(|error| Error::io("syncing", self.root.join(TIP), error))
    }

    /// Notes that the database is closed, once it is.
    fn close(&mut self) -> Result<()> {
        let path = self.database.join("db");
        let failed = |error| Error::io("closing", &path, error);
        let database = File::open(&path).map_err(failed)?;
        let started = Instant::now();
        loop {
            match database.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if started.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_micros(200));
                }
                Err(error) => return Err(failed(error.into())),
            }
        }
        database.sync_all().map_err(failed)?;
        let checksum = checksum(&self.database)?;
        self.write(CLOSED, checksum)?;
        self.sync()
    }
}

impl Drop for Tip {
    fn drop(&mut self) {
        if self.sound
            && let Err(error) = self.close()
        {
            tracing::warn!(%error, "the checkpoint wasn't closed cleanly; nothing is lost");
        }
    }
}

fn decode(bytes: &[u8]) -> Option<Note> {
    let (content, &checksum) = bytes.split_last_chunk::<4>()?;
    if bytes.len() != BYTES || crc32fast::hash(content) != u32::from_be_bytes(checksum) {
        return None;
    }
    let (&mark, rest) = content.strip_prefix(TITLE)?.split_first()?;
    let (&planned, rest) = rest.split_first_chunk::<8>()?;
    let (&committed, rest) = rest.split_first_chunk::<8>()?;
    Some(Note {
        closed: mark == CLOSED,
        planned: u64::from_be_bytes(planned),
        committed: u64::from_be_bytes(committed),
        checksum: u32::from_be_bytes(rest.try_into().ok()?),
    })
}

/// A checksum of the names and contents of all files of a database.
fn checksum(database: &Path) -> Result<u32> {
    fn add(path: &Path, hasher: &mut crc32fast::Hasher) -> std::io::Result<()> {
        let mut entries = fs::read_dir(path)?.collect::<std::io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        let mut buffer = vec![0; 256 * 1024];
        for entry in entries {
            hasher.update(entry.file_name().as_encoded_bytes());
            if entry.file_type()?.is_dir() {
                add(&entry.path(), hasher)?;
                continue;
            }
            let mut file = File::open(entry.path())?;
            hasher.update(&file.metadata()?.len().to_be_bytes());
            loop {
                match file.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(read) => hasher.update(&buffer[..read]),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
    let mut hasher = crc32fast::Hasher::new();
    add(database, &mut hasher).map_err(|error| Error::io("reading", database, error))?;
    Ok(hasher.finalize())
}
