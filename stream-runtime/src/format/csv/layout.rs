//! [`Layout`]: where a file's records hold the columns of a schema.

use std::fmt::Write as _;

use super::{CsvFormat, RecordReader};
use crate::format::partition::PartitionValues;
use crate::schema::Schema;

/// How a file's records are written, and which place in them each column of the schema is found at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    format: CsvFormat,
    /// How many cells each record has.
    cells: usize,
    /// For each field of the schema, in order, its cell's index.
    columns: Vec<Option<usize>>,
    /// The columns that the file's directories hold, and no cell.
    partition: PartitionValues,
}

impl Layout {
    /// Finds the columns of `R` by their names in a header record; columns that `R` doesn't have are passed
    /// over.
    ///
    /// # Errors
    /// What is wrong with the header: a column that isn't there though it has neither a default nor a null, one
    /// that is there twice, or bytes that aren't a record of text.
    pub fn from_header<R: Schema>(format: CsvFormat, header: &[u8]) -> Result<Self, String> {
        Self::from_header_in::<R>(format, header, PartitionValues::default())
    }

    /// The same for a file whose directories hold some columns: cells of that name are passed over.
    pub(crate) fn from_header_in<R: Schema>(
        format: CsvFormat,
        header: &[u8],
        partition: PartitionValues,
    ) -> Result<Self, String> {
        let header = header.strip_prefix(b"\xef\xbb\xbf").unwrap_or(header);
        let mut reader = RecordReader::new(format);
        if reader.read(header).is_none() {
            return Err("the header is empty".to_owned());
        }
        let names = reader.cells().map_err(|error| format!("the header {error}"))?;
        let mut columns = Vec::with_capacity(R::FIELDS.len());
        let mut missing = Vec::new();
        for (index, field) in R::FIELDS.iter().enumerate() {
            if partition.contains(index) {
                columns.push(None);
                continue;
            }
            let mut places = names.iter().enumerate().filter(|(_, name)| **name == field.name);
            let place = places.next().map(|(index, _)| index);
            if places.next().is_some() {
                return Err(format!("the header names column `{}` twice", field.name));
            }
            if place.is_none() && !field.nullable && !field.has_default {
                missing.push(field.name);
            }
            columns.push(place);
        }
        if !missing.is_empty() {
            return Err(format!(
                "the header lacks {}; it has {}",
                listed(&missing, usize::MAX),
                listed(&names, 50)
            ));
        }
        Ok(Self { format, cells: names.len(), columns, partition })
    }

    /// The columns of `R` in declared order, for files without a header.
    pub fn positional<R: Schema>(format: CsvFormat) -> Self {
        Self::positional_in::<R>(format, PartitionValues::default())
    }

    /// The same for a file whose directories hold some columns: it has cells for the others.
    pub(crate) fn positional_in<R: Schema>(format: CsvFormat, partition: PartitionValues) -> Self {
        let mut cells = 0..R::FIELDS.len();
        let columns: Vec<_> = (0..R::FIELDS.len())
            .map(|index| if partition.contains(index) { None } else { cells.next() })
            .collect();
        Self { format, cells: cells.start, columns, partition }
    }

    /// How the file is written.
    pub fn format(&self) -> CsvFormat {
        self.format
    }

    /// How many cells each record has.
    pub fn cells(&self) -> usize {
        self.cells
    }

    /// The columns that no cell holds.
    pub(super) fn partition(&self) -> &PartitionValues {
        &self.partition
    }

    /// The cell of the schema's field at `index`, if the file has it.
    #[inline]
    pub fn cell_of(&self, index: usize) -> Option<usize> {
        self.columns.get(index).copied().flatten()
    }
}

/// Names in backticks, the first `most` of them.
fn listed(names: &[&str], most: usize) -> String {
    let mut text = String::new();
    for (index, name) in names.iter().take(most).enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        // Writing to a `String` can't fail.
        let _ = write!(text, "{comma}`{name}`");
    }
    if names.len() > most {
        let _ = write!(text, " and {} more", names.len() - most);
    }
    text
}
