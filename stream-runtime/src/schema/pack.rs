//! The packed form of rows: what rows kept in state, and their bytes in a checkpoint, are made of.
//!
//! Numbers stand at their full width in little-endian order, text and binary data behind their length, lists
//! behind their count. The form doesn't describe itself, so only a reader who knows the schema and the column
//! set can unpack it. Unpacking may meet any bytes: it gives `None` for those that are no packed value, without
//! a panic, and allocates in proportion to the bytes that it has read.

/// Takes the next `N` bytes.
#[inline]
pub(crate) fn unpack_array<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (array, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*array)
}

#[inline]
pub(crate) fn pack_bool(value: bool, out: &mut Vec<u8>) {
    out.push(u8::from(value));
}

/// Takes one byte, which is 0 or 1.
#[inline]
pub(crate) fn unpack_bool(bytes: &mut &[u8]) -> Option<bool> {
    match bytes.split_off_first()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

/// Appends a length as LEB128: seven bits a byte, the lowest first, so a length below 128 is one byte.
#[inline]
pub(crate) fn pack_length(mut length: usize, out: &mut Vec<u8>) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

/// Takes a length of what follows, in things that are at least one byte each: none is above what is left.
#[inline]
pub(crate) fn unpack_length(bytes: &mut &[u8]) -> Option<usize> {
    let mut length = 0_usize;
    let mut shift = 0;
    loop {
        let byte = *bytes.split_off_first()?;
        let bits = usize::from(byte & 0x7f);
        let shifted = bits.checked_shl(shift)?;
        if shifted >> shift != bits {
            return None;
        }
        length |= shifted;
        if byte < 0x80 {
            return (length <= bytes.len()).then_some(length);
        }
        shift += 7;
    }
}

/// Appends bytes behind their length.
#[inline]
pub(crate) fn pack_bytes(value: &[u8], out: &mut Vec<u8>) {
    pack_length(value.len(), out);
    out.extend_from_slice(value);
}

/// Takes a length and that many bytes.
#[inline]
pub(crate) fn unpack_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = unpack_length(bytes)?;
    bytes.split_off(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(packed: &[u8], rest: usize) -> Option<usize> {
        let bytes = [packed, &vec![0; rest]].concat();
        let mut left = bytes.as_slice();
        let length = unpack_length(&mut left)?;
        assert_eq!(left.len(), rest);
        Some(length)
    }

    #[test]
    fn a_length_takes_a_byte_for_every_seven_bits() {
        for (value, size) in [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (70_000, 3)] {
            let mut packed = Vec::new();
            pack_length(value, &mut packed);
            assert_eq!(packed.len(), size, "{value}");
            assert_eq!(length(&packed, value), Some(value));
        }
        let mut packed = Vec::new();
        pack_length(usize::MAX, &mut packed);
        assert_eq!(packed.len(), usize::BITS.div_ceil(7) as usize);
    }

    #[test]
    fn a_length_above_what_is_left_is_damage() {
        assert_eq!(length(&[5], 5), Some(5));
        assert_eq!(length(&[5], 4), None);
        assert_eq!(length(&[0x80, 0x01], 127), None);
    }

    #[test]
    fn a_length_that_never_ends_or_overflows_is_damage() {
        assert_eq!(length(&[], 0), None);
        assert_eq!(length(&[0x85], 0), None);
        assert_eq!(length(&[0x80; 10_000], 1), None);
        // 2^64, whose one bit would be shifted out.
        assert_eq!(length(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02], 9), None);
    }

    #[test]
    fn a_flag_is_zero_or_one() {
        for (byte, expected) in [(0, Some(false)), (1, Some(true)), (2, None), (255, None)] {
            assert_eq!(unpack_bool(&mut [byte].as_slice()), expected);
        }
        assert_eq!(unpack_bool(&mut [].as_slice()), None);
    }
}
