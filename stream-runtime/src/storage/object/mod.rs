//! [`Object`]: one version of an object, which is read.

#[cfg(any(feature = "orc", feature = "parquet"))]
mod ranges;

use std::sync::Arc;

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
}

impl Object {
    pub(crate) fn new(objects: Objects, key: Arc<str>, size: u64, e_tag: Option<Arc<str>>) -> Self {
        Self { objects, key, size, e_tag }
    }

    /// Whether every request makes sure that the object is still that version.
    pub(crate) fn is_pinned(&self) -> bool {
        self.e_tag.is_some()
    }

    /// What the store knows of the object now.
    pub(crate) fn now(&self) -> crate::Result<Option<ObjectMeta>> {
        self.objects.head(&self.key)
    }

    /// Reads from the beginning on.
    pub(crate) fn reader(&self) -> ReadAhead {
        ReadAhead::new(self.clone())
    }
}
