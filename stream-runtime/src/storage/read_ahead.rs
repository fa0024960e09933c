//! [`ReadAhead`]: an object read from somewhere on, for as long as somebody reads.
//!
//! A request asks for more the longer reading goes on in sequence, so that a look at a few bytes costs little and a
//! long read few requests.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};

use bytes::{Buf, Bytes};
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
    /// The offset of the next byte.
    position: u64,
    /// What has arrived.
    here: Bytes,
    /// What is on its way.
    body: Option<BoxStream<'static, object_store::Result<Bytes>>>,
    /// How much the next request asks for.
    window: u64,
}

impl ReadAhead {
    pub(super) fn new(object: Object) -> Self {
        Self { object, position: 0, here: Bytes::new(), body: None, window: FIRST }
    }

    /// Waits for the next bytes; none are left at the object's end.
    fn fetch(&mut self) -> io::Result<()> {
        let Object { objects, key, size, e_tag } = &self.object;
        while self.here.is_empty() && self.position < *size {
            let Some(body) = &mut self.body else {
                let end = self.position.saturating_add(self.window).min(*size);
                self.window = (self.window * 2).min(LARGEST);
                let (key, options) = (parse(key)?, options(self.position..end, e_tag.as_deref()));
                let got = objects.runtime.block_on(objects.store.get_opts(&key, options))?;
                self.body = Some(got.into_stream());
                continue;
            };
            match objects.runtime.block_on(body.next()) {
                Some(bytes) => self.here = bytes?,
                None => self.body = None,
            }
        }
        Ok(())
    }
}

impl Read for ReadAhead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fetch()?;
        let count = buffer.len().min(self.here.len());
        self.here.copy_to_slice(&mut buffer[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for ReadAhead {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.object.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        let position = position.ok_or(io::ErrorKind::InvalidInput)?;
        if position != self.position {
            *self = Self { position, ..Self::new(self.object.clone()) };
        }
        Ok(position)
    }
}

impl fmt::Debug for ReadAhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, position, .. } = self;
        f.debug_struct("ReadAhead")
            .field("object", object)
            .field("position", position)
            .finish_non_exhaustive()
    }
}
