//! [`Item`]: what a row function is given: a row of an input, or the rows that a join has brought together.

use std::marker::PhantomData;

use crate::format::Arena;
use crate::schema::{Field, Schema};

use super::Types;

/// A kind of rows between two operators, with a packed form for the way between workers and for state.
pub trait Item: Send + Sync + 'static {
    /// A row, borrowed.
    type View<'a>: Copy;

    /// Appends the packed form.
    fn pack(view: Self::View<'_>, out: &mut Vec<u8>);

    /// The columns of the packed form and their types, for the fingerprint.
    fn describe() -> String;

    /// Takes a packed row off the front of `bytes`; `None` if none stands there.
    fn unpack<'a>(bytes: &mut &'a [u8], arena: &'a Arena) -> Option<Self::View<'a>>;
}

/// The rows of a schema, of which a query reads `COLUMNS`.
#[derive(Debug)]
pub struct Columns<R, const COLUMNS: u128>(Types<R>);

impl<R: Schema, const COLUMNS: u128> Item for Columns<R, COLUMNS> {
    type View<'a> = R::View<'a>;

    #[inline]
    fn pack(view: R::View<'_>, out: &mut Vec<u8>) {
        R::pack::<COLUMNS>(view, out);
    }

    fn describe() -> String {
        let is_read = |(number, _): &(usize, &Field)| COLUMNS >> number & 1 == 1;
        let columns = R::FIELDS.iter().enumerate().filter(is_read);
        let columns: Vec<_> =
            columns.map(|(_, field)| format!("{}: {}", field.name, field.type_name)).collect();
        format!("{} {{ {} }}", R::NAME, columns.join(", "))
    }

    #[inline]
    fn unpack<'a>(bytes: &mut &'a [u8], arena: &'a Arena) -> Option<R::View<'a>> {
        R::unpack::<COLUMNS>(bytes, arena)
    }
}

/// A row of each side.
#[derive(Debug)]
pub struct Pair<L, R>(PhantomData<fn() -> (L, R)>);

impl<L: Item, R: Item> Item for Pair<L, R> {
    type View<'a> = (L::View<'a>, R::View<'a>);

    #[inline]
    fn pack((left, right): Self::View<'_>, out: &mut Vec<u8>) {
        L::pack(left, out);
        R::pack(right, out);
    }

    fn describe() -> String {
        format!("{}, {}", L::describe(), R::describe())
    }

    #[inline]
    fn unpack<'a>(bytes: &mut &'a [u8], arena: &'a Arena) -> Option<Self::View<'a>> {
        Some((L::unpack(bytes, arena)?, R::unpack(bytes, arena)?))
    }
}

/// A row, or null: the side of an outer join that may have no match.
#[derive(Debug)]
pub struct Maybe<I>(Types<I>);

impl<I> Maybe<I> {
    /// What stands before a packed row.
    pub(crate) const SOME: u8 = 1;
    /// The packed form of null.
    pub(crate) const NONE: u8 = 0;
}

impl<I: Item> Item for Maybe<I> {
    type View<'a> = Option<I::View<'a>>;

    #[inline]
    fn pack(view: Self::View<'_>, out: &mut Vec<u8>) {
        match view {
            Some(view) => {
                out.push(Self::SOME);
                I::pack(view, out);
            }
            None => out.push(Self::NONE),
        }
    }

    fn describe() -> String {
        format!("Option<{}>", I::describe())
    }

    #[inline]
    fn unpack<'a>(bytes: &mut &'a [u8], arena: &'a Arena) -> Option<Self::View<'a>> {
        match *bytes.split_off_first()? {
            Self::NONE => Some(None),
            Self::SOME => I::unpack(bytes, arena).map(Some),
            _ => None,
        }
    }
}
