//! [`Records`]: a range of a file as runs of complete records, in one buffer that is used again and again.
//!
//! Invariant: the buffer never grows past the length limit of a record by more than two bytes, or past the length of a
//! chunk if that is more, whatever the file holds; a longer record is cut to its beginning and skipped.

use std::io;
use std::ops::Range;

use super::framing::Framing;
use super::range::Fill;

/// How much of a record that is too long is handed out, unless the limit is less.
const PREFIX: usize = 4 << 10;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What was found next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// Complete records.
    Records(&'a [u8]),
    /// The beginning of a record that is longer than the limit.
    TooLong(&'a [u8]),
}

/// Where something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    /// The offset in the file.
    pub(super) offset: u64,
    /// The line, from 1 for the line that the range begins with.
    pub(super) line: u64,
}

/// What bounds the buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How many bytes are read, and handed out, at once, unless one record is longer.
    pub(super) chunk: usize,
    /// The longest record, without its line end.
    pub(super) record: usize,
}

/// Reads records.
#[derive(Debug)]
pub(super) struct Records<'b, F> {
    reader: F,
    fresh: Framing,
    framing: Framing,
    limits: Limits,
    buffer: &'b mut Vec<u8>,
    /// Complete records that were not handed out.
    ready: Range<usize>,
    /// The end of what was read into the buffer. What lies after `ready` is the beginning of a record.
    filled: usize,
    ended: bool,
    next: At,
    /// The beginning of the last record that outgrew the buffer.
    prefix: Vec<u8>,
}

impl<'b, F: Fill> Records<'b, F> {
    /// Reads the records that `framing` finds.
    pub(super) fn new(reader: F, framing: Framing, limits: Limits, buffer: &'b mut Vec<u8>) -> Self {
        let offset = reader.position();
        let size = usize::try_from(reader.remaining()).unwrap_or(usize::MAX);
        // A file is mostly read to its end with the first buffer, which one byte more makes known.
        let size = size.saturating_add(1).min(limits.chunk);
        if buffer.len() < size || buffer.len() > limits.chunk {
            // A buffer that a long record has stretched goes back to its size.
            buffer.resize(size, 0);
            buffer.shrink_to(size);
        }
        let next = At { offset, line: 1 };
        Self {
            reader,
            fresh: framing,
            framing,
            limits,
            buffer,
            ready: 0..0,
            filled: 0,
            ended: false,
            next,
            prefix: Vec::new(),
        }
    }

    /// Where the next call of [`next`](Self::next) begins to look.
    pub(super) fn position(&self) -> At {
        self.next
    }

    /// The next run of records, or the next record that is too long; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<(Found<'_>, At)>> {
        if self.ready.is_empty() && !self.find_more()? {
            return if self.filled > self.ready.end { self.too_long().map(Some) } else { Ok(None) };
        }
        let run = self.run_within_limit();
        Ok(Some(if run > 0 {
            let (at, range) = self.advance(run);
            (Found::Records(&self.buffer[range]), at)
        } else {
            let length = self.first_length();
            let (at, range) = self.advance(length);
            (Found::TooLong(&self.buffer[range][..PREFIX.min(self.limits.record)]), at)
        }))
    }

    /// The next record by itself, too long or not; `None` at the end.
    pub(super) fn next_one(&mut self) -> io::Result<Option<Found<'_>>> {
        if self.ready.is_empty() && !self.find_more()? {
            return if self.filled > self.ready.end {
                self.too_long().map(|(found, _)| Some(found))
            } else {
                Ok(None)
            };
        }
        let length = self.first_length();
        let (_, range) = self.advance(length);
        let record = &self.buffer[range];
        Ok(Some(if content_length(record) > self.limits.record {
            Found::TooLong(&record[..PREFIX.min(self.limits.record)])
        } else {
            Found::Records(record)
        }))
    }

    /// Reads until a record is complete. `false` if none is: at the end, or because the record that has begun is
    /// already too long.
    fn find_more(&mut self) -> io::Result<bool> {
        debug_assert!(self.ready.is_empty());
        self.buffer.copy_within(self.ready.end..self.filled, 0);
        self.filled -= self.ready.end;
        self.ready = 0..0;
        loop {
            if self.filled == self.buffer.len() {
                // A line end of two bytes doesn't count.
                let largest = self.limits.record.saturating_add(2).max(self.limits.chunk);
                let grown = self.buffer.len().saturating_mul(2).min(largest);
                self.buffer.resize(grown, 0);
            }
            let from = self.filled;
            let count = if self.ended { 0 } else { self.reader.fill(&mut self.buffer[from..])? };
            if count == 0 {
                self.ended = true;
                self.ready = 0..self.filled;
                return Ok(self.filled > 0);
            }
            self.filled += count;
            if self.next.offset == 0
                && self.next.line == 1
                && self.buffer[..self.filled].starts_with(BYTE_ORDER_MARK)
            {
                self.buffer.copy_within(BYTE_ORDER_MARK.len()..self.filled, 0);
                self.filled -= BYTE_ORDER_MARK.len();
                self.next.offset = BYTE_ORDER_MARK.len() as u64;
                self.framing = self.fresh;
                if let Some(end) = self.framing.last_end(&self.buffer[..self.filled], 0) {
                    self.ready = 0..end;
                    return Ok(true);
                }
                continue;
            }
            if let Some(end) = self.framing.last_end(&self.buffer[..self.filled], from) {
                self.ready = 0..end;
                return Ok(true);
            }
            if self.filled > self.limits.record.saturating_add(1) {
                return Ok(false);
            }
        }
    }

    /// Skips the record in the buffer to its end; it has outgrown the limit.
    fn too_long(&mut self) -> io::Result<(Found<'_>, At)> {
        let at = self.next;
        self.prefix.clear();
        self.prefix.extend_from_slice(&self.buffer[..PREFIX.min(self.limits.record)]);
        loop {
            let skipped = &self.buffer[..self.filled];
            self.next.offset += skipped.len() as u64;
            self.next.line += count_lines(skipped);
            let count = self.reader.fill(self.buffer)?;
            self.filled = count;
            self.ready = 0..0;
            if count == 0 {
                self.ended = true;
                break;
            }
            if let Some(end) = self.framing.first_end(&self.buffer[..count], 0) {
                self.next.offset += end as u64;
                self.next.line += count_lines(&self.buffer[..end]);
                // What follows is framed again from its beginning.
                self.framing = self.fresh;
                let complete = self.framing.last_end(&self.buffer[..count], end).unwrap_or(end);
                self.ready = end..complete;
                break;
            }
        }
        Ok((Found::TooLong(&self.prefix), at))
    }

    /// How many bytes of `ready` may be handed out at once, up to the first record that is too long.
    fn run_within_limit(&self) -> usize {
        let ready = &self.buffer[self.ready.clone()];
        if ready.len() <= self.limits.record {
            return ready.len();
        }
        let mut framing = self.fresh;
        let mut run = 0;
        while run < ready.len() {
            let end = framing.first_end(ready, run).unwrap_or(ready.len());
            if content_length(&ready[run..end]) > self.limits.record {
                break;
            }
            run = end;
        }
        run
    }

    fn first_length(&self) -> usize {
        let ready = &self.buffer[self.ready.clone()];
        let mut framing = self.fresh;
        framing.first_end(ready, 0).unwrap_or(ready.len())
    }

    fn advance(&mut self, length: usize) -> (At, Range<usize>) {
        let range = self.ready.start..self.ready.start + length;
        let at = self.next;
        self.next.offset += length as u64;
        self.next.line += count_lines(&self.buffer[range.clone()]);
        self.ready.start = range.end;
        (at, range)
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// A record's length without its line end.
fn content_length(record: &[u8]) -> usize {
    let line = record.strip_suffix(b"\n").unwrap_or(record);
    line.strip_suffix(b"\r").unwrap_or(line).len()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, SeekFrom};

    use super::*;
    use crate::source::file::range::RangeReader;

    /// A file of so many bytes that are all the same.
    struct Endless {
        position: u64,
        size: u64,
    }

    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min((self.size - self.position) as usize);
            buffer[..count].fill(b'"');
            self.position += count as u64;
            Ok(count)
        }
    }

    impl Seek for Endless {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            let SeekFrom::Start(to) = to else { unreachable!("the reader knows where it is") };
            self.position = to;
            Ok(to)
        }
    }

    #[test]
    fn the_buffer_stays_within_its_limits_however_long_a_record_is() {
        let size = 16 << 20;
        for (record, framing) in
            [(10, Framing::Lines), (300_000, Framing::Lines), (300_000, Framing::csv(b',', b'"'))]
        {
            let limits = Limits { chunk: 64 << 10, record };
            let mut buffer = Vec::new();
            let reader = RangeReader::new(Endless { position: 0, size }, &(0..size), size).unwrap();
            let mut records = Records::new(reader, framing, limits, &mut buffer);
            let (found, at) = records.next().unwrap().unwrap();
            assert_eq!(
                (found, at),
                (Found::TooLong(&vec![b'"'; record.min(PREFIX)]), At { offset: 0, line: 1 })
            );
            assert_eq!(records.next().unwrap(), None);
            assert_eq!(records.position().offset, size);
            assert!(buffer.capacity() <= 2 * (record + 2).max(64 << 10), "{}", buffer.capacity());
            assert!(buffer.len() <= (record + 2).max(64 << 10), "{}", buffer.len());
        }
    }
}
