//! [`FileSplit`]: some files, or a part of a large one, for one worker to read.
//!
//! A file is read as it was when its batch was planned, or not at all: its length and modification time are compared
//! before and after, so that a replayed batch never has other rows than the first attempt.

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use super::framing::Framing;
use super::line_count::{Before, LineCount};
use super::listing;
use super::log::SeenFile;
use super::options::Encoding;
use super::range::RangeReader;
use super::records::{At, Found, Records};
use crate::error::{Error, Result};
use crate::format::csv::{CsvFormat, Layout};
use crate::schema::Schema;
use crate::source::{Chunk, LinesBefore, Position, Rows, Split};

/// Smaller splits cost more than they balance.
const MIN_SPLIT: u64 = 4 << 20;
/// Splits for each worker, so that a slow one doesn't hold up the batch.
const SPLITS_PER_WORKER: u64 = 4;

/// What all splits of a source have in common.
#[derive(Debug)]
pub(super) struct Reading {
    /// The source's description, for errors.
    pub(super) source: String,
    pub(super) encoding: Encoding,
    pub(super) max_line_bytes: usize,
}

/// A file, or a part of one.
#[derive(Debug)]
struct Piece {
    file: SeenFile,
    range: Range<u64>,
    /// For a part: how to number its lines, and its number.
    part: Option<(Arc<LineCount>, usize)>,
}

/// Some files in their order, or a part of a file.
#[derive(Debug)]
pub(super) struct FileSplit<R> {
    reading: Arc<Reading>,
    pieces: Vec<Piece>,
    row: PhantomData<fn() -> R>,
}

/// Cuts the files into splits, in order.
pub(super) fn plan<'a, R: Schema>(
    files: impl Iterator<Item = &'a SeenFile> + Clone,
    reading: &Arc<Reading>,
    parallelism: usize,
) -> Vec<Box<dyn Split<R>>> {
    let total = files.clone().fold(0_u64, |total, file| total.saturating_add(file.size));
    let share = match parallelism {
        0 | 1 => u64::MAX,
        workers => (total / (workers as u64).saturating_mul(SPLITS_PER_WORKER)).max(MIN_SPLIT),
    };
    let mut splits: Vec<Box<dyn Split<R>>> = Vec::new();
    let mut pieces = Vec::new();
    let mut weight = 0_u64;
    for piece in files.flat_map(|file| cut(file, reading.encoding, share)) {
        weight = weight.saturating_add(piece.range.end - piece.range.start);
        pieces.push(piece);
        if weight >= share {
            splits.push(split(reading, std::mem::take(&mut pieces)));
            weight = 0;
        }
    }
    if !pieces.is_empty() {
        splits.push(split(reading, pieces));
    }
    splits
}

fn split<R: Schema>(reading: &Arc<Reading>, pieces: Vec<Piece>) -> Box<dyn Split<R>> {
    Box::new(FileSplit { reading: Arc::clone(reading), pieces, row: PhantomData })
}

/// Cuts a file in parts of at most `share` bytes. Only lines can be found from the middle of a file; a CSV record may
/// hold line ends.
fn cut(file: &SeenFile, encoding: Encoding, share: u64) -> Vec<Piece> {
    let parts = if matches!(encoding, Encoding::Json) { file.size.div_ceil(share).max(1) } else { 1 };
    if parts == 1 {
        return vec![Piece { file: file.clone(), range: 0..file.size, part: None }];
    }
    let step = file.size.div_ceil(parts);
    let cuts: Vec<_> = (0..=parts).map(|part| part.saturating_mul(step).min(file.size)).collect();
    let lines = Arc::new(LineCount::new(Arc::clone(&file.path), cuts.clone()));
    let ranges = cuts.windows(2).enumerate();
    ranges
        .map(|(part, cut)| Piece {
            file: file.clone(),
            range: cut[0]..cut[1],
            part: Some((Arc::clone(&lines), part)),
        })
        .collect()
}

impl<R: Schema> Split<R> for FileSplit<R> {
    fn weight(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.range.end - piece.range.start).sum()
    }

    fn read(&mut self, rows: &mut dyn Rows<R>) -> Result<()> {
        let mut buffer = Vec::new();
        self.pieces.iter().try_for_each(|piece| self.reading.read(piece, &mut buffer, rows))
    }
}

impl Reading {
    fn read<R: Schema>(&self, piece: &Piece, buffer: &mut Vec<u8>, rows: &mut dyn Rows<R>) -> Result<()> {
        let recorded = &piece.file;
        let file = match File::open(&*recorded.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(self.changed(recorded, "it is gone"));
            }
            Err(error) => return Err(Error::io("opening", &*recorded.path, error)),
        };
        self.check_unchanged(recorded, &file)?;
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self
                .check_unchanged(recorded, &file)
                .err()
                .unwrap_or_else(|| self.changed(recorded, "it ends before that")),
            _ => Error::io("reading", &*recorded.path, error),
        };
        let reader = RangeReader::new(&file, &piece.range, recorded.size).map_err(failed)?;
        let framing = match self.encoding {
            Encoding::Json => Framing::Lines,
            Encoding::Csv(CsvFormat { delimiter, quote, .. }) => Framing::csv(delimiter, quote),
        };
        let mut records = Records::new(reader, framing, self.max_line_bytes, buffer);
        let first_line = records.position().offset;
        let before = piece.part.as_ref().map(|(lines, part)| Before { lines, part: *part, first_line });
        let before = before.as_ref().map(|before| before as &dyn LinesBefore);
        let at =
            |At { offset, line }| Position { source: &recorded.path, line, offset, lines_before: before };
        let layout = match self.encoding {
            Encoding::Json => None,
            Encoding::Csv(format) if !format.header => Some(Layout::positional::<R>(format)),
            Encoding::Csv(format) => match records.next_one().map_err(failed)? {
                Some(Found::Records(header)) => {
                    Some(Layout::from_header::<R>(format, header).map_err(|problem| {
                        Error::source(&*self.source, format!("the header of `{}`: {problem}", recorded.path))
                    })?)
                }
                Some(Found::TooLong(_)) => {
                    return Err(Error::source(
                        &*self.source,
                        format!("the header of `{}`: {}", recorded.path, self.too_long()),
                    ));
                }
                None => None,
            },
        };
        while let Some((found, place)) = records.next().map_err(failed)? {
            let chunk = match (found, &layout) {
                (Found::Records(bytes), Some(layout)) => Chunk::Csv { bytes, layout, at: at(place) },
                (Found::Records(bytes), None) => Chunk::Json { bytes, at: at(place) },
                (Found::TooLong(bytes), _) => {
                    rows.push(Chunk::Malformed { bytes, at: at(place), reason: &self.too_long() })?;
                    continue;
                }
            };
            rows.push(chunk)?;
        }
        self.check_unchanged(recorded, &file)
    }

    fn too_long(&self) -> String {
        let what = if matches!(self.encoding, Encoding::Json) { "line" } else { "record" };
        format!("the {what} is longer than {} bytes (`max_line_bytes`)", self.max_line_bytes)
    }

    fn check_unchanged(&self, recorded: &SeenFile, file: &File) -> Result<()> {
        let metadata = file.metadata().map_err(|error| Error::io("reading", &*recorded.path, error))?;
        let modified = listing::modified(&recorded.path, &metadata)?;
        if metadata.len() == recorded.size && modified == recorded.modified {
            return Ok(());
        }
        let found = format!("now it has {} bytes, modified {modified}", metadata.len());
        Err(self.changed(recorded, &found))
    }

    fn changed(&self, recorded: &SeenFile, found: &str) -> Error {
        let SeenFile { path, modified, size } = recorded;
        Error::source(
            &*self.source,
            format!(
                "`{path}` has changed since its batch was planned: it had {size} bytes, modified {modified}, and {found}. \
                 Put the file back as it was, modification time included, and start the query again, or start with a \
                 new checkpoint; let writers write under a name that begins with `_` or `.` and rename the complete file"
            ),
        )
    }
}
