//! Ranges of an object, for formats whose readers know where things are.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use object_store::{ObjectStore, coalesce_ranges};

use super::Object;
use crate::storage::objects::{options, parse};

/// Ranges that are this near to each other are read at once, with what is between them.
const NEAR: u64 = 1 << 20;

impl Object {
    #[cfg(feature = "parquet")]
    pub(crate) fn size(&self) -> u64 {
        self.size
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
        self.fetch(ranges).map_err(|error| self.note(error))
    }

    fn fetch(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Bytes>> {
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
}
