//! Rows out of columns: what the decoder of Parquet and ORC needs between a batch of columns and views.
//!
//! [`ColumnData`] is a batch's column as slices that borrow from it. Once a batch, each column that the query names is
//! *bound* to a reader of the row type's own column ([`Bound`]); making a view of row `i` is then a look into slices,
//! without allocation. A column that doesn't fit is found while it is bound, before any row is looked at
//! ([`Differences`]).
//!
//! The way back, rows into columns, is `arrays`.

#[cfg(any(feature = "parquet", feature = "sql"))]
pub(crate) mod arrays;
#[cfg(feature = "arrow")]
pub(crate) mod arrow;
mod bound;
mod differences;
mod integers;
#[cfg(feature = "arrow")]
pub(crate) mod show;

use std::borrow::Cow;
use std::fmt;

pub use bound::{Bound, bind_nested};
pub use differences::Differences;
pub use integers::{Floats, Integers, Numbers, Wide};

/// A named column of a batch, or of a struct within it.
#[derive(Debug)]
pub struct ColumnField<'a> {
    /// The name in the file.
    pub name: &'a str,
    /// Whether the file allows nulls there.
    pub nullable: bool,
    /// What it holds.
    pub data: ColumnData<'a>,
}

/// The values of a column, each with its validity.
#[derive(Debug)]
pub struct ColumnData<'a> {
    /// Where the nulls are; what stands there in `values` has no meaning.
    pub nulls: Nulls<'a>,
    /// The values.
    pub values: Values<'a>,
}

/// Values of one type.
#[derive(Debug)]
pub enum Values<'a> {
    /// Nothing but nulls.
    Null,
    /// Truth values.
    Bool(Vec<bool>),
    /// Whole numbers of any width.
    Integers(Numbers<'a>),
    /// Whole numbers that are decimals.
    Wide(Vec<Wide>),
    /// Single-precision numbers.
    F32(&'a [f32]),
    /// Double-precision numbers.
    F64(&'a [f64]),
    /// Text.
    Text(Vec<&'a str>),
    /// Bytes.
    Binary(Vec<&'a [u8]>),
    /// Days since the epoch.
    Days(&'a [i32]),
    /// Points in time.
    Times(&'a [i64], Unit),
    /// Spans of time.
    Spans(&'a [i64], Unit),
    /// Lists: where the elements of each begin, then where the last one ends; and all elements.
    Lists(Vec<usize>, Box<ColumnData<'a>>),
    /// Structs, a field each.
    Struct(Vec<ColumnField<'a>>),
    /// One value for all rows, packed: the name of a directory gives it.
    OfPartition(&'a [u8]),
    /// What no column can be made of: the type, and why.
    Unsupported(String, &'static str),
}

/// The unit of a time, by how many there are in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Second,
    /// Milliseconds.
    Millisecond,
    /// Microseconds.
    Microsecond,
    /// Nanoseconds.
    Nanosecond,
}

impl Unit {
    /// In microseconds; a fraction of one is cut off towards the past. `None` if there are too many.
    #[inline]
    pub(crate) fn micros(self, count: i64) -> Option<i64> {
        match self {
            Self::Microsecond => Some(count),
            Self::Millisecond => count.checked_mul(1_000),
            Self::Second => count.checked_mul(1_000_000),
            Self::Nanosecond => Some(count.div_euclid(1_000)),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Millisecond => "ms",
            Self::Microsecond => "µs",
            Self::Nanosecond => "ns",
        }
    }
}

/// Where a column's nulls are.
#[derive(Debug, Default)]
pub struct Nulls<'a>(Option<(Cow<'a, [u8]>, usize)>);

impl<'a> Nulls<'a> {
    /// A bit a row, from the bit at `offset` on, the lowest of a byte first; a null's is 0.
    pub fn of_bits(valid: Cow<'a, [u8]>, offset: usize) -> Self {
        Self(Some((valid, offset)))
    }

    /// The same, borrowed.
    pub(crate) fn view(&self) -> NullsView<'_> {
        NullsView(self.0.as_ref().map(|(bits, offset)| (&**bits, *offset)))
    }
}

/// A borrowed [`Nulls`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct NullsView<'a>(Option<(&'a [u8], usize)>);

impl NullsView<'_> {
    /// Whether the value of a row is null.
    #[inline]
    pub(crate) fn is_null(self, row: usize) -> bool {
        self.0.is_some_and(|(bits, offset)| {
            let at = offset + row;
            bits.get(at / 8).is_none_or(|byte| byte >> (at % 8) & 1 == 0)
        })
    }
}

/// The type, as the report of differences names it.
impl fmt::Display for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(_) => f.write_str("boolean"),
            Self::Integers(numbers) => write!(f, "{numbers}"),
            Self::Wide(_) => f.write_str("decimal without a fraction"),
            Self::F32(_) => f.write_str("float32"),
            Self::F64(_) => f.write_str("float64"),
            Self::Text(_) => f.write_str("text"),
            Self::Binary(_) => f.write_str("binary"),
            Self::Days(_) => f.write_str("date"),
            Self::Times(_, unit) => write!(f, "timestamp({})", unit.name()),
            Self::Spans(_, unit) => write!(f, "duration({})", unit.name()),
            Self::Lists(_, elements) => write!(f, "list of {}", elements.values),
            Self::Struct(fields) => {
                f.write_str("struct of ")?;
                for (index, field) in fields.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{} {}", field.name, field.data.values)?;
                }
                Ok(())
            }
            Self::OfPartition(_) => f.write_str("the value of a directory"),
            Self::Unsupported(name, _) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_of_a_microsecond_is_cut_off_towards_the_past() {
        assert_eq!(Unit::Nanosecond.micros(1_999), Some(1));
        assert_eq!(Unit::Nanosecond.micros(-1), Some(-1));
        assert_eq!(Unit::Nanosecond.micros(i64::MIN), Some(i64::MIN.div_euclid(1_000)));
    }

    #[test]
    fn a_time_that_microseconds_cannot_hold_is_none() {
        assert_eq!(Unit::Second.micros(i64::MAX / 1_000_000), Some(i64::MAX / 1_000_000 * 1_000_000));
        assert_eq!(Unit::Second.micros(i64::MAX / 1_000_000 + 1), None);
        assert_eq!(Unit::Millisecond.micros(i64::MIN), None);
    }

    #[test]
    fn a_row_past_the_last_bit_is_null() {
        let nulls = Nulls::of_bits(Cow::Borrowed(&[0b1010_0000]), 5);
        let seen: Vec<_> = (0..5).map(|row| nulls.view().is_null(row)).collect();
        assert_eq!(seen, [false, true, false, true, true]);
        assert!(!Nulls::default().view().is_null(9));
    }
}
