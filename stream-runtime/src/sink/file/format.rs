//! [`FileFormat`]: how rows become the content of a file.
//!
//! Rows are borrowed and files block, so a file is written in two halves: the query's thread makes chunks of the
//! rows, and a thread that may block compresses them and writes them down.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::format::ColumnError;
use crate::schema::{ColumnSet, Schema};

/// A format that [`FileSink`](super::FileSink) writes.
pub trait FileFormat: sealed::Sealed + Clone + Send + Sync + 'static {
    /// Rows on their way into a file.
    #[doc(hidden)]
    type Chunk: Send + 'static;

    /// A file that is being written.
    #[doc(hidden)]
    type Body: Send + 'static;

    /// What two files have in common that can be made one.
    #[doc(hidden)]
    type Shape: PartialEq;

    /// Whether a file itself says how it is to be read. If not, files that an earlier run has written, maybe with
    /// other options, aren't merged.
    #[doc(hidden)]
    const SELF_DESCRIBING: bool = true;

    /// The ending of the files' names.
    #[doc(hidden)]
    fn extension(&self) -> String;

    /// Whether the format's options make sense.
    #[doc(hidden)]
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Whether the format has a form for each column but those left out.
    #[doc(hidden)]
    fn check_columns<R: Schema>(&self, _left_out: ColumnSet) -> Result<(), ColumnError> {
        Ok(())
    }

    /// Takes some rows, at least one, as far as they make a chunk; the first chunk of a file begins it.
    #[doc(hidden)]
    fn chunk<'r, R: Schema, I: Iterator<Item = &'r R> + Clone>(
        &self,
        left_out: ColumnSet,
        begins: bool,
        rows: &mut I,
    ) -> Result<Self::Chunk, ColumnError>;

    /// Begins a file with the options of this format; the chunk isn't written yet.
    #[doc(hidden)]
    fn begin(&self, file: File, first: &Self::Chunk) -> io::Result<Self::Body>;

    #[doc(hidden)]
    fn write(body: &mut Self::Body, chunk: Self::Chunk) -> io::Result<()>;

    /// Writes what is left.
    #[doc(hidden)]
    fn end(body: Self::Body) -> io::Result<File>;

    #[doc(hidden)]
    fn shape(&self, path: &Path) -> io::Result<Self::Shape>;

    /// Writes the rows of several files of one shape, in order.
    #[doc(hidden)]
    fn merge(&self, shape: &Self::Shape, sources: &[PathBuf], file: File) -> io::Result<File>;
}

pub(super) mod sealed {
    pub trait Sealed {}
}
