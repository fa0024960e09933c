//! [`Committed`]: the files of a directory that a file sink has written, Spark's or ours.
//!
//! Its manifest, `_spark_metadata`, is what says which files there are: a plain listing would also show those of batches that were never
//! committed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

#[cfg(feature = "object-store")]
use super::log::SeenFile;
#[cfg(feature = "object-store")]
use super::objects::seen;
use crate::error::{Error, Result};
use crate::sink::file::committed_in;
use crate::storage::Storage;
#[cfg(feature = "object-store")]
use crate::storage::key_of;

const MANIFEST: &str = "_spark_metadata";
/// Two changes within this time may leave a directory with the same modification time.
const TICK: Duration = Duration::from_secs(2);

/// What was read of a manifest, for as long as it doesn't change: an idle query asks again and again.
#[derive(Clone, Debug, Default)]
pub(super) struct Committed(Arc<Mutex<Option<Read>>>);

#[derive(Debug)]
struct Read {
    version: Version,
    files: Arc<[PathBuf]>,
}

/// What a manifest looks like from outside: it changes when the manifest does.
#[derive(Debug, PartialEq, Eq)]
enum Version {
    /// The directory's modification time.
    Modified(SystemTime),
    /// Each entry's key, length and version.
    #[cfg(feature = "object-store")]
    Entries(Vec<SeenFile>),
}

impl Committed {
    pub(super) fn has_manifest(storage: &Storage, directory: &Path) -> Result<bool> {
        version(storage, &directory.join(MANIFEST)).map(|version| version.is_some())
    }

    /// The files of all committed batches; `None` if the directory has no manifest.
    pub(super) fn files(&self, storage: &Storage, directory: &Path) -> Result<Option<Arc<[PathBuf]>>> {
        // Taken before the manifest is read: a change meanwhile is one that the next call sees.
        let Some(version) = version(storage, &directory.join(MANIFEST))? else { return Ok(None) };
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = read.as_ref().filter(|read| read.version == version) {
            return Ok(Some(Arc::clone(&read.files)));
        }
        let files: Arc<[PathBuf]> = committed_in(storage, directory)?.into();
        *read = version.is_settled().then(|| Read { version, files: Arc::clone(&files) });
        Ok(Some(files))
    }
}

impl Version {
    /// Whether it will tell the next change.
    fn is_settled(&self) -> bool {
        match self {
            Self::Modified(time) => SystemTime::now().duration_since(*time).is_ok_and(|age| age > TICK),
            #[cfg(feature = "object-store")]
            Self::Entries(_) => true,
        }
    }
}

/// The manifest's version; `None` if there is no manifest.
fn version(storage: &Storage, manifest: &Path) -> Result<Option<Version>> {
    match storage {
        Storage::Disk => match fs::metadata(manifest) {
            Ok(metadata) if metadata.is_dir() => {
                let modified = metadata.modified().map_err(|error| Error::io("reading", manifest, error))?;
                Ok(Some(Version::Modified(modified)))
            }
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("reading", manifest, error)),
        },
        #[cfg(feature = "object-store")]
        Storage::Objects(objects) => {
            let mut entries = Vec::new();
            objects.for_each_below(&key_of(manifest), |found| entries.push(seen(found)))?;
            entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
            Ok((!entries.is_empty()).then_some(Version::Entries(entries)))
        }
    }
}
