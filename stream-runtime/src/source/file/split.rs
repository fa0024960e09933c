//! [`FileSplit`]: some files, or a part of a large one, for one worker to read.
//!
//! A file is read as it was when its batch was planned, or not at all: its length and modification time are compared
//! before and after, so that a replayed batch never has other rows than the first attempt.

use std::fs::File;
use std::io::{self, BufReader};
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

#[cfg(any(feature = "orc", feature = "parquet"))]
use super::columnar::Problem;
use super::compression::Compression;
use super::format::Encoding;
use super::framing::Framing;
use super::line_count::{Before, LineCount};
use super::listing;
use super::log::SeenFile;
#[cfg(feature = "object-store")]
use super::objects;
use super::partition::Partitions;
use super::range::{Fill, PROBE, RangeReader};
use super::records::{At, Found, Limits, Records};
use crate::error::{Error, Result};
use crate::format::csv::{CsvFormat, Layout};
use crate::format::partition::PartitionValues;
use crate::schema::Schema;
use crate::source::{Chunk, LinesBefore, Position, Rows, Split};
#[cfg(feature = "object-store")]
use crate::storage::Object;
use crate::storage::{OpenFile, Storage};

/// What all splits of a source have in common.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// The source's description, for errors.
    pub(super) source: String,
    pub(super) storage: Storage,
    pub(super) encoding: Encoding,
    pub(super) limits: Limits,
    pub(super) partitions: Partitions,
}

/// A file, or a part of one.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) file: SeenFile,
    pub(super) range: Range<u64>,
    /// For a part: how to number its lines, and its number.
    pub(super) part: Option<(Arc<LineCount>, usize)>,
}

/// Some files in their order, or a part of a file.
#[derive(Debug)]
pub(super) struct FileSplit<R> {
    reading: Arc<Reading>,
    pieces: Vec<Piece>,
    row: PhantomData<fn() -> R>,
}

impl<R> FileSplit<R> {
    pub(super) fn new(reading: Arc<Reading>, pieces: Vec<Piece>) -> Self {
        Self { reading, pieces, row: PhantomData }
    }
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
        let file = self.open(recorded)?;
        if !is_pinned(&file) {
            self.check_unchanged(recorded, &file)?;
        }
        let partition = self.partitions.values::<R>(&self.source, &recorded.path)?;
        #[cfg(any(feature = "orc", feature = "parquet"))]
        if let Some(read) = self.read_columns(piece, &file, &partition, rows) {
            return match read {
                Err(Problem::File(problem)) => Err(self.damaged(recorded, &file, problem)),
                Err(Problem::Query(error)) => Err(error),
                Ok(()) if is_pinned(&file) => Ok(()),
                Ok(()) => self.check_unchanged(recorded, &file),
            };
        }
        let failed = |error: io::Error| match self.check_unchanged(recorded, &file) {
            Err(changed) => changed,
            Ok(()) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.changed(recorded, "it ends before that")
            }
            Ok(()) => Error::io("reading", &*recorded.path, error),
        };
        // The part's last line goes on a little beyond it.
        let end = piece.range.end.saturating_add(PROBE as u64);
        let reader = file.reader(end).map_err(failed)?;
        match Compression::of(&recorded.path) {
            None => {
                let reader = RangeReader::new(reader, &piece.range, recorded.size).map_err(failed)?;
                self.read_records(piece, reader, failed, &partition, buffer, rows)?;
            }
            Some(compression) => {
                let reader = compression
                    .reader(BufReader::new(reader))
                    .map_err(|problem| self.unreadable(recorded, problem))?;
                let failed = |error: io::Error| self.damaged(recorded, &file, compression.problem(&error));
                self.read_records(piece, reader, failed, &partition, buffer, rows)?;
            }
        }
        if is_pinned(&file) { Ok(()) } else { self.check_unchanged(recorded, &file) }
    }

    pub(super) fn open(&self, recorded: &SeenFile) -> Result<OpenFile> {
        match &self.storage {
            Storage::Disk => match File::open(&*recorded.path) {
                Ok(file) => Ok(OpenFile::Disk(file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    Err(self.changed(recorded, "it is gone"))
                }
                Err(error) => Err(Error::io("opening", &*recorded.path, error)),
            },
            #[cfg(feature = "object-store")]
            Storage::Objects(objects) => {
                let SeenFile { path, size, e_tag, .. } = recorded.clone();
                Ok(OpenFile::Object(Object::new(objects.clone(), path, size, e_tag)))
            }
        }
    }

    /// Reads lines or records.
    fn read_records<R: Schema>(
        &self,
        piece: &Piece,
        reader: impl Fill,
        failed: impl Fn(io::Error) -> Error,
        partition: &PartitionValues,
        buffer: &mut Vec<u8>,
        rows: &mut dyn Rows<R>,
    ) -> Result<()> {
        let recorded = &piece.file;
        let framing = match self.encoding {
            Encoding::Csv(CsvFormat { delimiter, quote, .. }) => Framing::csv(delimiter, quote),
            _ => Framing::Lines,
        };
        let mut records = Records::new(reader, framing, self.limits, buffer);
        let first_line = records.position().offset;
        let before = piece.part.as_ref().map(|(lines, part)| Before { lines, part: *part, first_line });
        let before = before.as_ref().map(|before| before as &dyn LinesBefore);
        let at = |At { offset, line }| Position {
            source: &recorded.path,
            line,
            offset,
            lines_before: before,
            message: None,
        };
        let layout = match self.encoding {
            Encoding::Csv(format) if !format.header => {
                Some(Layout::positional_in::<R>(format, partition.clone()))
            }
            Encoding::Csv(format) => match records.next_one().map_err(&failed)? {
                Some(Found::Records(header)) => {
                    let layout = Layout::from_header_in::<R>(format, header, partition.clone());
                    Some(layout.map_err(|problem| {
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
            _ => None,
        };
        while let Some((found, place)) = records.next().map_err(&failed)? {
            let chunk = match (found, &layout) {
                (Found::Records(bytes), Some(layout)) => Chunk::Csv { bytes, layout, at: at(place) },
                (Found::Records(bytes), None) if partition.is_empty() => Chunk::Json { bytes, at: at(place) },
                (Found::Records(bytes), None) => Chunk::JsonInPartition { bytes, partition, at: at(place) },
                (Found::TooLong(bytes), _) => {
                    rows.push(Chunk::Malformed { bytes, at: at(place), reason: &self.too_long() })?;
                    continue;
                }
            };
            rows.push(chunk)?;
        }
        Ok(())
    }

    /// Reads a file of columns; `None` if it is one of lines or records.
    #[cfg(any(feature = "orc", feature = "parquet"))]
    fn read_columns<R: Schema>(
        &self,
        piece: &Piece,
        file: &OpenFile,
        partition: &PartitionValues,
        rows: &mut dyn Rows<R>,
    ) -> Option<std::result::Result<(), Problem>> {
        match self.encoding {
            Encoding::Json | Encoding::Csv(_) => None,
            #[cfg(feature = "parquet")]
            Encoding::Parquet => Some(super::parquet::read(piece, file, partition, rows)),
            #[cfg(feature = "orc")]
            Encoding::Orc => Some(super::orc::read(piece, file, partition, rows)),
        }
    }

    /// What looks like damage may be what a writer has got in between, or a store that doesn't answer.
    fn damaged(&self, recorded: &SeenFile, file: &OpenFile, problem: impl std::fmt::Display) -> Error {
        if let Err(changed) = self.check_unchanged(recorded, file) {
            return changed;
        }
        #[cfg(feature = "object-store")]
        if let OpenFile::Object(object) = file
            && let Some(failure) = object.failure()
        {
            return Error::io("reading", &*recorded.path, failure);
        }
        self.unreadable(recorded, problem)
    }

    fn unreadable(&self, recorded: &SeenFile, problem: impl std::fmt::Display) -> Error {
        Error::source(
            &*self.source,
            format!(
                "`{}` can't be read: {problem}; restore the file, or keep it out of the source if it isn't of the \
                 source's format",
                recorded.path
            ),
        )
    }

    fn too_long(&self) -> String {
        let what = if matches!(self.encoding, Encoding::Json) { "line" } else { "record" };
        format!("the {what} is longer than {} bytes (`max_line_bytes`)", self.limits.record)
    }

    fn check_unchanged(&self, recorded: &SeenFile, file: &OpenFile) -> Result<()> {
        let found = match file {
            OpenFile::Disk(file) => {
                let metadata =
                    file.metadata().map_err(|error| Error::io("reading", &*recorded.path, error))?;
                let modified = listing::modified(&recorded.path, &metadata)?;
                SeenFile { modified, size: metadata.len(), ..recorded.clone() }
            }
            #[cfg(feature = "object-store")]
            OpenFile::Object(object) => match object.now()? {
                Some(found) => objects::seen(found),
                None => return Err(self.changed(recorded, "it is gone")),
            },
        };
        if found.is_same(recorded) {
            return Ok(());
        }
        let SeenFile { modified, size, .. } = found;
        Err(self.changed(recorded, &format!("now it has {size} bytes, modified {modified}")))
    }

    fn changed(&self, recorded: &SeenFile, found: &str) -> Error {
        let SeenFile { path, modified, size, .. } = recorded;
        let what_to_do = match &self.storage {
            Storage::Disk => {
                "Put the file back as it was, modification time included, and start the query again, or start with a \
                 new checkpoint; let writers write under a name that begins with `_` or `.` and rename the complete file"
            }
            #[cfg(feature = "object-store")]
            Storage::Objects(_) => {
                "Restore that version of the object and start the query again, or start with a new checkpoint; let \
                 writers give new rows a new key"
            }
        };
        Error::source(
            &*self.source,
            format!(
                "`{path}` has changed since its batch was planned: it had {size} bytes, modified {modified}, and {found}. {what_to_do}"
            ),
        )
    }
}

/// Whether what is read can't be of another version than the batch was planned with.
fn is_pinned(file: &OpenFile) -> bool {
    match file {
        OpenFile::Disk(_) => false,
        #[cfg(feature = "object-store")]
        OpenFile::Object(object) => object.is_pinned(),
    }
}
