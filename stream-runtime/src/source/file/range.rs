//! [`RangeReader`]: the bytes of a file's lines that begin within a range.
//!
//! A line belongs to the range that holds its first byte, so ranges that cover a file give each line exactly once.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// How many bytes are read at once where only a line end is looked for.
pub(super) const PROBE: usize = 64 << 10;

/// The bytes of complete lines, one buffer after another.
pub(super) trait Fill {
    /// The offset of the next byte.
    fn position(&self) -> u64;

    /// How many bytes there are at most, not counting what the last line has beyond a range.
    fn remaining(&self) -> u64;

    /// Fills the buffer, at least partly; 0 means that the last line has been read to its end.
    ///
    /// # Errors
    /// `UnexpectedEof` if there are fewer bytes than there should be.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
}

/// Reads whole lines, though not one by one.
#[derive(Debug)]
pub(super) struct RangeReader<F> {
    file: F,
    /// The offset of the next byte to read.
    position: u64,
    /// The end of the range; it is moved to the end of the range's last line once that is found.
    end: u64,
    /// How much of the file there is to read at all.
    size: u64,
    /// The byte before `position`.
    last: u8,
}

impl<F: Read + Seek> RangeReader<F> {
    /// Goes to the first line that begins in `range`. Reads nothing past `size`.
    pub(super) fn new(mut file: F, range: &Range<u64>, size: u64) -> io::Result<Self> {
        let end = range.end.min(size);
        let start = if range.start == 0 { Some(0) } else { first_line(&mut file, range.start - 1..end)? };
        // Without a line of its own the range is empty.
        let (position, end, size) = start.map_or((end, end, end), |start| (start, end, size));
        file.seek(SeekFrom::Start(position))?;
        Ok(Self { file, position, end, size, last: b'\n' })
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file.read(buffer) {
                Ok(0) if !buffer.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    self.position += count as u64;
                    self.last = buffer[..count].last().copied().unwrap_or(self.last);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl<F: Read + Seek> Fill for RangeReader<F> {
    fn position(&self) -> u64 {
        self.position
    }

    fn remaining(&self) -> u64 {
        self.end - self.position
    }

    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position < self.end {
            let wanted = buffer.len().min(usize::try_from(self.end - self.position).unwrap_or(usize::MAX));
            return self.read(&mut buffer[..wanted]);
        }
        if self.last == b'\n' || self.position >= self.size {
            return Ok(0);
        }
        // The range's last line goes on beyond it.
        let rest = usize::try_from(self.size - self.position).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(PROBE).min(rest);
        let mut count = self.read(&mut buffer[..wanted])?;
        if let Some(at) = memchr::memchr(b'\n', &buffer[..count]) {
            self.position -= (count - at - 1) as u64;
            self.last = b'\n';
            count = at + 1;
        }
        self.end = self.position;
        Ok(count)
    }
}

/// Where the first line begins whose preceding line end lies in `range`; `None` if it begins past the range's end.
fn first_line(file: &mut (impl Read + Seek), range: Range<u64>) -> io::Result<Option<u64>> {
    let mut position = range.start;
    let mut found = None;
    file.seek(SeekFrom::Start(position))?;
    let mut buffer = vec![0; PROBE];
    while found.is_none() && position < range.end {
        let wanted = buffer.len().min(usize::try_from(range.end - position).unwrap_or(usize::MAX));
        let count = match file.read(&mut buffer[..wanted]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        found = memchr::memchr(b'\n', &buffer[..count]).map(|at| position + at as u64 + 1);
        position += count as u64;
    }
    Ok(found.filter(|&start| start < range.end))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn read_all(bytes: &[u8], range: Range<u64>, buffer: usize) -> Vec<u8> {
        let mut reader = RangeReader::new(Cursor::new(bytes), &range, bytes.len() as u64).unwrap();
        let mut buffer = vec![0; buffer];
        let mut all = Vec::new();
        loop {
            match reader.fill(&mut buffer).unwrap() {
                0 => return all,
                count => all.extend_from_slice(&buffer[..count]),
            }
        }
    }

    proptest! {
        #[test]
        fn a_range_holds_the_lines_that_begin_in_it(
            text in "([a-c]{0,3}|\n){0,40}",
            start in 0_u64..60,
            length in 0_u64..60,
            buffer in 1_usize..20,
        ) {
            let bytes = text.as_bytes();
            let start = start.min(bytes.len() as u64);
            let end = (start + length).min(bytes.len() as u64);
            let mut wanted = Vec::new();
            let mut offset = 0_u64;
            for line in bytes.split_inclusive(|&byte| byte == b'\n') {
                if (start..end).contains(&offset) {
                    wanted.extend_from_slice(line);
                }
                offset += line.len() as u64;
            }
            prop_assert_eq!(read_all(bytes, start..end, buffer), wanted);
        }
    }

    #[test]
    fn a_file_that_ends_before_its_recorded_size_is_an_error() {
        let mut reader = RangeReader::new(Cursor::new(b"abc".as_slice()), &(0..5), 5).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(reader.fill(&mut buffer).unwrap(), 3);
        assert_eq!(reader.fill(&mut buffer).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
