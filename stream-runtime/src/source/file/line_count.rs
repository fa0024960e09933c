//! [`LineCount`]: the line numbers of a file that is read from several places at once.
//!
//! Nothing is counted until a message needs a line's number; then each part of the file is counted at most once.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, OnceLock};

use super::log::SeenFile;
use super::split::Reading;
use crate::source::LinesBefore;

/// The line ends in each part of a file.
#[derive(Debug)]
pub(super) struct LineCount {
    reading: Arc<Reading>,
    file: SeenFile,
    /// Where the parts begin, and where the last one ends.
    cuts: Vec<u64>,
    counts: Vec<OnceLock<Option<u64>>>,
}

impl LineCount {
    /// `cuts` are where the parts begin, and where the last one ends.
    pub(super) fn new(reading: Arc<Reading>, file: SeenFile, cuts: Vec<u64>) -> Self {
        let counts = cuts.iter().map(|_| OnceLock::new()).collect();
        Self { reading, file, cuts, counts }
    }

    fn before(&self, part: usize) -> Option<u64> {
        let parts = self.cuts.windows(2).zip(&self.counts).take(part);
        parts.map(|(cut, count)| *count.get_or_init(|| self.count(cut[0], cut[1]).ok())).sum()
    }

    fn count(&self, from: u64, to: u64) -> io::Result<u64> {
        let mut file = self.reading.open(&self.file).map_err(io::Error::other)?.reader(to)?;
        file.seek(SeekFrom::Start(from))?;
        let mut part = file.take(to - from);
        let mut buffer = vec![0; 256 << 10];
        let mut count = 0;
        loop {
            match part.read(&mut buffer) {
                Ok(0) => return Ok(count),
                Ok(read) => count += memchr::memchr_iter(b'\n', &buffer[..read]).count() as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// The lines before the first one that begins in a part.
#[derive(Debug)]
pub(super) struct Before<'a> {
    pub(super) lines: &'a LineCount,
    pub(super) part: usize,
    /// The offset of the part's first line.
    pub(super) first_line: u64,
}

impl LinesBefore for Before<'_> {
    fn lines_before(&self) -> Option<u64> {
        let begins_later = self.lines.cuts.get(self.part).is_some_and(|&cut| self.first_line > cut);
        // Then the part holds the end of the line before.
        Some(self.lines.before(self.part)? + u64::from(begins_later))
    }
}
