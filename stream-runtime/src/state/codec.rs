//! The one place that knows how state is encoded: bincode 2, fixed-width integers, size-limited decoding.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// No single encoded key or value may be larger than this when decoded.
const DECODE_LIMIT: usize = 1 << 30;

/// Appends the encoded value to `out`.
pub(crate) fn encode_into(value: &impl Serialize, out: &mut Vec<u8>) -> Result<()> {
    struct Appender<'a>(&'a mut Vec<u8>);
    impl bincode::enc::write::Writer for Appender<'_> {
        fn write(&mut self, bytes: &[u8]) -> Result<(), bincode::error::EncodeError> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }
    }
    let config = bincode::config::standard();
    bincode::serde::encode_into_writer(value, Appender(out), config)
        .map(|_| ())
        .map_err(|error| Error::Other(format!("state can't be encoded: {error}").into()))
}

/// Decodes a value that has to fill `bytes` to the end.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let config = bincode::config::standard().with_limit::<DECODE_LIMIT>();
    match bincode::serde::decode_from_slice::<T, _>(bytes, config) {
        Ok((value, read)) if read == bytes.len() => Ok(value),
        Ok((_, read)) => Err(format!("{} bytes are left over", bytes.len() - read)),
        Err(error) => Err(error.to_string()),
    }
}
