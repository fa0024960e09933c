//! [`Partitions`]: directories such as `date=2026-01-31`, and the columns that their names give to the files below them.
//!
//! Names are read as Hive and Spark write them, and typed by the row type. One that doesn't fit is an error of the source, found before
//! a batch is planned: it is no row that could be dropped.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

use super::listing::Listing;
use super::log::SeenFile;
use crate::error::{Error, Result};
use crate::format::partition::{NULL_PARTITION, PartitionValues};
use crate::format::{Arena, RowError};
use crate::schema::columnar::Columns;
use crate::schema::place::Place;
use crate::schema::{Column, Decoding, Field, Kind, Schema, TimestampFormat};
use crate::time::Timestamp;

/// Which directories name columns of the files below them.
#[derive(Clone, Debug, Default)]
pub(super) struct Partitions {
    /// Those below this one.
    base: PathBuf,
    /// Whether directories are read whatever their names, which then mean nothing.
    recursive: bool,
}

impl Partitions {
    pub(super) fn of(listing: &Listing) -> Self {
        Self { base: listing.base().to_owned(), recursive: listing.is_recursive() }
    }

    /// Fails if a directory is named after a column of the rows and doesn't give it a value.
    pub(super) fn check<R: Schema>(&self, source: &str, files: &[SeenFile]) -> Result<()> {
        let mut directories = HashSet::new();
        let mut first_of_each =
            files.iter().filter(|file| directories.insert(Path::new(&*file.path).parent()));
        first_of_each.try_for_each(|file| self.values::<R>(source, &file.path).map(drop))
    }

    /// The columns of the rows that a file's directories name.
    pub(super) fn values<R: Schema>(&self, source: &str, path: &str) -> Result<PartitionValues> {
        let below = Path::new(path).strip_prefix(&self.base).ok().and_then(Path::parent);
        let directories = below.into_iter().flatten().filter_map(OsStr::to_str).filter_map(Directory::parse);
        let is_column =
            |directory: &Directory<'_>| R::FIELDS.iter().any(|field| field.name == directory.column);
        let directories: Vec<_> = directories.filter(is_column).collect();
        let Some(Directory { name, column, .. }) = directories.first() else {
            return Ok(PartitionValues::default());
        };
        let mut found =
            Found { fields: R::FIELDS, values: PartitionValues::default(), directories: &directories };
        let read = if self.recursive {
            Err(format!(
                "in the directory `{name}`, which gives the column `{column}` no value under `recursive_file_lookup`; \
                 leave that option away, or take the column out of the row type"
            ))
        } else {
            R::write_columns(std::iter::empty(), &mut found)
        };
        match read {
            Ok(()) => Ok(found.values),
            Err(problem) => Err(Error::source(source, format!("`{path}` is {problem}"))),
        }
    }
}

/// A directory of a partition.
struct Directory<'a> {
    name: &'a str,
    column: Cow<'a, str>,
    /// As it stands in the name.
    value: &'a str,
}

impl<'a> Directory<'a> {
    fn parse(name: &'a str) -> Option<Self> {
        let (column, value) = name.split_once('=')?;
        Some(Self { name, column: percent_decode_str(column).decode_utf8().ok()?, value })
    }
}

/// Takes the values of the columns that are named.
struct Found<'d> {
    fields: &'static [Field],
    directories: &'d [Directory<'d>],
    values: PartitionValues,
}

impl Columns for Found<'_> {
    type Error = String;

    fn column<'a, T: Column, I>(&mut self, column: Place<T>, _values: I) -> Result<(), String>
    where
        I: Iterator<Item = Option<T::View<'a>>> + Clone,
    {
        let mut named = self.directories.iter().filter(|directory| directory.column == column.name);
        let Some(directory) = named.next() else { return Ok(()) };
        let arena = Arena::default();
        let value = match named.next() {
            Some(other) => Err(RowError::new(format_args!("`{}` names it, too", other.name))),
            None => decode(column, directory.value, &arena),
        };
        match value {
            Ok(value) => {
                self.values.add(column, value);
                Ok(())
            }
            Err(problem) => Err(format!(
                "in the directory `{}`, which holds no value of the column `{}` ({}): {problem}; rename the directory, \
                 or correct the row type",
                directory.name,
                column.name,
                self.fields.get(column.index).map_or("", |field| field.type_name),
            )),
        }
    }
}

/// The value that a directory's name holds: what a CSV cell with that text does, and times as Spark casts them to text.
fn decode<'a, T: Column>(
    column: Place<T>,
    escaped: &'a str,
    arena: &'a Arena,
) -> Result<T::View<'a>, RowError> {
    let data_type = T::data_type();
    let kind = match data_type.kind() {
        Kind::Nullable(inner) => inner.kind(),
        kind => kind,
    };
    if matches!(
        kind,
        Kind::Binary | Kind::Span | Kind::TimeWindow | Kind::Nullable(_) | Kind::ListOf(_) | Kind::Struct
    ) {
        return Err(RowError::new(
            "only text, numbers, `bool`, dates and timestamps are read from directories",
        ));
    }
    if escaped.is_empty() {
        return Err(RowError::new("there is nothing behind the `=`"));
    }
    if escaped == NULL_PARTITION {
        // Empty text is written like null, and a text that may not be null is empty in CSV as well.
        return T::empty_cell(false)
            .ok_or_else(|| RowError::new("it is null, and the row type allows no null there"));
    }
    let text = percent_decode_str(escaped).decode_utf8().map_err(|_| RowError::new("it isn't UTF-8"))?;
    let text = arena.text(&text);
    match T::decode_text(text, column.decoding(arena)) {
        Err(_) if *kind == Kind::Time => {
            let time = spark_time(text)
                .ok_or_else(|| RowError::unexpected(text, "a time such as `2026-01-31 12:00:00.5` (UTC)"))?;
            let decoding = Decoding { arena, timestamps: TimestampFormat::Rfc3339 };
            T::decode_text(arena.text(&time.to_string()), decoding)
        }
        decoded => decoded,
    }
}

/// `2026-01-31 12:00:00.5`, or a part of it, in UTC.
fn spark_time(text: &str) -> Option<Timestamp> {
    // The parser would pass over an offset or a zone.
    let has_offset =
        text.trim().split_once([' ', 'T', 't']).is_some_and(|(_, time)| time.contains(['+', '-']));
    if has_offset || text.contains('[') {
        return None;
    }
    let time: jiff::civil::DateTime = text.trim().parse().ok()?;
    let instant = jiff::tz::Offset::UTC.to_timestamp(time).ok()?;
    Some(Timestamp::from_micros(instant.as_microsecond()))
}
