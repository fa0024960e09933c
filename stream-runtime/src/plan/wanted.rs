//! [`Wanted`]: what a query wants of an input's rows, which lets a source leave out what it doesn't.

use crate::schema::ColumnSet;
use crate::time::{Date, Timestamp};

/// What a query wants of an input's rows.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The columns that it names.
    pub columns: ColumnSet,
    /// Which rows it lets through.
    pub pruning: Option<&'a Pruning>,
}

impl Wanted<'_> {
    /// All columns of all rows.
    pub const EVERYTHING: Self = Self { columns: ColumnSet::MAX, pruning: None };
}

/// Conditions that a row has to meet for `where` to let it through. Where no row of many can, they needn't be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Pruning {
    /// The column that the watermark watches: it sees the rows that `where` drops, too.
    pub event_time: Option<ColumnSet>,
    /// All of them have to be met.
    pub conditions: Vec<Prune>,
}

/// A condition on a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prune {
    /// The column, as the only one of a set.
    pub column: ColumnSet,
    /// How it has to compare to the value.
    pub op: PruneOp,
    /// The value; `None` of a type that isn't looked at.
    pub value: Option<PruneValue>,
}

/// A comparison: `column op value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum PruneOp {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a column is compared to.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum PruneValue {
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(&'static str),
    Time(Timestamp),
    Day(Date),
}

macro_rules! values {
    ($($type:ty => $variant:ident),* $(,)?) => {$(
        impl From<$type> for PruneValue {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

values! {
    bool => Bool, &'static str => Text, f64 => Float, Timestamp => Time, Date => Day,
    i8 => Integer, i16 => Integer, i32 => Integer, i64 => Integer, i128 => Integer,
    u8 => Integer, u16 => Integer, u32 => Integer, u64 => Integer,
}

/// A constant that a `where` names, of whatever type: `Constant(&LIMIT).value()` is `None` unless it is one of
/// [`PruneValue`]'s, for then the trait's method is the only one.
#[derive(Clone, Copy, Debug)]
pub struct Constant<T>(pub T);

impl<T: Copy + Into<PruneValue>> Constant<&T> {
    /// The constant's value.
    pub fn value(self) -> Option<PruneValue> {
        Some((*self.0).into())
    }
}

/// What is left for a constant of another type.
pub trait AnyConstant: Sized {
    /// No value.
    fn value(self) -> Option<PruneValue> {
        None
    }
}

impl<T> AnyConstant for Constant<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_of_any_type_may_be_compared_with() {
        assert_eq!(Constant(&5_u16).value(), Some(PruneValue::Integer(5)));
        assert_eq!(Constant(&"view").value(), Some(PruneValue::Text("view")));
        assert_eq!(Constant(&Some(5)).value(), None);
        assert_eq!(Constant(&0.5_f32).value(), None);
    }
}
