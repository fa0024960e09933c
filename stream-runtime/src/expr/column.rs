//! What aggregates take and keep: [`Scalar`]s, [`Column`]s and [`Value`]s.
//!
//! A *scalar* is one value as state holds it (`f64`, `String`). A *column* is a scalar or an `Option` of one:
//! it decides whether a result can be null. A *value* is what a query's expression gives for a row, which may
//! borrow from the input (`&str`, `Option<&str>`) and has a column that it is kept as. Aggregates are generic
//! over the column, which rustc infers from the value.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Unfinished;
use crate::time::{Date, Duration, Timestamp, Window};

/// One value as state holds it.
pub trait Scalar: Clone + Debug + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// The form that a row has it in: `&str` for `String`, numbers are themselves.
    type Ref<'a>: ScalarRef<Owned = Self>;

    /// Borrows the scalar.
    fn borrowed(&self) -> Self::Ref<'_>;
}

/// One value as a row has it: `Copy`, and borrowed if its owned form is on the heap.
pub trait ScalarRef: Copy {
    /// The form that state holds.
    type Owned: Scalar;

    /// The form that state holds.
    fn owned(self) -> Self::Owned;
    /// Puts the value in place of another, whose memory is used again.
    fn store(self, slot: &mut Self::Owned);
    /// Whether it comes before `other`. `NaN` comes after every number and is equal to itself, as in Spark,
    /// and -0.0 is equal to 0.0.
    fn is_before(self, other: &Self::Owned) -> bool;
    /// Whether it comes after `other`.
    fn is_after(self, other: &Self::Owned) -> bool;
}

/// A scalar, or an `Option` of one: the type of an aggregate's argument without its lifetimes.
pub trait Column: Clone + Debug + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// The column's values that aren't null.
    type Scalar: Scalar;
    /// The result of an aggregate over the column: `X` if the column is never null, `Option<X>` if it may be.
    type Result<X>;
    /// A column that is also null where there was no row to take it from.
    type Lift<X: Column>;

    /// The result for a value, or for want of one: null, or nothing at all.
    fn result<X>(value: Option<X>) -> Result<Self::Result<X>, Unfinished>;
    /// The result for another column's value, or for want of one.
    fn lift<X: Column>(value: Option<X>) -> Result<Self::Lift<X>, Unfinished>;
    /// The value, or `None` for null.
    fn into_scalar(self) -> Option<Self::Scalar>;
}

/// What an aggregate that keeps values can take: `first`, `last`, `collect_list`, `min_by` and `max_by`.
#[diagnostic::on_unimplemented(
    message = "an aggregate can't keep a `{Self}`",
    label = "this is `{Self}`",
    note = "aggregates keep text, bytes, numbers, `bool`, times, windows, and `Option`s of those; for anything else write an `impl Aggregate` and call `aggregate::<MyAggregate>(…)`"
)]
pub trait Value {
    /// What state keeps it as.
    type Column: Column;

    /// The value as the row has it, or `None` for null.
    fn scalar(&self) -> Option<Ref<'_, Self::Column>>;
    /// The value as state keeps it.
    fn column(&self) -> Self::Column;
    /// Puts the value in place of another, whose memory is used again.
    fn store(&self, slot: &mut Self::Column);
}

/// A value of column `C` as a row has it.
pub type Ref<'a, C> = <<C as Column>::Scalar as Scalar>::Ref<'a>;

impl<S: Scalar> Column for Option<S> {
    type Scalar = S;
    type Result<X> = Option<X>;
    type Lift<X: Column> = Option<X::Scalar>;

    fn result<X>(value: Option<X>) -> Result<Option<X>, Unfinished> {
        Ok(value)
    }
    fn lift<X: Column>(value: Option<X>) -> Result<Option<X::Scalar>, Unfinished> {
        Ok(value.and_then(X::into_scalar))
    }
    fn into_scalar(self) -> Option<S> {
        self
    }
}

macro_rules! column {
    ($type:ty) => {
        impl Column for $type {
            type Scalar = Self;
            type Result<X> = X;
            type Lift<X: Column> = X;

            fn result<X>(value: Option<X>) -> Result<X, Unfinished> {
                value.ok_or(Unfinished::Empty)
            }
            fn lift<X: Column>(value: Option<X>) -> Result<X, Unfinished> {
                value.ok_or(Unfinished::Empty)
            }
            fn into_scalar(self) -> Option<Self> {
                Some(self)
            }
        }
    };
}

macro_rules! copied {
    ($($type:ty),*; |$value:ident, $other:ident| $before:expr, $after:expr) => {$(
        column!($type);

        impl Scalar for $type {
            type Ref<'a> = Self;
            #[inline]
            fn borrowed(&self) -> Self {
                *self
            }
        }

        impl ScalarRef for $type {
            type Owned = Self;
            #[inline]
            fn owned(self) -> Self {
                self
            }
            #[inline]
            fn store(self, slot: &mut Self) {
                *slot = self;
            }
            #[inline]
            fn is_before(self, $other: &Self) -> bool {
                let $value = &self;
                $before
            }
            #[inline]
            fn is_after(self, $other: &Self) -> bool {
                let $value = &self;
                $after
            }
        }

        #[diagnostic::do_not_recommend]
        impl Value for $type {
            type Column = Self;
            #[inline]
            fn scalar(&self) -> Option<Self> {
                Some(*self)
            }
            #[inline]
            fn column(&self) -> Self {
                *self
            }
            #[inline]
            fn store(&self, slot: &mut Self) {
                *slot = *self;
            }
        }

        #[diagnostic::do_not_recommend]
        impl Value for Option<$type> {
            type Column = Self;
            #[inline]
            fn scalar(&self) -> Self {
                *self
            }
            #[inline]
            fn column(&self) -> Self {
                *self
            }
            #[inline]
            fn store(&self, slot: &mut Self) {
                *slot = *self;
            }
        }
    )*};
}

copied! {
    bool, char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize,
    Timestamp, Duration, Date, Window;
    |value, other| value < other, value > other
}
copied! {
    f32, f64;
    |value, other| value < other || (!value.is_nan() && other.is_nan()),
    value > other || (value.is_nan() && !other.is_nan())
}

macro_rules! sliced {
    ($($owned:ty, $borrowed:ty, $append:ident);* $(;)?) => {$(
        column!($owned);

        impl Scalar for $owned {
            type Ref<'a> = &'a $borrowed;
            #[inline]
            fn borrowed(&self) -> &$borrowed {
                self
            }
        }

        impl ScalarRef for &$borrowed {
            type Owned = $owned;
            fn owned(self) -> $owned {
                self.to_owned()
            }
            #[inline]
            fn store(self, slot: &mut $owned) {
                slot.clear();
                slot.$append(self);
            }
            #[inline]
            fn is_before(self, other: &$owned) -> bool {
                *self < **other
            }
            #[inline]
            fn is_after(self, other: &$owned) -> bool {
                *self > **other
            }
        }

        sliced_value!($owned, $borrowed: $owned, &$borrowed);
    )*};
}

macro_rules! sliced_value {
    ($owned:ty, $borrowed:ty: $($type:ty),*) => {$(
        #[diagnostic::do_not_recommend]
        impl Value for $type {
            type Column = $owned;
            #[inline]
            fn scalar(&self) -> Option<&$borrowed> {
                Some(self)
            }
            fn column(&self) -> $owned {
                (**self).to_owned()
            }
            #[inline]
            fn store(&self, slot: &mut $owned) {
                ScalarRef::store(&**self, slot);
            }
        }

        #[diagnostic::do_not_recommend]
        impl Value for Option<$type> {
            type Column = Option<$owned>;
            #[inline]
            fn scalar(&self) -> Option<&$borrowed> {
                match self {
                    Some(value) => Some(value),
                    None => None,
                }
            }
            fn column(&self) -> Option<$owned> {
                self.as_ref().map(|value| (**value).to_owned())
            }
            #[inline]
            fn store(&self, slot: &mut Option<$owned>) {
                match (self, slot) {
                    (Some(value), Some(slot)) => ScalarRef::store(&**value, slot),
                    (value, slot) => *slot = value.column(),
                }
            }
        }
    )*};
}

sliced! {
    String, str, push_str;
    Vec<u8>, [u8], extend_from_slice;
}

/// Implements a family's trait for types and for `Option`s of them. A family has its own `Column` and `scalar`
/// instead of [`Value`]'s: a column outside it is then one error, about the family.
///
/// The types aren't recommended in errors: the family's note says what it takes in one line.
macro_rules! family {
    ($family:ident: $($type:ty),* $(,)?) => {$(
        family!(@ $family, $type);
        family!(@ $family, Option<$type>);
    )*};
    (@ $family:ident, $type:ty) => {
        #[diagnostic::do_not_recommend]
        impl $family for $type {
            type Column = <Self as Value>::Column;
            #[inline]
            fn scalar(&self) -> Option<Ref<'_, Self::Column>> {
                Value::scalar(self)
            }
        }
    };
}
pub(super) use family;
