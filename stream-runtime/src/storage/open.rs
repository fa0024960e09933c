//! [`OpenFile`]: a file that is open for reading, wherever it is.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

#[cfg(feature = "object-store")]
use super::Object;
#[cfg(feature = "object-store")]
use super::read_ahead::ReadAhead;

/// A file that was opened.
#[derive(Debug)]
pub(crate) enum OpenFile {
    Disk(File),
    #[cfg(feature = "object-store")]
    Object(Object),
}

/// Reads a file in sequence.
#[derive(Debug)]
pub(crate) enum FileReader {
    Disk(File),
    #[cfg(feature = "object-store")]
    Object(ReadAhead),
}

impl OpenFile {
    /// The same file once more.
    #[cfg(feature = "orc")]
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Disk(file) => Ok(Self::Disk(file.try_clone()?)),
            #[cfg(feature = "object-store")]
            Self::Object(object) => Ok(Self::Object(object.clone())),
        }
    }

    /// A reader at the file's beginning, or, on a disk, where the last one has stopped. Most of what lies behind `end` won't be read.
    #[cfg_attr(
        not(feature = "object-store"),
        expect(unused_variables, reason = "a disk reads no further than asked")
    )]
    pub(crate) fn reader(&self, end: u64) -> io::Result<FileReader> {
        match self {
            Self::Disk(file) => Ok(FileReader::Disk(file.try_clone()?)),
            #[cfg(feature = "object-store")]
            Self::Object(object) => Ok(FileReader::Object(object.reader(end))),
        }
    }
}

impl Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Disk(file) => file.read(buffer),
            #[cfg(feature = "object-store")]
            Self::Object(object) => object.read(buffer),
        }
    }
}

impl Seek for FileReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::Disk(file) => file.seek(to),
            #[cfg(feature = "object-store")]
            Self::Object(object) => object.seek(to),
        }
    }
}
