//! The encoding of a `HyperLogLog` sketch: Apache `DataSketches`' image of it, in a canonical form.
//!
//! An image begins with a preamble. Small sketches follow it with a list of *coupons* (a 26-bit slot below a 6-bit
//! value) in the order in which rows came or in hash order, large ones with one byte a register, and the preamble then
//! holds sums over the registers, and a second estimator that depends on the order of rows. The canonical form sorts
//! the coupons and leaves that estimator out, so that equal sets of values have equal images. The library trusts the
//! sums and values in an image; [`check`] doesn't.

use std::ops::Range;

const FLAGS: usize = 5;
const MODE: usize = 7;
const OUT_OF_ORDER: u8 = 16;

const LIST_START: usize = 8;
const SET_START: usize = 12;
const ORDER_DEPENDENT_ESTIMATE: Range<usize> = 8..16;
const SUMS: Range<usize> = 16..40;
const REGISTERS_START: usize = 40;

/// A coupon's value, and a register's, is at most this.
const MAX_VALUE: u8 = 63;

/// Where an image's coupons start, or `None` if it has registers.
fn coupons_start(image: &[u8]) -> Option<usize> {
    match image.get(MODE).map(|mode| mode & 3) {
        Some(0) => Some(LIST_START),
        Some(1) => Some(SET_START),
        _ => None,
    }
}

/// Brings an image that the library made into canonical form.
pub(super) fn canonical(mut image: Vec<u8>) -> Vec<u8> {
    if let Some(start) = coupons_start(&image) {
        let coupons = image.split_off(start);
        let mut coupons: Vec<u32> = read_coupons(&coupons).collect();
        coupons.sort_unstable();
        image.extend(coupons.into_iter().flat_map(u32::to_le_bytes));
    } else {
        image[FLAGS] |= OUT_OF_ORDER;
        image[ORDER_DEPENDENT_ESTIMATE].fill(0);
    }
    image
}

/// Whether an image from a checkpoint is canonical and consistent.
pub(super) fn check(image: &[u8]) -> Result<(), &'static str> {
    if let Some(start) = coupons_start(image) {
        let bytes = image.get(start..).ok_or("the sketch is cut off")?;
        let coupons: Vec<u32> = read_coupons(bytes).collect();
        if bytes.len() % 4 != 0 || !coupons.is_sorted_by(|left, right| left < right) {
            return Err("the sketch's coupons aren't in order");
        }
        if coupons.iter().any(|coupon| coupon >> 26 == 0) {
            return Err("the sketch has a coupon without a value");
        }
        return Ok(());
    }
    let registers = image.get(REGISTERS_START..).ok_or("the sketch is cut off")?;
    if registers.iter().any(|value| *value > MAX_VALUE) {
        return Err("the sketch has a register that is too large");
    }
    if image.get(ORDER_DEPENDENT_ESTIMATE) != Some(&[0; 8]) || image.get(SUMS) != Some(&sums(registers)) {
        return Err("the sketch's sums aren't those of its registers");
    }
    match image.get(FLAGS) {
        Some(flags) if flags & OUT_OF_ORDER != 0 => Ok(()),
        _ => Err("the sketch isn't in canonical form"),
    }
}

fn read_coupons(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes))
}

/// The sums of 2^-value over small and large registers, the number of registers that are 0, and 0. All of them are
/// exact, so the order of addition doesn't matter.
fn sums(registers: &[u8]) -> [u8; 24] {
    let (mut small, mut large, mut zeros) = (0.0_f64, 0.0_f64, 0_u32);
    for &value in registers {
        let sum = if value < 32 { &mut small } else { &mut large };
        *sum += 1.0 / (1_u64 << value.min(MAX_VALUE)) as f64;
        zeros += u32::from(value == 0);
    }
    let mut sums = [0; 24];
    let parts = small.to_le_bytes().into_iter().chain(large.to_le_bytes()).chain(zeros.to_le_bytes());
    sums.iter_mut().zip(parts).for_each(|(to, byte)| *to = byte);
    sums
}
