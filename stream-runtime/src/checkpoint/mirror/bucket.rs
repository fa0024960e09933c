//! [`Bucket`]: the place of a mirror in an object store, and what is done there.
//!
//! Writes are repeated when they fail, and so is what is read to know what came of them. None replaces an object, so doing one twice is harmless.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};

use crate::error::{Error, Result};

use super::manifest::{self, Manifest, Object};

/// The wait before the first repetition; it doubles each time, …
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// … up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How often something is looked for again that a writer has superseded meanwhile.
pub(super) const ATTEMPTS: usize = 10;

/// A prefix of an object store.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// How often a write is repeated before it has failed.
    retries: u32,
}

/// The last manifest of a mirror.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) number: u64,
    pub(super) manifest: Manifest,
}

/// What came of creating a manifest.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Created {
    Now,
    /// Another run has created it, or a later one.
    ByAnother,
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.store, self.prefix)
    }
}

impl Bucket {
    pub(super) fn new(store: Arc<dyn ObjectStore>, prefix: &str, retries: u32) -> Result<Self> {
        let prefix = Path::parse(prefix).map_err(|error| Error::InvalidOption {
            option: "mirror_to",
            message: format!("`{prefix}` can't be the prefix of a mirror: {error}"),
        })?;
        Ok(Self { store, prefix, retries })
    }

    /// An error that names the mirror.
    pub(super) fn error(&self, message: impl fmt::Display) -> Error {
        Error::checkpoint(self.to_string(), message)
    }

    /// What is said of all damage.
    pub(super) fn damaged(&self, name: &str, why: impl fmt::Display) -> Error {
        self.error(format!(
            "the mirror is damaged: `{name}` {why}; restore it from a copy, or go on with the checkpoint that it is of"
        ))
    }

    fn failed(&self, action: &str, name: &str, error: &object_store::Error) -> Error {
        self.error(format!("{action} `{name}` failed: {error}"))
    }

    fn path(&self, name: &str) -> Path {
        self.prefix.parts().chain(Path::from(name).parts()).collect()
    }

    /// The objects in a folder below the prefix, by name.
    pub(super) async fn names(&self, folder: &str) -> Result<Vec<String>> {
        let listed = self.list(folder).await;
        listed.map_err(|error| self.failed("listing", folder, &error))
    }

    async fn list(&self, folder: &str) -> object_store::Result<Vec<String>> {
        let listed: Vec<_> = self.store.list(Some(&self.path(folder))).try_collect().await?;
        let name = |path: &Path| {
            let parts: Vec<_> =
                path.prefix_match(&self.prefix)?.map(|part| part.as_ref().to_owned()).collect();
            Some(parts.join("/"))
        };
        let mut names: Vec<String> = listed.iter().filter_map(|object| name(&object.location)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// The number of the last manifest.
    async fn last_number(&self) -> Result<Option<u64>> {
        Ok(last_of(&self.names(manifest::FOLDER).await?))
    }

    /// The last manifest; `None` if nobody has mirrored anything here.
    pub(super) async fn published(&self) -> Result<Option<Published>> {
        for _ in 0..ATTEMPTS {
            let Some(number) = self.last_number().await? else { return Ok(None) };
            let name = manifest::name(number);
            let Some(bytes) = self.get(&name).await? else {
                // Superseded since it was listed.
                continue;
            };
            let manifest = Manifest::decode(&bytes).map_err(|why| self.damaged(&name, why))?;
            return Ok(Some(Published { number, manifest }));
        }
        Err(self.error("its manifests are gone each time when they have been listed; try again"))
    }

    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.read(name).await.map_err(|error| self.failed("reading", name, &error))
    }

    async fn read(&self, name: &str) -> object_store::Result<Option<Vec<u8>>> {
        let path = self.path(name);
        let read = async { self.store.get(&path).await?.bytes().await };
        match read.await {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// An object's bytes, which are those that were put; `None` if it isn't there.
    pub(super) async fn fetch(&self, object: &Object) -> Result<Option<Vec<u8>>> {
        let Some(bytes) = self.get(&object.name).await? else { return Ok(None) };
        if bytes.len() as u64 != object.bytes || crc32fast::hash(&bytes) != object.crc32 {
            return Err(self.damaged(&object.name, "isn't as it was written"));
        }
        Ok(Some(bytes))
    }

    /// Puts an object of a name that nobody has used before.
    pub(super) async fn put(&self, name: String, bytes: Vec<u8>) -> Result<Object> {
        let object = Object { bytes: bytes.len() as u64, crc32: crc32fast::hash(&bytes), name };
        let (path, payload) = (self.path(&object.name), PutPayload::from(bytes));
        let put = || self.store.put(&path, payload.clone());
        self.repeat(&object.name, put).await.map_err(|error| self.failed("writing", &object.name, &error))?;
        Ok(object)
    }

    /// Makes a manifest the last one, unless there is one of this number or a later one.
    pub(super) async fn create(&self, number: u64, manifest: &Manifest) -> Result<Created> {
        let name = manifest::name(number);
        let encoded = manifest.encode().map_err(|why| self.error(why))?;
        let (path, payload) = (self.path(&name), PutPayload::from(encoded.clone()));
        let put = || self.store.put_opts(&path, payload.clone(), PutMode::Create.into());
        match self.repeat(&name, put).await {
            Ok(_) => {}
            // It may be ours: what has failed may have been written all the same.
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                let read = self.repeat(&name, || self.read(&name)).await;
                let found = read.map_err(|error| self.failed("reading", &name, &error))?;
                if found.is_none_or(|found| found != encoded) {
                    return Ok(Created::ByAnother);
                }
            }
            Err(error) => return Err(self.failed("writing", &name, &error)),
        }
        // The run that has the later ones may have removed that of this number.
        let listed = self.repeat(manifest::FOLDER, || self.list(manifest::FOLDER)).await;
        let listed = listed.map_err(|error| self.failed("listing", manifest::FOLDER, &error))?;
        Ok(if last_of(&listed) == Some(number) { Created::Now } else { Created::ByAnother })
    }

    /// Removes objects that nothing names any more. What stays is only waste, so a failure is no error.
    pub(super) async fn remove(&self, names: Vec<String>) {
        let paths: Vec<_> = names.iter().map(|name| Ok(self.path(name))).collect();
        let mut removed = self.store.delete_stream(stream::iter(paths).boxed());
        while let Some(removed) = removed.next().await {
            if let Err(error) = removed
                && !matches!(error, object_store::Error::NotFound { .. })
            {
                tracing::warn!(mirror = %self, %error, "a superseded object of the mirror stays");
            }
        }
    }

    async fn repeat<T, F>(&self, name: &str, request: impl Fn() -> F) -> object_store::Result<T>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let mut wait = FIRST_WAIT;
        let mut left = self.retries;
        loop {
            use object_store::Error::{
                AlreadyExists, InvalidPath, NotImplemented, NotSupported, PermissionDenied, Precondition,
                Unauthenticated,
            };
            let error = match request().await {
                Ok(done) => return Ok(done),
                Err(
                    error @ (AlreadyExists { .. }
                    | Precondition { .. }
                    | InvalidPath { .. }
                    | NotSupported { .. }
                    | NotImplemented { .. }
                    | PermissionDenied { .. }
                    | Unauthenticated { .. }),
                ) => return Err(error),
                Err(error) if left == 0 => return Err(error),
                Err(error) => error,
            };
            tracing::warn!(mirror = %self, object = name, %error, left, "a request to the mirror failed; trying again");
            left -= 1;
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// The number of the last of these manifests, whose names are in order.
fn last_of(names: &[String]) -> Option<u64> {
    names.iter().filter_map(|name| manifest::number(name)).next_back()
}
