//! [`Discrete`]: values that aggregates compare for equality.

use super::column::{Column, Scalar, Value};
use crate::state::key::{Key, OwnedKey};
use crate::time::{Date, Duration, Timestamp, Window};

/// What `count_distinct`, `approx_count_distinct`, `collect_set` and `mode` can tell apart: keys, `Option`s of
/// keys, and for the counts tuples of those, which are null if any part is, as in Spark.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no exact equality, which `count_distinct`, `approx_count_distinct`, `collect_set` and `mode` need",
    label = "`{Self}` can't be told apart exactly",
    note = "they take text, bytes, integers, `bool`, times, windows, and `Option`s of those; round a float to an integer first, for instance `(x * 100.0).round() as i64`, or compare its bits with `x.to_bits()`"
)]
pub trait Discrete {
    /// What state keeps it as.
    type Key: OwnedKey;
    /// The form that a row has it in.
    type Ref<'a>: Key<Owned = Self::Key>
    where
        Self: 'a;

    /// The value, or `None` for null.
    fn key(&self) -> Option<Self::Ref<'_>>;
}

macro_rules! discrete {
    ($($type:ty),* $(,)?) => {$(
        #[diagnostic::do_not_recommend]
        impl Discrete for $type {
            type Key = <<Self as Value>::Column as Column>::Scalar;
            type Ref<'a> = <Self::Key as Scalar>::Ref<'a> where Self: 'a;
            #[inline]
            fn key(&self) -> Option<Self::Ref<'_>> {
                self.scalar()
            }
        }

        #[diagnostic::do_not_recommend]
        impl Discrete for Option<$type> {
            type Key = <<Self as Value>::Column as Column>::Scalar;
            type Ref<'a> = <Self::Key as Scalar>::Ref<'a> where Self: 'a;
            #[inline]
            fn key(&self) -> Option<Self::Ref<'_>> {
                self.scalar()
            }
        }
    )*};
}

discrete! {
    bool, char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize,
    Timestamp, Duration, Date, Window, String, &str, Vec<u8>, &[u8],
}

macro_rules! tuples {
    ($(($($name:ident $index:tt),*);)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($name: Discrete),*> Discrete for ($($name,)*) {
            type Key = ($($name::Key,)*);
            type Ref<'a> = ($($name::Ref<'a>,)*) where Self: 'a;
            #[inline]
            fn key(&self) -> Option<Self::Ref<'_>> {
                Some(($(self.$index.key()?,)*))
            }
        }
    )*};
}

tuples! {
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
}
