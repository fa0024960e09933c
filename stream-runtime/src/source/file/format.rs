//! [`FileFormat`]: what a [`FileSource`] reads, and the constructors by format.

use std::path::PathBuf;

use super::FileSource;
use super::compression::Compression;
use crate::format::csv::CsvFormat;

mod sealed {
    use crate::format::csv::CsvFormat;

    /// [`FileFormat`](super::FileFormat) as a value.
    #[derive(Clone, Copy, Debug)]
    pub enum Encoding {
        Json,
        Csv(CsvFormat),
        #[cfg(feature = "parquet")]
        Parquet,
        #[cfg(feature = "orc")]
        Orc,
    }

    pub trait Sealed {
        fn encoding(&self) -> Encoding;
    }
}

pub(super) use sealed::{Encoding, Sealed};

impl Encoding {
    /// Whether a part of the file can be read by itself. Lines can be found from the middle of a file that isn't compressed, and so can row
    /// groups and stripes; a CSV record may hold line ends.
    pub(super) fn can_be_cut(self, path: &str) -> bool {
        match self {
            Self::Json => Compression::of(path).is_none(),
            Self::Csv(_) => false,
            #[cfg(feature = "parquet")]
            Self::Parquet => true,
            #[cfg(feature = "orc")]
            Self::Orc => true,
        }
    }
}

/// A format that a [`FileSource`] reads: [`Json`], [`Csv`], and with their features `Parquet` and `Orc`.
pub trait FileFormat: Sealed + Send + Sync + 'static {}

/// JSON lines: one object a line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json(());

/// CSV: one record a line, or more lines within quotes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Csv(pub(crate) CsvFormat);

impl Sealed for Json {
    fn encoding(&self) -> Encoding {
        Encoding::Json
    }
}

impl Sealed for Csv {
    fn encoding(&self) -> Encoding {
        Encoding::Csv(self.0)
    }
}

/// Parquet: columns in row groups.
///
/// | column of the row type | type in the file |
/// |---|---|
/// | integers | integers of any width, with or without sign; a number that doesn't fit is a malformed row |
/// | `f64` | double, float, integers of up to 32 bits |
/// | `f32` | float, integers of up to 16 bits |
/// | `String` | string, plain or as a dictionary |
/// | `Vec<u8>` | binary, of fixed length or not |
/// | `Timestamp` | timestamp in any unit, `INT96`; without a time zone it is taken for UTC; a fraction of a microsecond is cut off. With `#[schema(timestamp = "…")]` integers, too |
/// | `Date` | date |
/// | `Duration` | duration; integers, which count microseconds |
/// | `Window` | struct of the timestamps `start` and `end` |
/// | `Option` | the same, with nulls |
/// | `Vec`, nested structs | list, struct |
///
/// Decimals, maps and times of day are refused. A null where the row type has no `Option` is a malformed row; a column that the
/// file lacks is null, or its default, or else an error, as is one of a wrong type: both are found before the file's first row.
#[cfg(feature = "parquet")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Parquet(());

/// ORC: columns in stripes. The types are as those of `Parquet`; a timestamp with a local time zone is an instant.
#[cfg(feature = "orc")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Orc(());

#[cfg(feature = "parquet")]
impl Sealed for Parquet {
    fn encoding(&self) -> Encoding {
        Encoding::Parquet
    }
}

#[cfg(feature = "orc")]
impl Sealed for Orc {
    fn encoding(&self) -> Encoding {
        Encoding::Orc
    }
}

#[cfg(feature = "parquet")]
impl FileFormat for Parquet {}
#[cfg(feature = "orc")]
impl FileFormat for Orc {}
impl FileFormat for Json {}
impl FileFormat for Csv {}

impl FileSource<Json> {
    /// Reads files of JSON lines.
    pub fn json(path: impl Into<PathBuf>) -> Self {
        Self::new(path.into())
    }
}

impl FileSource<Csv> {
    /// Reads CSV files.
    pub fn csv(path: impl Into<PathBuf>) -> Self {
        Self::new(path.into())
    }
}

#[cfg(feature = "parquet")]
impl FileSource<Parquet> {
    /// Reads Parquet files: of each only the columns that the query names, and none of the row groups in which, by their statistics, no row
    /// meets the `where` clauses that stand first and compare a column to a constant.
    ///
    /// A condition on a column that a directory names leaves out all of a file but its footer.
    ///
    /// Rows of such a group are counted nowhere, as with Spark; the watermark sees their event times all the same.
    ///
    /// ```no_run
    /// use stream_runtime::prelude::*;
    ///
    /// let clicks = FileSource::parquet("data/clicks").max_files_per_trigger(10);
    /// # drop(clicks);
    /// ```
    pub fn parquet(path: impl Into<PathBuf>) -> Self {
        Self::new(path.into())
    }
}

#[cfg(feature = "orc")]
impl FileSource<Orc> {
    /// Reads ORC files: of each only the columns that the query names.
    pub fn orc(path: impl Into<PathBuf>) -> Self {
        Self::new(path.into())
    }
}
