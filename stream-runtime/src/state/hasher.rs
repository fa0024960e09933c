//! [`KeyHasher`]: the hash that places keys, in tables and in the checkpoint.

/// The seeded hash of a key. Stable for a seed across processes and machines: it decides the key group, and
/// with it which part of the checkpoint a key is found in.
#[derive(Clone, Copy, Debug)]
pub struct KeyHasher(u64);

impl KeyHasher {
    /// Starts a hash with the checkpoint's seed.
    #[inline]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Mixes in a number.
    #[inline]
    pub fn write_u64(&mut self, value: u64) {
        // Folded multiply, as in wyhash: every bit of both operands reaches every bit of the result.
        let product = u128::from(self.0 ^ value ^ 0x9e37_79b9_7f4a_7c15) * 0xa076_1d64_78bd_642f_u128;
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }

    /// Mixes in bytes.
    #[inline]
    pub fn write_bytes(&mut self, bytes: &[u8]) {
        self.0 = rapidhash::v3::rapidhash_v3_micro_inline::<true, false>(
            bytes,
            &rapidhash::v3::RapidSecrets::seed_cpp(self.0),
        );
    }

    /// The hash.
    #[inline]
    pub fn finish(self) -> u64 {
        self.0
    }
}
