//! [`Fetched`]: the parts of an object that a Parquet reader is about to read, fetched in as few requests as make sense.
//!
//! The reader asks for each page by itself, and each question would be a request.

use std::io;
use std::ops::Range;

use ::parquet::errors::{ParquetError, Result};
use ::parquet::file::reader::{ChunkReader, Length};
use bytes::buf::Reader;
use bytes::{Buf, Bytes};

use crate::storage::Object;

/// How much is read at once of what wasn't fetched.
const READ_AHEAD: u64 = 1 << 20;

/// Parts of an object in memory, and the rest of it on demand.
pub(super) struct Fetched {
    object: Object,
    /// Where each part begins, and its bytes.
    parts: Vec<(u64, Bytes)>,
}

impl Fetched {
    pub(super) fn fetch(object: Object, ranges: &[Range<u64>]) -> io::Result<Self> {
        let bytes = object.ranges(ranges)?;
        let parts = ranges.iter().map(|range| range.start).zip(bytes).collect();
        Ok(Self { object, parts })
    }

    /// What was fetched from `start` on, if it holds as many bytes.
    fn part(&self, start: u64, length: usize) -> Option<Bytes> {
        self.parts.iter().find_map(|(begin, bytes)| {
            let from = usize::try_from(start.checked_sub(*begin)?).ok()?;
            (from.checked_add(length)? <= bytes.len()).then(|| bytes.slice(from..))
        })
    }
}

impl Length for Fetched {
    fn len(&self) -> u64 {
        self.object.size()
    }
}

impl ChunkReader for Fetched {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Reader<Bytes>> {
        if let Some(bytes) = self.part(start, 1) {
            return Ok(bytes.reader());
        }
        let end = start.saturating_add(READ_AHEAD).min(self.object.size());
        Ok(self.object.range(start..end)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if let Some(bytes) = self.part(start, length) {
            return Ok(bytes.slice(..length));
        }
        let end = start
            .checked_add(length as u64)
            .ok_or_else(|| ParquetError::EOF("a length overflows".to_owned()))?;
        Ok(self.object.range(start..end)?)
    }
}
