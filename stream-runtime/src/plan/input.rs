//! The head of a plan: an input, its row type and the columns that the query names.

use std::marker::PhantomData;

use crate::operator::groups::Groups;
use crate::operator::windowing::Windowing;
use crate::schema::Schema;

use super::aggregate::Grouped;
use super::stateless::{Emitter, Selected};

/// An input of row type `R`, of which the query reads `COLUMNS`.
#[derive(Debug)]
pub struct Input<R, const COLUMNS: u128>(PhantomData<fn() -> R>);

/// Begins a plan.
pub const fn from<R: Schema, const COLUMNS: u128>() -> Input<R, COLUMNS> {
    Input(PhantomData)
}

impl<R: Schema, const COLUMNS: u128> Input<R, COLUMNS> {
    /// Ends the row function in an aggregation.
    pub fn group_by<W, K, A, F>(self, row: F) -> Grouped<R, COLUMNS, W, K, A, F>
    where
        W: Windowing,
        F: for<'a> Fn(R::View<'a>, &mut Groups<W, K, A>) + Send + Sync + 'static,
    {
        Grouped::new(row)
    }

    /// Ends the row function in result rows.
    pub fn select<O, F>(self, row: F) -> Selected<R, COLUMNS, O, F>
    where
        F: for<'a> Fn(R::View<'a>, &mut Emitter<O>) + Send + Sync + 'static,
    {
        Selected::new(row)
    }
}
