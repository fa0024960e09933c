//! [`Object`]: one version of an object, of which ranges are read.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use object_store::{ObjectMeta, ObjectStore, coalesce_ranges};

use super::Objects;
use super::objects::{options, parse};
use super::read_ahead::ReadAhead;

/// Ranges that are this near to each other are read at once, with what is between them.
const NEAR: u64 = 1 << 20;

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

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Whether every request makes sure that the object is still that version.
    pub(crate) fn is_pinned(&self) -> bool {
        self.e_tag.is_some()
    }

    /// What the store knows of the object now.
    pub(crate) fn now(&self) -> crate::Result<Option<ObjectMeta>> {
        self.objects.head(&self.key)
    }

    /// The bytes from an offset up to another.
    ///
    /// # Errors
    /// `UnexpectedEof` if the object ends before that.
    pub(crate) fn range(&self, range: Range<u64>) -> io::Result<Bytes> {
        let mut read = self.ranges(&[range])?;
        read.pop().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// The bytes of several ranges, in their order, in as few requests as make sense.
    pub(crate) fn ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Bytes>> {
        if ranges.iter().any(|range| range.start > range.end || range.end > self.size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let key = parse(&self.key)?;
        let fetch = |range: Range<u64>| {
            let (store, key) = (&self.objects.store, &key);
            async move {
                if range.is_empty() {
                    return Ok(Bytes::new());
                }
                store.get_opts(key, options(range, self.e_tag.as_deref())).await?.bytes().await
            }
        };
        let read = self.objects.runtime.block_on(coalesce_ranges(ranges, fetch, NEAR))?;
        // A store that answers with less would otherwise pass for a file that ends early.
        let is_whole = |(bytes, range): (&Bytes, &Range<u64>)| bytes.len() as u64 == range.end - range.start;
        if read.len() == ranges.len() && read.iter().zip(ranges).all(is_whole) {
            Ok(read)
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    /// Reads from an offset on.
    pub(crate) fn reader(&self) -> ReadAhead {
        ReadAhead::new(self.clone())
    }
}
