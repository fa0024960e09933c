//! Rows by column: what is handed the values of a column, typed, one column after another.
//!
//! `#[derive(Schema)]` knows the columns and no format; a format knows types and no rows. Between the two stand
//! iterators, so that a column's values go into whatever holds them in one loop, without a look at their type.

use super::place::Place;
use super::{Column, Element, List, Schema};
use crate::time::{Date, Duration, Timestamp, Window};

/// Is handed the columns of rows, in declared order.
pub trait Columns {
    /// Why a column can't be taken.
    type Error;

    /// A column of the rows; each has as many values. A value is `None` if its row is, and nulls of a column that
    /// may be null are in the view.
    fn column<'a, T: Column, I>(&mut self, column: Place<T>, values: I) -> Result<(), Self::Error>
    where
        I: Iterator<Item = Option<T::View<'a>>> + Clone;
}

macro_rules! numbers {
    ($($type:ident),*) => {$(
        #[allow(missing_docs, reason = "named after the type of the values")]
        fn $type<I: Iterator<Item = Option<$type>>>(
            &mut self,
            values: I,
        ) -> Result<Self::Column, Self::Error>;
    )*};
}

/// Takes the values of one column by their type; `None` is null.
pub trait ColumnWriter: Sized {
    /// What the values become.
    type Column;
    /// Why they can't.
    type Error;

    numbers!(bool, i8, i16, i32, i64, i128, u8, u16, u32, u64, u128, f32, f64);

    /// Text.
    fn text<'a, I: Iterator<Item = Option<&'a str>>>(
        &mut self,
        values: I,
    ) -> Result<Self::Column, Self::Error>;

    /// Binary data.
    fn binary<'a, I: Iterator<Item = Option<&'a [u8]>>>(
        &mut self,
        values: I,
    ) -> Result<Self::Column, Self::Error>;

    /// Points in time.
    fn timestamp<I: Iterator<Item = Option<Timestamp>>>(
        &mut self,
        values: I,
    ) -> Result<Self::Column, Self::Error>;

    /// Lengths of time.
    fn duration<I: Iterator<Item = Option<Duration>>>(
        &mut self,
        values: I,
    ) -> Result<Self::Column, Self::Error>;

    /// Dates.
    fn date<I: Iterator<Item = Option<Date>>>(&mut self, values: I) -> Result<Self::Column, Self::Error>;

    /// Windows.
    fn window<I: Iterator<Item = Option<Window>> + Clone>(
        &mut self,
        values: I,
    ) -> Result<Self::Column, Self::Error>;

    /// Lists.
    fn list<'a, T: Element, I>(&mut self, lists: I) -> Result<Self::Column, Self::Error>
    where
        I: Iterator<Item = Option<List<'a, T>>> + Clone;

    /// Rows within rows.
    fn rows<'a, S: Schema, I>(&mut self, rows: I) -> Result<Self::Column, Self::Error>
    where
        I: Iterator<Item = Option<S::View<'a>>> + Clone;
}

/// [`Column::write_column`] of a type that [`ColumnWriter`] has a method for.
macro_rules! written_as {
    ($method:ident) => {
        $crate::schema::columnar::written_as!($method, |view| view);
    };
    ($method:ident, |$view:ident| $value:expr) => {
        fn write_column<'a, W: $crate::schema::columnar::ColumnWriter, I>(
            values: I,
            writer: &mut W,
        ) -> Result<W::Column, W::Error>
        where
            I: Iterator<Item = Option<Self::View<'a>>> + Clone,
        {
            writer.$method(values.map(|value| value.map(|$view| $value)))
        }
    };
}
pub(super) use written_as;
