//! [`ReadAhead`]: an object read from somewhere on, for as long as somebody reads.
//!
//! A request asks for more the longer reading goes on in sequence, so that a look at a few bytes costs little and a
//! long read few requests.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::ObjectStore;

use super::Object;
use super::objects::{options, parse};

/// How much the first request asks for, …
const FIRST: u64 = 1 << 20;
/// … and how much one asks for at most, as each asks for twice as much.
const LARGEST: u64 = 16 << 20;

/// Reads an object in sequence.
pub(crate) struct ReadAhead {
    object: Object,
    /// Where what has arrived last begins, and how much of it was read.
    begin: u64,
    read: usize,
    here: Bytes,
    /// What is on its way.
    body: Option<BoxStream<'static, object_store::Result<Bytes>>>,
    /// How much the next request asks for.
    window: u64,
    /// Requests that begin before this end there.
    end: u64,
}

impl ReadAhead {
    /// From the beginning on. Most of what lies behind `end` won't be read.
    pub(super) fn new(object: Object, end: u64) -> Self {
        Self { object, begin: 0, read: 0, here: Bytes::new(), body: None, window: FIRST, end }
    }

    /// The offset of the next byte.
    fn position(&self) -> u64 {
        self.begin + self.read as u64
    }

    /// Waits for the next bytes; none are left at the object's end.
    fn fetch(&mut self) -> io::Result<()> {
        let Object { objects, key, size, e_tag, .. } = &self.object;
        while self.read == self.here.len() && self.position() < *size {
            let position = self.position();
            if let Some(body) = &mut self.body {
                match objects.runtime.block_on(body.next()) {
                    Some(bytes) => (self.begin, self.read, self.here) = (position, 0, bytes?),
                    None => self.body = None,
                }
                continue;
            }
            let end = position.saturating_add(self.window).min(*size);
            let end = if position < self.end { end.min(self.end) } else { end };
            self.window = (self.window * 2).min(LARGEST);
            let (key, options) = (parse(key)?, options(position..end, e_tag.as_deref()));
            let mut body = objects.runtime.block_on(objects.store.get_opts(&key, options))?.into_stream();
            // A body without a byte would be asked for again and again.
            let first = objects.runtime.block_on(body.next()).ok_or(io::ErrorKind::UnexpectedEof)??;
            (self.begin, self.read, self.here, self.body) = (position, 0, first, Some(body));
        }
        Ok(())
    }
}

impl Read for ReadAhead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fetch().map_err(|error| self.object.note(error))?;
        let rest = self.here.get(self.read..).unwrap_or_default();
        let count = buffer.len().min(rest.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        Ok(count)
    }
}

impl Seek for ReadAhead {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.object.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.position().checked_add_signed(by),
        };
        let position = position.ok_or(io::ErrorKind::InvalidInput)?;
        let within = position.checked_sub(self.begin).and_then(|within| usize::try_from(within).ok());
        match within.filter(|within| *within <= self.here.len()) {
            Some(within) => self.read = within,
            None => *self = Self { begin: position, ..Self::new(self.object.clone(), self.end) },
        }
        Ok(position)
    }
}

impl fmt::Debug for ReadAhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, begin, .. } = self;
        f.debug_struct("ReadAhead").field("object", object).field("begin", begin).finish_non_exhaustive()
    }
}
