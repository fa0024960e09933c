//! [`Layout`]: the columns that a row type takes in a table, and their types there.
//!
//! Each column of the row is a column of the table, but for a window, which is two: `<name>_start` and `<name>_end`.

use super::decode::{decode, decode_instant};
use super::encode::{damaged, encode, encode_instant, take};
use super::value::{ValueType, created_as, innermost, is_nullable};
use crate::schema::pack::{pack_bool, unpack_bool};
use crate::schema::{DataType, Kind, Schema};

/// A column of a table, as the row type asks for it.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    /// What is in it.
    pub(crate) column: DataType,
    /// The type of the row's column, as the service wrote it.
    pub(crate) type_name: &'static str,
    /// Whether a row may have a null there.
    pub(crate) nullable: bool,
}

impl Wanted {
    /// Its type in a table that is created.
    pub(crate) fn sql_type(&self) -> String {
        created_as(&self.column)
    }
}

/// The columns of `R`, in declared order.
pub(crate) fn wanted<R: Schema>() -> Vec<Wanted> {
    let fields = R::FIELDS.iter().zip(R::data_types());
    fields
        .flat_map(|(field, column)| {
            let nullable = is_nullable(&column);
            let inner = innermost(&column).clone();
            if *inner.kind() == Kind::TimeWindow {
                let instant = <crate::time::Timestamp as crate::schema::Column>::data_type();
                let half = |suffix| Wanted {
                    name: format!("{}_{suffix}", field.name),
                    column: instant.clone(),
                    type_name: field.type_name,
                    nullable,
                };
                vec![half("start"), half("end")]
            } else {
                vec![Wanted {
                    name: field.name.to_owned(),
                    column: inner,
                    type_name: field.type_name,
                    nullable,
                }]
            }
        })
        .collect()
}

/// How each column of a row is written to, or read from, the columns of a table.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    columns: Vec<(DataType, Place)>,
    names: Vec<String>,
}

#[derive(Clone, Debug)]
enum Place {
    One(ValueType),
    /// A window's two.
    Two(ValueType, ValueType),
}

impl Layout {
    /// The layout of `R` in columns of these types, which are those of [`wanted`].
    pub(crate) fn new<R: Schema>(types: Vec<ValueType>) -> Self {
        let mut types = types.into_iter();
        let mut columns = Vec::new();
        for column in R::data_types() {
            let place = if *innermost(&column).kind() == Kind::TimeWindow {
                types.next().zip(types.next()).map(|(start, end)| Place::Two(start, end))
            } else {
                types.next().map(Place::One)
            };
            columns.extend(place.map(|place| (column, place)));
        }
        Self { columns, names: wanted::<R>().into_iter().map(|wanted| wanted.name).collect() }
    }

    /// How many columns of the table there are.
    pub(crate) fn width(&self) -> usize {
        self.names.len()
    }

    /// Appends each column's value of a packed row, and where it ends.
    ///
    /// # Errors
    /// Which column can't be written, and why.
    pub(crate) fn encode(
        &self,
        mut packed: &[u8],
        out: &mut Vec<u8>,
        ends: &mut Vec<usize>,
    ) -> Result<(), String> {
        ends.clear();
        for (column, place) in &self.columns {
            let done = match place {
                Place::One(to) => encode(column, to, &mut packed, out),
                Place::Two(start, end) => encode_window(column, [start, end], &mut packed, out, ends),
            };
            done.map_err(|refusal| format!("column `{}`: {refusal}", self.name(ends.len())))?;
            ends.push(out.len());
        }
        Ok(())
    }

    /// Appends the packed form of a row whose values `value` gives by their number.
    ///
    /// # Errors
    /// Which column can't be read, and why.
    pub(crate) fn decode<'a>(
        &self,
        value: impl Fn(usize) -> Result<Option<&'a [u8]>, String>,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        let mut at = 0;
        for (column, place) in &self.columns {
            let width = match place {
                Place::One(_) => 1,
                Place::Two(..) => 2,
            };
            let done = match place {
                Place::One(from) => value(at).and_then(|value| decode(column, from, value, out)),
                Place::Two(..) => value(at)
                    .and_then(|start| Ok((start, value(at + 1)?)))
                    .and_then(|ends| decode_window(column, ends, out)),
            };
            done.map_err(|refusal| format!("column `{}`: {refusal}", self.name(at)))?;
            at += width;
        }
        Ok(())
    }

    fn name(&self, column: usize) -> &str {
        self.names.get(column).map_or("", String::as_str)
    }
}

fn encode_window(
    column: &DataType,
    [start, end]: [&ValueType; 2],
    packed: &mut &[u8],
    out: &mut Vec<u8>,
    ends: &mut Vec<usize>,
) -> Result<(), String> {
    if let Kind::Nullable(inner) = column.kind() {
        if unpack_bool(packed).ok_or_else(damaged)? {
            return encode_window(inner, [start, end], packed, out, ends);
        }
        out.extend_from_slice(&(-1_i32).to_be_bytes());
        ends.push(out.len());
        out.extend_from_slice(&(-1_i32).to_be_bytes());
        return Ok(());
    }
    encode_instant(i64::from_le_bytes(take(packed)?), start, out)?;
    ends.push(out.len());
    encode_instant(i64::from_le_bytes(take(packed)?), end, out)
}

fn decode_window(
    column: &DataType,
    ends: (Option<&[u8]>, Option<&[u8]>),
    out: &mut Vec<u8>,
) -> Result<(), String> {
    if let Kind::Nullable(inner) = column.kind() {
        let is_there = ends.0.is_some() || ends.1.is_some();
        pack_bool(is_there, out);
        return if is_there { decode_window(inner, ends, out) } else { Ok(()) };
    }
    let (Some(start), Some(end)) = ends else {
        return Err("one end of the window is null, or both, and the row's column can't hold that".to_owned());
    };
    for instant in [start, end] {
        out.extend_from_slice(&decode_instant(instant)?.to_le_bytes());
    }
    Ok(())
}
