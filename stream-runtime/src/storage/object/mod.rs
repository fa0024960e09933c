//! [`Object`]: one version of an object, which is read.

#[cfg(any(feature = "orc", feature = "parquet"))]
mod ranges;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use object_store::ObjectMeta;

use super::Objects;
use super::read_ahead::ReadAhead;

/// An object as it was when it was listed. Where the store tells versions apart (`ETag`), bytes of another version are
/// never read: the request fails.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(super) objects: Objects,
    pub(super) key: Arc<str>,
    pub(super) size: u64,
    pub(super) e_tag: Option<Arc<str>>,
    failure: Arc<Mutex<Option<(io::ErrorKind, String)>>>,
}

impl Object {
    /// A weak tag (`W/…`) can't be a condition, and is none.
    pub(crate) fn new(objects: Objects, key: Arc<str>, size: u64, e_tag: Option<Arc<str>>) -> Self {
        let e_tag = e_tag.filter(|tag| !tag.starts_with("W/"));
        Self { objects, key, size, e_tag, failure: Arc::default() }
    }

    /// Whether every request makes sure that the object is still that version.
    pub(crate) fn is_pinned(&self) -> bool {
        self.e_tag.is_some()
    }

    /// What the store knows of the object now.
    pub(crate) fn now(&self) -> crate::Result<Option<ObjectMeta>> {
        self.objects.head(&self.key)
    }

    /// Reads from the beginning on. Most of what lies behind `end` won't be read.
    pub(crate) fn reader(&self, end: u64) -> ReadAhead {
        ReadAhead::new(self.clone(), end)
    }

    /// Why a read has failed last, if one has: readers of formats take it for damage.
    pub(crate) fn failure(&self) -> Option<io::Error> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.as_ref().map(|(kind, message)| io::Error::new(*kind, message.clone()))
    }

    /// Notes an error. That there is no more to read isn't one of the store.
    pub(super) fn note(&self, error: io::Error) -> io::Error {
        if error.kind() != io::ErrorKind::UnexpectedEof {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            *failure = Some((error.kind(), error.to_string()));
        }
        error
    }
}
