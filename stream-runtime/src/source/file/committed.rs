//! [`Committed`]: the files of a directory that a file sink has written, Spark's or ours.
//!
//! Its manifest, `_spark_metadata`, is what says which files there are: a plain listing would also show those of batches that were never
//! committed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::error::{Error, Result};
use crate::sink::file::committed_files;

const MANIFEST: &str = "_spark_metadata";
/// Two changes within this time may leave a directory with the same modification time.
const TICK: Duration = Duration::from_secs(2);

/// What was read of a manifest, for as long as it doesn't change: an idle query asks again and again.
#[derive(Clone, Debug, Default)]
pub(super) struct Committed(Arc<Mutex<Option<Read>>>);

#[derive(Debug)]
struct Read {
    /// The manifest's modification time, if that will tell the next change.
    modified: SystemTime,
    files: Arc<[PathBuf]>,
}

impl Committed {
    pub(super) fn has_manifest(directory: &Path) -> bool {
        directory.join(MANIFEST).is_dir()
    }

    /// The files of all committed batches; `None` if the directory has no manifest.
    pub(super) fn files(&self, directory: &Path) -> Result<Option<Arc<[PathBuf]>>> {
        if !Self::has_manifest(directory) {
            return Ok(None);
        }
        let manifest = directory.join(MANIFEST);
        // Taken before the manifest is read: a change meanwhile is one that the next call sees.
        let modified = fs::metadata(&manifest).and_then(|metadata| metadata.modified());
        let modified = modified.map_err(|error| Error::io("reading", &manifest, error))?;
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = read.as_ref().filter(|read| read.modified == modified) {
            return Ok(Some(Arc::clone(&read.files)));
        }
        let files: Arc<[PathBuf]> = committed_files(directory)?.into();
        let is_settled = SystemTime::now().duration_since(modified).is_ok_and(|age| age > TICK);
        *read = is_settled.then(|| Read { modified, files: Arc::clone(&files) });
        Ok(Some(files))
    }
}
