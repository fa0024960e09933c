//! Where the files of sources, tables and sinks are: on this machine's file systems, or in an object store.
//!
//! A path is what a service writes down; in an object store it is an object's key, or a URL that ends in one. All
//! calls block: they are for threads that may wait.

pub(crate) mod disk;
mod files;
#[cfg(feature = "object-store")]
mod object;
#[cfg(feature = "object-store")]
mod objects;
mod open;
mod place;
#[cfg(feature = "object-store")]
mod read_ahead;

use std::path::{Path, PathBuf};
#[cfg(feature = "object-store")]
use std::sync::Arc;

#[cfg(feature = "object-store")]
use object_store::ObjectStore;

use crate::error::{Error, Result};

pub(crate) use files::{Created, LocalCopy, Status};
#[cfg(feature = "object-store")]
pub(crate) use object::Object;
#[cfg(feature = "object-store")]
pub(crate) use objects::Objects;
#[cfg(feature = "orc")]
pub(crate) use open::FileReader;
pub(crate) use open::OpenFile;
use place::Place;

/// The storage that a service has chosen for a path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chosen {
    #[cfg(feature = "object-store")]
    pub(crate) store: Option<Arc<dyn ObjectStore>>,
}

/// Where files are.
#[derive(Clone, Debug)]
pub(crate) enum Storage {
    Disk,
    #[cfg(feature = "object-store")]
    Objects(Objects),
}

impl Chosen {
    /// The storage of a path, and the path in it.
    ///
    /// # Errors
    /// The path can't be one of this storage.
    ///
    /// # Panics
    /// With an object store, if it is called outside of tokio.
    pub(crate) fn resolve(&self, path: &Path) -> Result<(Storage, PathBuf)> {
        #[cfg(feature = "object-store")]
        if let Some(store) = &self.store {
            let Place { root, key } = Place::parse(path)?;
            return Ok((Storage::Objects(Objects::new(Arc::clone(store), root)), key.into()));
        }
        match Place::parse(path) {
            Ok(Place { root, .. }) if !root.is_empty() && !path.exists() => Err(Error::InvalidOption {
                option: "object_store",
                message: format!(
                    "`{}` is the URL of an object store, and no store was given: build with the feature `object-store` of `stream-runtime`, and give the store with `.object_store(…)`",
                    path.display()
                ),
            }),
            _ => Ok((Storage::Disk, path.to_owned())),
        }
    }
}

impl Storage {
    /// How messages call a file.
    pub(crate) fn name(&self, path: &Path) -> String {
        match self {
            Self::Disk => path.display().to_string(),
            #[cfg(feature = "object-store")]
            Self::Objects(objects) => objects.name(&key_of(path)),
        }
    }

    /// The path from the storage's root.
    pub(crate) fn absolute(&self, path: &Path) -> Result<PathBuf> {
        match self {
            Self::Disk => std::path::absolute(path).map_err(|error| Error::io("resolving", path, error)),
            #[cfg(feature = "object-store")]
            Self::Objects(objects) => {
                let Place { root, key } = Place::parse(path)?;
                let bucket = |root: &str| root.split_once("://").map(|(_, bucket)| bucket.to_owned());
                if let (Some(other), Some(own)) = (bucket(&root), bucket(objects.root()))
                    && other != own
                {
                    return Err(Error::InvalidOption {
                        option: "object_store",
                        message: format!(
                            "`{}` is in another bucket than `{}`; give a path in that one",
                            path.display(),
                            objects.root()
                        ),
                    });
                }
                Ok(key.into())
            }
        }
    }
}

/// The key that a path in an object store stands for.
#[cfg(feature = "object-store")]
pub(crate) fn key_of(path: &Path) -> String {
    let parts = path.components().map(|part| part.as_os_str().to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}
