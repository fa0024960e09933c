//! Numbers of any width as a column of another: whatever fits is taken, and what doesn't is a malformed row.

use std::fmt;

/// Whole numbers of one width.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Numbers<'a> {
    I8(&'a [i8]),
    I16(&'a [i16]),
    I32(&'a [i32]),
    I64(&'a [i64]),
    U8(&'a [u8]),
    U16(&'a [u16]),
    U32(&'a [u32]),
    U64(&'a [u64]),
}

impl Numbers<'_> {
    /// The number of a row.
    #[inline]
    pub(crate) fn get(self, row: usize) -> Option<i128> {
        match self {
            Self::I8(values) => values.get(row).copied().map(i128::from),
            Self::I16(values) => values.get(row).copied().map(i128::from),
            Self::I32(values) => values.get(row).copied().map(i128::from),
            Self::I64(values) => values.get(row).copied().map(i128::from),
            Self::U8(values) => values.get(row).copied().map(i128::from),
            Self::U16(values) => values.get(row).copied().map(i128::from),
            Self::U32(values) => values.get(row).copied().map(i128::from),
            Self::U64(values) => values.get(row).copied().map(i128::from),
        }
    }

    /// How many bits a number has.
    pub(crate) const fn bits(self) -> u32 {
        match self {
            Self::I8(_) | Self::U8(_) => 8,
            Self::I16(_) | Self::U16(_) => 16,
            Self::I32(_) | Self::U32(_) => 32,
            Self::I64(_) | Self::U64(_) => 64,
        }
    }
}

impl fmt::Display for Numbers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self {
            Self::I8(_) | Self::I16(_) | Self::I32(_) | Self::I64(_) => "",
            Self::U8(_) | Self::U16(_) | Self::U32(_) | Self::U64(_) => "u",
        };
        write!(f, "{sign}int{}", self.bits())
    }
}

/// A whole number that may be wider than any integer of Arrow: a decimal without a fraction.
#[derive(Clone, Copy, Debug)]
pub enum Wide {
    /// One that an `i128` holds.
    Signed(i128),
    /// A greater one, which a `u128` holds.
    Unsigned(u128),
    /// One that neither holds.
    Beyond,
}

impl Wide {
    /// The number as a `T`, if that can hold it.
    pub(crate) fn fit<T: TryFrom<i128> + TryFrom<u128>>(self) -> Option<T> {
        match self {
            Self::Signed(number) => T::try_from(number).ok(),
            Self::Unsigned(number) => T::try_from(number).ok(),
            Self::Beyond => None,
        }
    }
}

impl fmt::Display for Wide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed(number) => number.fmt(f),
            Self::Unsigned(number) => number.fmt(f),
            Self::Beyond => f.write_str("a number of more than 128 bits"),
        }
    }
}

/// The reader of a column of `T`s: those of the same width are there as they are.
#[derive(Clone, Copy, Debug)]
pub enum Integers<'a, T> {
    /// The file has the same type.
    Same(&'a [T]),
    /// It has another one.
    Other(Numbers<'a>),
    /// It has decimals.
    Wide(&'a [Wide]),
}

/// The reader of a column of floating-point numbers: those of a type that fits into `T` without loss.
#[derive(Clone, Copy, Debug)]
pub enum Floats<'a, T> {
    /// The file has the same type.
    Same(&'a [T]),
    /// It has narrower ones.
    Narrow(&'a [f32]),
    /// It has whole numbers that are narrow enough.
    Integers(Numbers<'a>),
}
