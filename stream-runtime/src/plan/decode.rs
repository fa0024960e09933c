//! The hot loop: a chunk's bytes become views, and each view goes through the row function.

#[cfg(feature = "arrow")]
use crate::error::Error;
use crate::error::Result;
#[cfg(feature = "arrow")]
use crate::format::columns;
use crate::format::csv::{Layout, RecordReader, skip_line_ends};
use crate::format::partition::PartitionValues;
use crate::format::{Arena, RowError};
use crate::schema::Schema;
use crate::source::{Chunk, Message, Position};

use super::rejects::Rejects;

/// Runs `row` over every row of the chunk, reading only `COLUMNS`.
#[inline]
#[allow(clippy::needless_pass_by_value, reason = "a chunk is a handful of references, made for this call")]
pub(crate) fn for_each_view<R: Schema, const COLUMNS: u128>(
    chunk: Chunk<'_, R>,
    arena: &mut Arena,
    rejects: &mut Rejects,
    mut row: impl FnMut(R::View<'_>),
) -> Result<()> {
    match chunk {
        Chunk::Rows(rows) => {
            for each in rows {
                row(each.view());
            }
            rejects.rows += rows.len() as u64;
        }
        Chunk::Json { bytes, at } => {
            arena.reset();
            json_rows::<R, COLUMNS>(bytes, None, at, arena, rejects, row)?;
        }
        Chunk::JsonInPartition { bytes, partition, at } => {
            arena.reset();
            json_rows::<R, COLUMNS>(bytes, Some(partition), at, arena, rejects, row)?;
        }
        Chunk::Csv { bytes, layout, at } => {
            arena.reset();
            csv_rows::<R, COLUMNS>(bytes, layout, at, arena, rejects, row)?;
        }
        Chunk::Messages(messages) => {
            arena.reset();
            message_rows::<R, COLUMNS>(messages, arena, rejects, row)?;
        }
        #[cfg(feature = "arrow")]
        Chunk::Columns { batch, source, row: first } => {
            arena.reset();
            let fields = columns::arrow::fields(batch, columns::arrow::Decimals::Refused);
            column_rows::<R, COLUMNS>(&fields, batch.num_rows(), source, first, arena, rejects, row)?;
        }
        #[cfg(feature = "arrow")]
        Chunk::ColumnsInPartition { batch, partition, source, row: first } => {
            arena.reset();
            let fields = columns::arrow::fields_in::<R>(batch, partition);
            column_rows::<R, COLUMNS>(&fields, batch.num_rows(), source, first, arena, rejects, row)?;
        }
        // Rows that `where` drops are none of the row function's business.
        #[cfg(feature = "arrow")]
        Chunk::Pruned { rows, .. } => rejects.left_out += rows,
        Chunk::Malformed { bytes, at, reason } => rejects.reject(at, bytes, &RowError::new(reason))?,
    }
    Ok(())
}

/// Lines of JSON; blank ones are passed over.
#[inline]
fn json_rows<R: Schema, const COLUMNS: u128>(
    bytes: &[u8],
    partition: Option<&PartitionValues>,
    at: Position<'_>,
    arena: &Arena,
    rejects: &mut Rejects,
    mut row: impl FnMut(R::View<'_>),
) -> Result<()> {
    // One check for all lines is much cheaper than one each; a bad line then costs only the others' speed.
    let chunk_is_text = std::str::from_utf8(bytes).ok();
    let mut line = at.line;
    // 0 says that lines have no meaning here.
    let lines_per_end = u64::from(at.line > 0);
    let mut start =
        if at.offset == 0 && bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    while let Some(rest) = bytes.get(start..).filter(|rest| !rest.is_empty()) {
        let end = memchr::memchr(b'\n', rest).map_or(bytes.len(), |length| start + length);
        let text = match chunk_is_text.and_then(|text| text.get(start..end)) {
            Some(text) => Ok(text.trim_ascii()),
            None => std::str::from_utf8(&bytes[start..end]).map(str::trim_ascii),
        };
        let decoded = match text {
            Ok("") => None,
            Ok(text) => Some(match partition {
                None => R::decode_json::<COLUMNS>(text, arena),
                Some(partition) => R::decode_json_in::<COLUMNS>(text, partition, arena),
            }),
            Err(error) => Some(Err(RowError::new(format_args!("the line isn't UTF-8: {error}")))),
        };
        match decoded {
            None => {}
            Some(Ok(view)) => {
                row(view);
                rejects.rows += 1;
            }
            Some(Err(error)) => {
                let at = Position { line, offset: at.offset + start as u64, ..at };
                rejects.reject(at, &bytes[start..end], &error)?;
            }
        }
        start = end + 1;
        line += lines_per_end;
    }
    Ok(())
}

/// Messages of a topic.
#[inline]
fn message_rows<R: Schema, const COLUMNS: u128>(
    messages: &[Message<'_>],
    arena: &Arena,
    rejects: &mut Rejects,
    mut row: impl FnMut(R::View<'_>),
) -> Result<()> {
    for message in messages {
        match R::decode_message::<COLUMNS>(message, arena) {
            Ok(view) => {
                row(view);
                rejects.rows += 1;
            }
            Err(error) => {
                let bytes = message.value.unwrap_or_default();
                rejects.reject(Position::of_message(message), bytes, &error)?;
            }
        }
    }
    Ok(())
}

/// CSV records; blank lines are passed over.
#[inline]
fn csv_rows<R: Schema, const COLUMNS: u128>(
    bytes: &[u8],
    layout: &Layout,
    at: Position<'_>,
    arena: &Arena,
    rejects: &mut Rejects,
    mut row: impl FnMut(R::View<'_>),
) -> Result<()> {
    let mut reader = RecordReader::new(layout.format());
    // Lines are counted only up to a record that is rejected: a record may have any number of them.
    let (mut line, mut counted) = (at.line, 0);
    let mut rest = skip_line_ends(bytes);
    while let Some(length) = reader.read(rest) {
        let start = bytes.len() - rest.len();
        let record = &rest[..length];
        rest = skip_line_ends(&rest[length..]);
        match reader.record(layout).and_then(|record| R::decode_csv::<COLUMNS>(record, arena)) {
            Ok(view) => {
                row(view);
                rejects.rows += 1;
            }
            Err(error) => {
                if at.line > 0 {
                    line += memchr::memchr_iter(b'\n', &bytes[counted..start]).count() as u64;
                    counted = start;
                }
                let at = Position { line, offset: at.offset + start as u64, ..at };
                rejects.reject(at, record.trim_ascii_end(), &error)?;
            }
        }
    }
    Ok(())
}

/// Rows of a batch of columns.
#[cfg(feature = "arrow")]
#[inline]
fn column_rows<R: Schema, const COLUMNS: u128>(
    fields: &[columns::ColumnField<'_>],
    count: usize,
    source: &str,
    first: u64,
    arena: &Arena,
    rejects: &mut Rejects,
    mut row: impl FnMut(R::View<'_>),
) -> Result<()> {
    let mut differences = columns::Differences::of_file();
    let bound = R::bind_columns::<COLUMNS>(fields, &mut differences);
    if !differences.is_empty() {
        return Err(Error::source(
            source,
            format_args!(
                "its columns don't fit `{}`: {differences}; correct the row type, or keep other files out of the source",
                R::NAME
            ),
        ));
    }
    for index in 0..count {
        match R::read_columns::<COLUMNS>(&bound, index, arena) {
            Ok(view) => {
                row(view);
                rejects.rows += 1;
            }
            Err(error) => {
                let bytes = columns::show::row(fields, index);
                rejects.reject_row(source, first + index as u64, &bytes, &error)?;
            }
        }
    }
    Ok(())
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
