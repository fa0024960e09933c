//! What a sink does with files, on a disk and in an object store alike.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

#[cfg(feature = "object-store")]
use super::key_of;
use super::{Storage, disk};
use crate::error::{Error, Result};

/// What creating a file did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Created {
    /// The file is there, whole and durable.
    Now,
    /// A file of this name was there before and is as it was.
    Before,
}

/// A file's length and modification time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status {
    pub(crate) size: u64,
    pub(crate) modified: Option<SystemTime>,
}

/// What is in a directory.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) name: OsString,
    pub(crate) is_dir: bool,
}

/// A file on this machine with a file's content; it goes if it was made for that.
#[derive(Debug)]
pub(crate) enum LocalCopy {
    Itself(PathBuf),
    #[cfg(feature = "object-store")]
    Copy(tempfile::TempPath),
}

impl AsRef<Path> for LocalCopy {
    fn as_ref(&self) -> &Path {
        match self {
            Self::Itself(path) => path,
            #[cfg(feature = "object-store")]
            Self::Copy(path) => path,
        }
    }
}

impl Storage {
    /// Creates a directory and those above it, where there are directories.
    pub(crate) fn create_dirs(&self, dir: &Path) -> Result<()> {
        match self {
            Self::Disk => disk::create_dirs(dir),
            #[cfg(feature = "object-store")]
            Self::Objects(_) => Ok(()),
        }
    }

    /// Makes what was created, renamed or removed in a directory durable.
    pub(crate) fn sync_dir(&self, dir: &Path) -> Result<()> {
        match self {
            Self::Disk => disk::sync_dir(dir),
            #[cfg(feature = "object-store")]
            Self::Objects(_) => Ok(()),
        }
    }

    /// What is in a directory, in no order. Links to directories are none.
    pub(crate) fn list(&self, dir: &Path) -> Result<Vec<Listed>> {
        match self {
            Self::Disk => {
                let failed = |error| Error::io("listing", dir, error);
                let entries = fs::read_dir(dir).map_err(failed)?;
                let listed = entries.map(|entry| {
                    let entry = entry?;
                    Ok(Listed { name: entry.file_name(), is_dir: entry.file_type()?.is_dir() })
                });
                listed.collect::<io::Result<_>>().map_err(failed)
            }
            #[cfg(feature = "object-store")]
            Self::Objects(objects) => {
                let listed = objects.directory(&key_of(dir))?;
                let name = |key: &object_store::path::Path| key.filename().unwrap_or_default().into();
                let dirs = listed.common_prefixes.iter();
                let dirs = dirs.map(|key| Listed { name: name(key), is_dir: true });
                let files = listed.objects.iter();
                let files = files.map(|found| Listed { name: name(&found.location), is_dir: false });
                Ok(dirs.chain(files).collect())
            }
        }
    }

    /// Reads a file from its beginning.
    pub(crate) fn read(&self, path: &Path) -> io::Result<Box<dyn BufRead>> {
        match self {
            Self::Disk => Ok(Box::new(BufReader::new(File::open(path)?))),
            #[cfg(feature = "object-store")]
            Self::Objects(objects) => Ok(Box::new(objects.open(&key_of(path))?)),
        }
    }

    /// Creates a file that is never seen half-written, and only if there is no file of that name.
    pub(crate) fn create_whole(
        &self,
        dir: &Path,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> Result<()>,
    ) -> Result<Created> {
        match self {
            Self::Disk => disk::create_whole(dir, name, write),
            #[cfg(feature = "object-store")]
            Self::Objects(objects) => {
                let mut content = Vec::new();
                write(&mut content)?;
                objects.create(&key_of(&dir.join(name)), &content.into())
            }
        }
    }

    /// Removes a file that may be gone already.
    pub(crate) fn remove(&self, path: &Path) -> Result<()> {
        let removed = match self {
            Self::Disk => fs::remove_file(path),
            #[cfg(feature = "object-store")]
            Self::Objects(objects) => objects.delete(&key_of(path)),
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("removing", path, error)),
            _ => Ok(()),
        }
    }

    /// What is known of a file; `None` if there is none.
    pub(crate) fn status(&self, path: &Path) -> Result<Option<Status>> {
        match self {
            Self::Disk => match fs::metadata(path) {
                Ok(found) => Ok(Some(Status { size: found.len(), modified: found.modified().ok() })),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(Error::io("reading", path, error)),
            },
            #[cfg(feature = "object-store")]
            Self::Objects(objects) => {
                let found = objects.head(&key_of(path))?;
                Ok(found.map(|found| Status { size: found.size, modified: Some(found.last_modified.into()) }))
            }
        }
    }

    /// A file on this machine with the content of a file.
    pub(crate) fn local(&self, path: &Path) -> io::Result<LocalCopy> {
        match self {
            Self::Disk => Ok(LocalCopy::Itself(path.to_owned())),
            #[cfg(feature = "object-store")]
            Self::Objects(objects) => objects.download(&key_of(path)).map(LocalCopy::Copy),
        }
    }
}
