//! The one place that knows how state is encoded: bincode 2, size-limited decoding.
//!
//! What is encoded here is never compared or sorted as bytes; the store's keys, which are, have a form of their own.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// No single encoded key or value may be larger than this when decoded.
const DECODE_LIMIT: usize = 1 << 30;

/// No key or value may be larger than this when encoded: what is written has to be readable, with room for what a
/// record holds beside it.
pub(crate) const ENCODE_LIMIT: usize = DECODE_LIMIT / 2;

/// Appends the encoded value to `out`.
///
/// # Errors
/// If it can't be encoded, or only to something too large to be decoded again.
pub(crate) fn encode_into(value: &impl Serialize, out: &mut Vec<u8>) -> Result<()> {
    encode_within(ENCODE_LIMIT, value, out)
}

fn encode_within(limit: usize, value: &impl Serialize, out: &mut Vec<u8>) -> Result<()> {
    struct Appender<'a>(&'a mut Vec<u8>);
    impl bincode::enc::write::Writer for Appender<'_> {
        fn write(&mut self, bytes: &[u8]) -> Result<(), bincode::error::EncodeError> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }
    }
    let before = out.len();
    let config = bincode::config::standard();
    bincode::serde::encode_into_writer(value, Appender(out), config)
        .map_err(|error| Error::Other(format!("state can't be encoded: {error}").into()))?;
    let length = out.len() - before;
    if length > limit {
        let message = format!(
            "a group's state takes {length} bytes, and a checkpoint holds at most {limit} of one group; group by more keys or \
             by shorter windows, or use an aggregate that keeps less than every value"
        );
        return Err(Error::Other(message.into()));
    }
    Ok(())
}

/// The encoded value.
pub(crate) fn encode(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    encode_into(value, &mut bytes)?;
    Ok(bytes)
}

/// Decodes a value that has to fill `bytes` to the end.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    decode_borrowed(bytes)
}

/// As [`decode`], a value that may borrow from `bytes`.
pub(crate) fn decode_borrowed<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    let config = bincode::config::standard().with_limit::<DECODE_LIMIT>();
    match bincode::serde::borrow_decode_from_slice::<T, _>(bytes, config) {
        Ok((value, read)) if read == bytes.len() => Ok(value),
        Ok((_, read)) => Err(format!("{} bytes are left over", bytes.len() - read)),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_read_back_is_refused_when_it_is_written() {
        let mut bytes = vec![1];
        encode_within(9, &"12345678", &mut bytes).unwrap();
        let error = encode_within(8, &"12345678", &mut bytes).unwrap_err().to_string();
        assert!(error.contains("takes 9 bytes") && error.contains("at most 8"), "{error}");
    }
}
