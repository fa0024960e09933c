//! PostgreSQL's `numeric` in its binary form, as far as integers go: the form counts in ten-thousands.

const BASE: u128 = 10_000;
const NEGATIVE: u16 = 0x4000;
/// The most digits that 128 bits come to.
const MOST: usize = 10;

/// Appends an integer, without the length in front.
pub(crate) fn write(negative: bool, mut magnitude: u128, out: &mut Vec<u8>) {
    let mut digits = [0_u16; MOST];
    let mut count = 0_usize;
    for digit in &mut digits {
        if magnitude == 0 {
            break;
        }
        *digit = (magnitude % BASE) as u16;
        magnitude /= BASE;
        count += 1;
    }
    let weight = count.saturating_sub(1) as u16;
    let sign = if negative && count > 0 { NEGATIVE } else { 0 };
    for header in [count as u16, weight, sign, 0] {
        out.extend_from_slice(&header.to_be_bytes());
    }
    for digit in digits.iter().take(count).rev() {
        out.extend_from_slice(&digit.to_be_bytes());
    }
}

/// The integer, by its sign and its magnitude; `None` for a fraction, infinity, NaN, and what takes more than 128 bits.
pub(crate) fn read(bytes: &[u8]) -> Option<(bool, u128)> {
    let mut words = bytes.chunks(2).map(|word| Some(u16::from_be_bytes(word.try_into().ok()?)));
    let mut next = || words.next().flatten();
    let (count, weight, sign, _scale) = (next()?, next()?.cast_signed(), next()?, next()?);
    let negative = match sign {
        0 => false,
        NEGATIVE => true,
        _ => return None,
    };
    let mut magnitude = 0_u128;
    for place in 0..count {
        let digit = u128::from(next()?);
        let is_whole = i32::from(place) <= i32::from(weight);
        if is_whole {
            magnitude = magnitude.checked_mul(BASE)?.checked_add(digit)?;
        } else if digit != 0 {
            return None;
        }
    }
    let zeros = (i32::from(weight) + 1 - i32::from(count)).max(0);
    if magnitude > 0 {
        let power = BASE.checked_pow(u32::try_from(zeros).ok()?)?;
        magnitude = magnitude.checked_mul(power)?;
    }
    Some((negative, magnitude))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(negative: bool, magnitude: u128) -> Vec<u8> {
        let mut out = Vec::new();
        write(negative, magnitude, &mut out);
        out
    }

    #[test]
    fn integers_of_128_bits_round_trip() {
        for magnitude in [0, 1, 9_999, 10_000, 10_001, 100_000_000, u128::from(u64::MAX), u128::MAX] {
            for negative in [false, magnitude > 0] {
                assert_eq!(read(&written(negative, magnitude)), Some((negative, magnitude)));
            }
        }
    }

    #[test]
    fn zeros_at_the_end_may_be_left_out_and_a_fraction_of_zeros_may_stand() {
        // 1_0000_0000 as the server sends it, and 7.0000.
        assert_eq!(read(&[0, 1, 0, 2, 0, 0, 0, 0, 0, 1]), Some((false, 100_000_000)));
        assert_eq!(read(&[0, 2, 0, 0, 0, 0, 0, 4, 0, 7, 0, 0]), Some((false, 7)));
    }

    #[test]
    fn what_is_no_integer_is_refused() {
        // 0.5, NaN, infinity, and a length that the bytes don't reach.
        assert_eq!(read(&[0, 1, 0xff, 0xff, 0, 0, 0, 1, 0x13, 0x88]), None);
        assert_eq!(read(&[0, 0, 0, 0, 0xc0, 0, 0, 0]), None);
        assert_eq!(read(&[0, 0, 0, 0, 0xd0, 0, 0, 0]), None);
        assert_eq!(read(&[0, 2, 0, 1, 0, 0, 0, 0, 0, 1]), None);
        assert_eq!(read(&[0, 1, 0x7f, 0xff, 0, 0, 0, 0, 0, 1]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = read(&bytes);
        }
    }
}
