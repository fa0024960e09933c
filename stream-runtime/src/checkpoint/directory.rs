//! [`Directory`]: a checkpoint's directory, with its lock and the pointer to its current generation.
//!
//! ```text
//! LOCK      held while a process uses the checkpoint
//! CURRENT   format version and number of the current generation; replaced by renaming, so it is never half written
//! TIP       how far the checkpoint has come; see `tip`
//! gen-N/    the sled database of generation N
//! ```
//!
//! Whatever else lies there with one of these names is what a crash left over, and goes at the next open.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

const LOCK: &str = "LOCK";
const CURRENT: &str = "CURRENT";
pub(super) const TIP: &str = "TIP";
const NEXT_CURRENT: &str = "CURRENT.next";
const GENERATION: &str = "gen-";
const TITLE: &str = "stream-runtime checkpoint";
/// The version of the directory's layout.
const VERSION: u32 = 1;
/// No pointer is longer; a longer file isn't one.
const POINTER_LIMIT: u64 = 4096;

/// A checkpoint's directory, locked against other processes for as long as this lives.
#[derive(Debug)]
pub(super) struct Directory {
    root: PathBuf,
    _lock: File,
}

impl Directory {
    /// Takes the directory, and creates it if it doesn't exist. One that holds something else is left as it is.
    pub(super) fn lock(root: &Path) -> Result<Self> {
        if !root.join(CURRENT).is_file() {
            refuse_foreign(root)?;
        }
        fs::create_dir_all(root).map_err(|error| Error::io("creating", root, error))?;
        let path = root.join(LOCK);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| Error::io("opening", &path, error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root: root.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::checkpoint(
                root,
                "another process uses it; stop the other query, or give this one a checkpoint of its own",
            )),
            Err(TryLockError::Error(error)) => Err(Error::io("locking", &path, error)),
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where a generation's database is.
    pub(super) fn generation(&self, number: u64) -> PathBuf {
        self.root.join(format!("{GENERATION}{number}"))
    }

    /// The number of the current generation; `None` if there never was one.
    pub(super) fn current(&self) -> Result<Option<u64>> {
        let path = self.root.join(CURRENT);
        match fs::metadata(&path) {
            Ok(found) if found.len() <= POINTER_LIMIT => {}
            Ok(_) => return Err(self.damaged_pointer()),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("reading", path, error)),
        }
        let bytes = fs::read(&path).map_err(|error| Error::io("reading", &path, error))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| self.damaged_pointer())?;
        let mut lines = text.lines();
        if lines.next() != Some(TITLE) {
            return Err(self.damaged_pointer());
        }
        let mut number =
            |name: &str| -> Option<u64> { lines.next()?.strip_prefix(name)?.strip_prefix(' ')?.parse().ok() };
        match number("version") {
            Some(version) if version > u64::from(VERSION) => {
                return Err(Error::checkpoint(
                    &self.root,
                    format!(
                        "has format version {version}, and this release reads up to version {VERSION}; run it with the release that wrote it, or a later one"
                    ),
                ));
            }
            Some(1) => {}
            _ => return Err(self.damaged_pointer()),
        }
        let generation = number("generation").ok_or_else(|| self.damaged_pointer())?;
        if text != pointer(generation) {
            return Err(self.damaged_pointer());
        }
        Ok(Some(generation))
    }

    /// Writes the pointer beside the current one, durably.
    pub(super) fn prepare_current(&self, generation: u64) -> Result<()> {
        let next = self.root.join(NEXT_CURRENT);
        let write = || {
            let mut file = File::create(&next)?;
            file.write_all(pointer(generation).as_bytes())?;
            file.sync_all()
        };
        write().map_err(|error| Error::io("writing", &next, error))
    }

    /// Makes the prepared pointer the current one, durably.
    pub(super) fn switch_current(&self) -> Result<()> {
        let next = self.root.join(NEXT_CURRENT);
        fs::rename(&next, self.root.join(CURRENT)).map_err(|error| Error::io("renaming", &next, error))?;
        sync_directory(&self.root)
    }

    /// The numbers of the generations that are there.
    pub(super) fn generations(&self) -> Result<Vec<u64>> {
        Ok(names(&self.root)?.iter().filter_map(|name| generation_number(name)).collect())
    }

    /// Removes what a crash left over: other generations, and a pointer that never became current.
    pub(super) fn remove_leftovers(&self, current: u64) -> Result<()> {
        remove_if_there(&self.root.join(NEXT_CURRENT), |path| fs::remove_file(path))?;
        for number in self.generations()? {
            if number != current {
                self.remove_generation(number)?;
            }
        }
        Ok(())
    }

    /// Removes a generation's database, if it is there.
    pub(super) fn remove_generation(&self, number: u64) -> Result<()> {
        remove_if_there(&self.generation(number), |path| fs::remove_dir_all(path))
    }

    /// Bytes of all files.
    pub(super) fn disk_bytes(&self) -> u64 {
        fn sum(path: &Path) -> u64 {
            let Ok(entries) = fs::read_dir(path) else { return 0 };
            let sizes = entries.filter_map(|entry| {
                let entry = entry.ok()?;
                let found = entry.metadata().ok()?;
                Some(if found.is_dir() { sum(&entry.path()) } else { found.len() })
            });
            sizes.sum()
        }
        sum(&self.root)
    }

    fn damaged_pointer(&self) -> Error {
        Error::checkpoint(
            &self.root,
            format!(
                "`{CURRENT}` is damaged; restore the directory from a backup, or start with a new checkpoint"
            ),
        )
    }
}

fn pointer(generation: u64) -> String {
    let body = format!("{TITLE}\nversion {VERSION}\ngeneration {generation}\n");
    let checksum = crc32fast::hash(body.as_bytes());
    format!("{body}checksum {checksum:08x}\n")
}

fn generation_number(name: &OsStr) -> Option<u64> {
    name.to_str()?.strip_prefix(GENERATION)?.parse().ok()
}

fn names(root: &Path) -> Result<Vec<std::ffi::OsString>> {
    let read = || fs::read_dir(root)?.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<_>>();
    read().map_err(|error| Error::io("listing", root, error))
}

fn remove_if_there(path: &Path, remove: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<()> {
    match remove(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("removing", path, error)),
        _ => Ok(()),
    }
}

/// Without a pointer, a directory may hold only what the first start leaves when it is interrupted.
fn refuse_foreign(root: &Path) -> Result<()> {
    match fs::metadata(root) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("reading", root, error)),
        Ok(found) if !found.is_dir() => {
            return Err(Error::checkpoint(root, "is a file; a checkpoint is a directory"));
        }
        Ok(_) => {}
    }
    for name in names(root)? {
        if name == LOCK || name == NEXT_CURRENT || generation_number(&name) == Some(0) {
            continue;
        }
        let name = name.to_string_lossy();
        return Err(Error::checkpoint(
            root,
            if generation_number(OsStr::new(&*name)).is_some() || name == TIP {
                format!(
                    "lacks its `{CURRENT}` file, though it holds `{name}`; restore the directory from a backup, or start with a new checkpoint"
                )
            } else {
                format!(
                    "isn't a checkpoint: it holds `{name}`; name an empty directory, or one that doesn't exist"
                )
            },
        ));
    }
    Ok(())
}

/// Makes what was created, renamed or removed in a directory durable.
pub(super) fn sync_directory(path: &Path) -> Result<()> {
    if cfg!(not(unix)) {
        // Windows has no handle to sync; NTFS journals names by itself.
        return Ok(());
    }
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| Error::io("syncing", path, error))
}
