//! [`SortKey`]: what `order by` can order rows by.
//!
//! Invariant: each implementation is a total order, so that a result comes out in the same order each time.

use std::cmp::{Ordering, Reverse};

use crate::schema::{Element, List};
use crate::time::{Date, Duration, Timestamp, Window};

/// A value that the rows of a result can be ordered by.
///
/// Numbers are in their natural order, `NaN` behind every number and equal to itself, -0.0 equal to 0.0; text and bytes in the
/// order of their bytes, `false` before `true`, windows by start and then by end, lists and tuples by their first part that
/// differs. Null comes first, and last under `desc`. All of this is as in Spark.
///
/// Implement it for a type of your own to order by that:
///
/// ```
/// use std::cmp::Ordering;
/// use stream_runtime::expr::SortKey;
///
/// #[derive(PartialEq, Eq, PartialOrd, Ord)]
/// enum Severity {
///     Notice,
///     Alarm,
/// }
///
/// impl SortKey for Severity {
///     fn compare(&self, other: &Self) -> Ordering {
///         self.cmp(other)
///     }
/// }
/// assert_eq!(Some(Severity::Alarm).compare(&Some(Severity::Notice)), Ordering::Greater);
/// ```
#[diagnostic::on_unimplemented(
    message = "rows can't be ordered by `{Self}`",
    label = "not a key of `order by`",
    note = "rows are ordered by text, bytes, numbers, `bool`, times, windows, and `Option`s, lists and tuples of those"
)]
pub trait SortKey {
    /// Which of the two comes first under `asc`.
    fn compare(&self, other: &Self) -> Ordering;
}

macro_rules! ordered_by_nature {
    ($($type:ty),*) => {$(
        #[diagnostic::do_not_recommend]
        impl SortKey for $type {
            #[inline]
            fn compare(&self, other: &Self) -> Ordering {
                self.cmp(other)
            }
        }
    )*};
}

ordered_by_nature! {
    bool, char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize,
    str, String, Timestamp, Duration, Date, Window
}

macro_rules! ordered_floats {
    ($($type:ty),*) => {$(
        #[diagnostic::do_not_recommend]
        impl SortKey for $type {
            #[inline]
            fn compare(&self, other: &Self) -> Ordering {
                // Incomparable are only `NaN`s.
                self.partial_cmp(other).unwrap_or_else(|| self.is_nan().cmp(&other.is_nan()))
            }
        }
    )*};
}

ordered_floats!(f32, f64);

#[diagnostic::do_not_recommend]
impl<T: SortKey + ?Sized> SortKey for &T {
    #[inline]
    fn compare(&self, other: &Self) -> Ordering {
        (**self).compare(other)
    }
}

#[diagnostic::do_not_recommend]
impl<T: SortKey> SortKey for Option<T> {
    #[inline]
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Some(left), Some(right)) => left.compare(right),
            _ => self.is_some().cmp(&other.is_some()),
        }
    }
}

#[diagnostic::do_not_recommend]
impl<T: SortKey> SortKey for Reverse<T> {
    #[inline]
    fn compare(&self, other: &Self) -> Ordering {
        other.0.compare(&self.0)
    }
}

#[diagnostic::do_not_recommend]
impl<T: SortKey> SortKey for [T] {
    fn compare(&self, other: &Self) -> Ordering {
        lexicographic(self.iter(), other.iter())
    }
}

#[diagnostic::do_not_recommend]
impl<T: SortKey> SortKey for Vec<T> {
    fn compare(&self, other: &Self) -> Ordering {
        self.as_slice().compare(other.as_slice())
    }
}

#[diagnostic::do_not_recommend]
impl<'a, T: Element> SortKey for List<'a, T>
where
    T::View<'a>: SortKey,
{
    fn compare(&self, other: &Self) -> Ordering {
        lexicographic(self.iter(), other.iter())
    }
}

/// By the first items that differ; of two lists of which one begins the other, the shorter comes first.
fn lexicographic<T: SortKey>(
    mut left: impl Iterator<Item = T>,
    mut right: impl Iterator<Item = T>,
) -> Ordering {
    loop {
        match (left.next(), right.next()) {
            (Some(a), Some(b)) => match a.compare(&b) {
                Ordering::Equal => {}
                different => return different,
            },
            (a, b) => return a.is_some().cmp(&b.is_some()),
        }
    }
}

macro_rules! ordered_tuples {
    ($(($($name:ident $index:tt),*);)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($name: SortKey),*> SortKey for ($($name,)*) {
            #[inline]
            fn compare(&self, other: &Self) -> Ordering {
                Ordering::Equal$(.then_with(|| self.$index.compare(&other.$index)))*
            }
        }
    )*};
}

ordered_tuples! {
    (A 0);
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
    (A 0, B 1, C 2, D 3, E 4);
    (A 0, B 1, C 2, D 3, E 4, F 5);
}
