//! [`Key`]: grouping keys that are looked up borrowed and owned only when first inserted.

use std::borrow::Borrow;
use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::schema::pack::pack_bytes;
use crate::time::{Date, Duration, Timestamp, Window};

pub use super::hasher::KeyHasher;

/// A value that rows can be grouped by.
///
/// Implemented for text, bytes, integers, `bool`, times, [`Window`], `Option`s and tuples of those. Floats
/// aren't keys: `NaN != NaN`, and 0.1 + 0.2 isn't 0.3.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a key",
    label = "not a key",
    note = "keys are text, bytes, integers, `bool`, times, windows, and `Option`s and tuples of those; a float isn't one: round it to an integer first"
)]
pub trait Key {
    /// The form that state keeps.
    type Owned: OwnedKey;

    /// Adds the key to a hash.
    fn hash_key(&self, hasher: &mut KeyHasher);
    /// Whether this is the key that state holds.
    fn eq_owned(&self, owned: &Self::Owned) -> bool;
    /// The form that state keeps.
    fn to_owned_key(&self) -> Self::Owned;
    /// Appends the key's packed form. Keys of a type are equal where their packed forms are, and a key is packed alike
    /// borrowed and owned.
    fn pack_key(&self, out: &mut Vec<u8>);
    /// Whether the key or a part of it is null: such a key equals no other in a join.
    #[inline]
    fn has_null(&self) -> bool {
        false
    }
}

/// A key as state keeps it.
pub trait OwnedKey:
    Key<Owned = Self> + Ord + Clone + Debug + Send + Sync + Serialize + DeserializeOwned + 'static
{
    /// The borrowed form, as the query's expressions see it.
    type Ref<'a>: Copy;
    /// Borrows the key.
    fn as_ref_key(&self) -> Self::Ref<'_>;
    /// The beginning of the key as a number: a key that is less than another has a prefix that is not greater.
    /// Sorting compares prefixes first, and mostly needs to look no further.
    fn order_prefix(&self) -> u64;
}

/// Puts negative numbers before the others.
const SIGN: u64 = 1 << 63;

/// The first eight bytes, in their order.
fn bytes_prefix(bytes: &[u8]) -> u64 {
    let mut first = [0; 8];
    let length = bytes.len().min(8);
    first[..length].copy_from_slice(&bytes[..length]);
    u64::from_be_bytes(first)
}

impl<T: Key + ?Sized> Key for &T {
    type Owned = T::Owned;
    #[inline]
    fn hash_key(&self, hasher: &mut KeyHasher) {
        (**self).hash_key(hasher);
    }
    #[inline]
    fn eq_owned(&self, owned: &Self::Owned) -> bool {
        (**self).eq_owned(owned)
    }
    fn to_owned_key(&self) -> Self::Owned {
        (**self).to_owned_key()
    }
    #[inline]
    fn pack_key(&self, out: &mut Vec<u8>) {
        (**self).pack_key(out);
    }
    #[inline]
    fn has_null(&self) -> bool {
        (**self).has_null()
    }
}

macro_rules! copied_keys {
    ($($type:ty => |$value:ident| [$($bits:expr),+], $prefix:expr, [$($packed:expr),+]);* $(;)?) => {$(
        #[diagnostic::do_not_recommend]
        impl Key for $type {
            type Owned = Self;
            #[inline]
            fn hash_key(&self, hasher: &mut KeyHasher) {
                let $value = *self;
                $(hasher.write_u64($bits);)+
            }
            #[inline]
            fn eq_owned(&self, owned: &Self) -> bool {
                self == owned
            }
            fn to_owned_key(&self) -> Self {
                *self
            }
            #[inline]
            fn pack_key(&self, out: &mut Vec<u8>) {
                let $value = *self;
                $(out.extend_from_slice(&$packed.to_le_bytes());)+
            }
        }
        impl OwnedKey for $type {
            type Ref<'a> = Self;
            fn as_ref_key(&self) -> Self {
                *self
            }
            fn order_prefix(&self) -> u64 {
                let $value = *self;
                $prefix
            }
        }
    )*};
}

copied_keys! {
    bool => |v| [u64::from(v)], u64::from(v), [u8::from(v)];
    u8 => |v| [u64::from(v)], u64::from(v), [v];
    u16 => |v| [u64::from(v)], u64::from(v), [v];
    u32 => |v| [u64::from(v)], u64::from(v), [v];
    u64 => |v| [v], v, [v];
    usize => |v| [v as u64], v as u64, [(v as u64)];
    char => |v| [u64::from(v)], u64::from(v), [u32::from(v)];
    i8 => |v| [v as u64], v as u64 ^ SIGN, [v];
    i16 => |v| [v as u64], v as u64 ^ SIGN, [v];
    i32 => |v| [v as u64], v as u64 ^ SIGN, [v];
    i64 => |v| [v as u64], v as u64 ^ SIGN, [v];
    isize => |v| [v as u64], v as u64 ^ SIGN, [(v as i64)];
    // Both halves are mixed in by themselves: joined without the seed, anyone could make numbers that collide.
    u128 => |v| [v as u64, (v >> 64) as u64], (v >> 64) as u64, [v];
    i128 => |v| [v as u64, (v >> 64) as u64], (v >> 64) as u64 ^ SIGN, [v];
    Timestamp => |v| [v.as_micros() as u64], v.as_micros() as u64 ^ SIGN, [v.as_micros()];
    Duration => |v| [v.as_micros() as u64], v.as_micros() as u64 ^ SIGN, [v.as_micros()];
    Date => |v| [v.as_days() as u64], v.as_days() as u64 ^ SIGN, [v.as_days()];
    Window => |v| [v.start.as_micros() as u64, v.end.as_micros() as u64], v.start.as_micros() as u64 ^ SIGN, [v.start.as_micros(), v.end.as_micros()];
}

/// Whether the bytes are the same. Most keys are short, and for those a call costs more than the comparison.
#[inline]
fn same_bytes(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let ends8 = |bytes: &[u8]| Some((*bytes.first_chunk::<8>()?, *bytes.last_chunk::<8>()?));
    let ends4 = |bytes: &[u8]| Some((*bytes.first_chunk::<4>()?, *bytes.last_chunk::<4>()?));
    match left.len() {
        4..8 => ends4(left) == ends4(right),
        8..=16 => ends8(left) == ends8(right),
        _ => left == right,
    }
}

macro_rules! sliced_keys {
    ($($owned:ty, $borrowed:ty, $bytes:ident);* $(;)?) => {$(
        #[diagnostic::do_not_recommend]
        impl Key for $borrowed {
            type Owned = $owned;
            #[inline]
            fn hash_key(&self, hasher: &mut KeyHasher) {
                hasher.write_bytes(self.$bytes());
            }
            #[inline]
            fn eq_owned(&self, owned: &$owned) -> bool {
                same_bytes(self.$bytes(), owned.$bytes())
            }
            fn to_owned_key(&self) -> $owned {
                self.to_owned()
            }
            #[inline]
            fn pack_key(&self, out: &mut Vec<u8>) {
                pack_bytes(self.$bytes(), out);
            }
        }
        #[diagnostic::do_not_recommend]
        impl Key for $owned {
            type Owned = Self;
            #[inline]
            fn hash_key(&self, hasher: &mut KeyHasher) {
                let borrowed: &$borrowed = self.borrow();
                borrowed.hash_key(hasher);
            }
            #[inline]
            fn eq_owned(&self, owned: &Self) -> bool {
                self == owned
            }
            fn to_owned_key(&self) -> Self {
                self.clone()
            }
            #[inline]
            fn pack_key(&self, out: &mut Vec<u8>) {
                pack_bytes(self.$bytes(), out);
            }
        }
        impl OwnedKey for $owned {
            type Ref<'a> = &'a $borrowed;
            fn as_ref_key(&self) -> &$borrowed {
                self.borrow()
            }
            fn order_prefix(&self) -> u64 {
                bytes_prefix(self.$bytes())
            }
        }
    )*};
}

sliced_keys! {
    String, str, as_bytes;
    Vec<u8>, [u8], as_ref;
}

#[diagnostic::do_not_recommend]
impl<T: Key> Key for Option<T> {
    type Owned = Option<T::Owned>;
    #[inline]
    fn hash_key(&self, hasher: &mut KeyHasher) {
        match self {
            None => hasher.write_u64(0),
            Some(value) => {
                hasher.write_u64(1);
                value.hash_key(hasher);
            }
        }
    }
    #[inline]
    fn eq_owned(&self, owned: &Self::Owned) -> bool {
        match (self, owned) {
            (None, None) => true,
            (Some(value), Some(owned)) => value.eq_owned(owned),
            _ => false,
        }
    }
    fn to_owned_key(&self) -> Self::Owned {
        self.as_ref().map(T::to_owned_key)
    }
    #[inline]
    fn pack_key(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.is_some()));
        if let Some(value) = self {
            value.pack_key(out);
        }
    }
    #[inline]
    fn has_null(&self) -> bool {
        self.as_ref().is_none_or(T::has_null)
    }
}

impl<T: OwnedKey> OwnedKey for Option<T> {
    type Ref<'a> = Option<T::Ref<'a>>;
    fn as_ref_key(&self) -> Self::Ref<'_> {
        self.as_ref().map(T::as_ref_key)
    }
    fn order_prefix(&self) -> u64 {
        self.as_ref().map_or(0, |value| SIGN | (value.order_prefix() >> 1))
    }
}

/// The prefix of a tuple is that of its first element.
macro_rules! first_prefix {
    ($key:ident) => {
        0
    };
    ($key:ident $first:tt $($rest:tt)*) => {
        $key.$first.order_prefix()
    };
}

macro_rules! tuple_keys {
    ($(($($name:ident $index:tt),*);)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($name: Key),*> Key for ($($name,)*) {
            type Owned = ($($name::Owned,)*);
            #[inline]
            fn hash_key(&self, _hasher: &mut KeyHasher) {
                $(self.$index.hash_key(_hasher);)*
            }
            #[inline]
            fn eq_owned(&self, _owned: &Self::Owned) -> bool {
                true $(&& self.$index.eq_owned(&_owned.$index))*
            }
            #[allow(clippy::unused_unit)]
            fn to_owned_key(&self) -> Self::Owned {
                ($(self.$index.to_owned_key(),)*)
            }
            #[inline]
            fn pack_key(&self, _out: &mut Vec<u8>) {
                $(self.$index.pack_key(_out);)*
            }
            #[inline]
            fn has_null(&self) -> bool {
                false $(|| self.$index.has_null())*
            }
        }
        impl<$($name: OwnedKey),*> OwnedKey for ($($name,)*) {
            type Ref<'a> = ($($name::Ref<'a>,)*);
            #[allow(clippy::unused_unit)]
            fn as_ref_key(&self) -> Self::Ref<'_> {
                ($(self.$index.as_ref_key(),)*)
            }
            fn order_prefix(&self) -> u64 {
                first_prefix!(self $($index)*)
            }
        }
    )*};
}

tuple_keys! {
    ();
    (A 0);
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
    (A 0, B 1, C 2, D 3, E 4);
    (A 0, B 1, C 2, D 3, E 4, F 5);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);
}

#[cfg(test)]
mod tests;
