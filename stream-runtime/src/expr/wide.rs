//! [`Wide`]: the exact sum of any number of 64-bit integers.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A 128-bit integer in two words, so that an accumulator that holds one needs no 16-byte alignment.
///
/// 2^64 additions of 64-bit integers stay inside it. It saturates instead of wrapping, since a damaged
/// checkpoint may hold anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wide {
    low: u64,
    high: i64,
}

impl Wide {
    /// The smallest, which no sum of 64-bit integers reaches.
    pub(super) const MIN: Self = Self::new(i128::MIN);

    #[inline]
    pub(super) const fn new(value: i128) -> Self {
        Self { low: value as u64, high: (value >> 64) as i64 }
    }

    #[inline]
    pub(super) const fn get(self) -> i128 {
        (self.high as i128) << 64 | self.low as i128
    }

    #[inline]
    pub(super) fn add(&mut self, value: i128) {
        *self = Self::new(self.get().saturating_add(value));
    }
}

impl Serialize for Wide {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.get().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Wide {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i128::deserialize(deserializer).map(Self::new)
    }
}
