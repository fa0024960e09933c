//! [`Condition`]: what `count_if`, `any` and `every` ask of a row.

use super::column::{Column, Ref, Value, family};

/// A `bool`, or an `Option<bool>` whose `None` is SQL's unknown.
#[diagnostic::on_unimplemented(
    message = "`count_if`, `any` and `every` need a condition, and this is `{Self}`",
    label = "not a condition",
    note = "a condition is `bool` or `Option<bool>`: compare the column with something, for instance `click.amount > 10.0`"
)]
pub trait Condition {
    /// What state keeps it as.
    type Column: Column<Scalar = bool>;

    /// The value as the row has it, or `None` for null.
    fn scalar(&self) -> Option<Ref<'_, Self::Column>>;
}

family!(Condition: bool);
