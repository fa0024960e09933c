//! The hot loop: a chunk's bytes become views, and each view goes through the row function.

use crate::error::{Error, Result};
use crate::format::{Arena, RowError};
use crate::schema::Schema;
use crate::source::{Chunk, Position};

/// What became of rows that could not be decoded.
#[derive(Debug, Default)]
pub struct Rejects {
    /// Rows that were decoded.
    pub(crate) rows: u64,
    /// Rows that were not.
    pub(crate) malformed: u64,
}

impl Rejects {
    fn reject(&mut self, at: Position<'_>, _bytes: &[u8], error: &RowError) -> Result<()> {
        self.malformed += 1;
        Err(Error::MalformedRow {
            location: match at.line_number() {
                Some(line) => format!("{}:{line} (byte {})", at.source, at.offset),
                None => format!("{} (byte {})", at.source, at.offset),
            },
            reason: error.to_string(),
        })
    }
}

/// Runs `row` over every row of the chunk, reading only `COLUMNS`.
#[inline]
pub(super) fn for_each_view<R: Schema, const COLUMNS: u128>(
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
            let mut start = 0;
            let mut line = at.line;
            while start < bytes.len() {
                let end = memchr::memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |length| start + length);
                let text = bytes[start..end].trim_ascii();
                if !text.is_empty() {
                    let decoded = std::str::from_utf8(text)
                        .map_err(RowError::new)
                        .and_then(|text| R::decode_json::<COLUMNS>(text, arena));
                    match decoded {
                        Ok(view) => {
                            row(view);
                            rejects.rows += 1;
                        }
                        Err(error) => {
                            let at = Position { line, offset: at.offset + start as u64, ..at };
                            rejects.reject(at, &bytes[start..end], &error)?;
                        }
                    }
                }
                start = end + 1;
                line += 1;
            }
        }
        Chunk::Csv { .. } => {}
        Chunk::Malformed { bytes, at, reason } => rejects.reject(at, bytes, &RowError::new(reason))?,
    }
    Ok(())
}
