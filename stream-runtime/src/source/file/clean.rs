//! [`Cleaner`]: archives or removes files once their batch is committed. All calls block.

#[cfg(feature = "object-store")]
use std::collections::HashSet;
use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::CleanSource;
use super::listing;
use super::log::SeenFile;
use crate::storage::Storage;
use crate::storage::disk::{create_dirs, sync_dir};
#[cfg(feature = "object-store")]
use crate::storage::key_of;

/// The files that are to be cleaned up.
#[derive(Debug, Default)]
pub(super) struct Cleaner {
    waiting: VecDeque<SeenFile>,
}

impl Cleaner {
    pub(super) fn add(&mut self, files: Vec<SeenFile>) {
        self.waiting.extend(files);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Cleans up what it can and keeps the rest for the next time.
    pub(super) fn run(&mut self, source: &str, storage: &Storage, clean: &CleanSource, base: &Path) {
        let mut failed = VecDeque::new();
        let mut first = None;
        self.forget_removed(storage, base);
        for file in std::mem::take(&mut self.waiting) {
            match clean_up(&file, storage, clean, base) {
                Ok(()) => {}
                Err(error) => {
                    first.get_or_insert_with(|| format!("`{}`: {error}", file.path));
                    failed.push_back(file);
                }
            }
        }
        if let Some(first) = first {
            tracing::warn!(
                source,
                files = failed.len(),
                first,
                "files could not be cleaned up; trying again after the next batch"
            );
        }
        self.waiting = failed;
    }
}

impl Cleaner {
    /// Forgets what earlier runs have cleaned up, of which a source that was started again knows nothing: in an object store a look at each would be a
    /// request.
    #[cfg(feature = "object-store")]
    fn forget_removed(&mut self, storage: &Storage, base: &Path) {
        /// With fewer files looking at each costs less than a listing.
        const MANY: usize = 100;
        let Storage::Objects(objects) = storage else { return };
        if self.waiting.len() < MANY {
            return;
        }
        let mut there = HashSet::new();
        // What can't be listed is looked at one by one, and says why then.
        let listed = objects.for_each_below(&key_of(base), |found| {
            there.insert(String::from(found.location));
        });
        if listed.is_ok() {
            self.waiting.retain(|file| there.contains(&*file.path));
        }
    }

    #[cfg(not(feature = "object-store"))]
    #[expect(clippy::unused_self, reason = "on a disk a look at each file is cheap")]
    fn forget_removed(&mut self, _storage: &Storage, _base: &Path) {}
}

fn clean_up(file: &SeenFile, storage: &Storage, clean: &CleanSource, base: &Path) -> io::Result<()> {
    match listing::stat(storage, file.path.clone()) {
        // Gone, by an earlier run or by someone else.
        Ok(None) => return Ok(()),
        Ok(Some(found)) if !found.is_same(file) => {
            tracing::warn!(path = &*file.path, "the file has changed since it was read and is left alone");
            return Ok(());
        }
        Ok(Some(_)) => {}
        Err(error) => return Err(io::Error::other(error)),
    }
    let path = Path::new(&*file.path);
    let archived =
        |archive: &Path| path.strip_prefix(base).map(|below| archive.join(below)).map_err(io::Error::other);
    match (storage, clean) {
        (_, CleanSource::Off) => Ok(()),
        (Storage::Disk, CleanSource::Delete) => fs::remove_file(path),
        (Storage::Disk, CleanSource::Archive(archive)) => move_new(path, &archived(archive)?),
        #[cfg(feature = "object-store")]
        (Storage::Objects(objects), CleanSource::Delete) => objects.delete(&file.path),
        #[cfg(feature = "object-store")]
        (Storage::Objects(objects), CleanSource::Archive(archive)) => {
            objects.move_new(&file.path, &key_of(&archived(archive)?))
        }
    }
}

/// Moves a file to where there is none yet.
fn move_new(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(directory) = to.parent() {
        create_dirs(directory).map_err(io::Error::other)?;
    }
    if fs::symlink_metadata(to).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("`{}` exists", to.display())));
    }
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copy_new(from, to)?,
        moved => return moved,
    }
    fs::remove_file(from)
}

/// Copies a file to another file system, so that the copy has its name only when it is complete, and keeps it when the
/// power fails: the caller removes the original.
fn copy_new(from: &Path, to: &Path) -> io::Result<()> {
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let mut source = File::open(from)?;
    let mut copy = OpenOptions::new().write(true).create(true).truncate(true).open(&partial)?;
    io::copy(&mut source, &mut copy)?;
    copy.set_modified(source.metadata()?.modified()?)?;
    copy.sync_all()?;
    fs::rename(&partial, to)?;
    to.parent().map_or(Ok(()), sync_dir).map_err(io::Error::other)
}
