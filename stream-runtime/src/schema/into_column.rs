//! [`IntoColumn`]: what `select` may put into a column of the result.
//!
//! Only conversions that lose nothing and surprise nobody are here; anything else is the query's to write.

use super::{Element, List};

/// What can fill a column of a query's result: the column's own type, or the borrowed form that a view
/// holds (`&str` for `String`).
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't fill a column of type `{T}`",
    label = "this is `{Self}`, and the column is `{T}`",
    note = "a value fills a column of its own type, `&str` fills `String`, `&[u8]` fills `Vec<u8>`, and a value fills its `Option`; convert anything else in the query, for instance with `as` or `.into()`"
)]
pub trait IntoColumn<T> {
    /// The column's value.
    fn into_column(self) -> T;
}

#[diagnostic::do_not_recommend]
impl<T> IntoColumn<T> for T {
    fn into_column(self) -> T {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<T> IntoColumn<Option<T>> for T {
    fn into_column(self) -> Option<T> {
        Some(self)
    }
}

#[diagnostic::do_not_recommend]
impl IntoColumn<String> for &str {
    fn into_column(self) -> String {
        self.to_owned()
    }
}

#[diagnostic::do_not_recommend]
impl IntoColumn<Option<String>> for &str {
    fn into_column(self) -> Option<String> {
        Some(self.to_owned())
    }
}

#[diagnostic::do_not_recommend]
impl IntoColumn<Option<String>> for Option<&str> {
    fn into_column(self) -> Option<String> {
        self.map(str::to_owned)
    }
}

#[diagnostic::do_not_recommend]
impl IntoColumn<Vec<u8>> for &[u8] {
    fn into_column(self) -> Vec<u8> {
        self.to_vec()
    }
}

#[diagnostic::do_not_recommend]
impl IntoColumn<Option<Vec<u8>>> for &[u8] {
    fn into_column(self) -> Option<Vec<u8>> {
        Some(self.to_vec())
    }
}

#[diagnostic::do_not_recommend]
impl IntoColumn<Option<Vec<u8>>> for Option<&[u8]> {
    fn into_column(self) -> Option<Vec<u8>> {
        self.map(<[u8]>::to_vec)
    }
}

#[diagnostic::do_not_recommend]
impl<T: Element> IntoColumn<Vec<T>> for List<'_, T> {
    fn into_column(self) -> Vec<T> {
        self.iter().map(T::from_view).collect()
    }
}

#[diagnostic::do_not_recommend]
impl<T: Element> IntoColumn<Option<Vec<T>>> for List<'_, T> {
    fn into_column(self) -> Option<Vec<T>> {
        Some(self.into_column())
    }
}

#[diagnostic::do_not_recommend]
impl<T: Element> IntoColumn<Option<Vec<T>>> for Option<List<'_, T>> {
    fn into_column(self) -> Option<Vec<T>> {
        self.map(IntoColumn::into_column)
    }
}
