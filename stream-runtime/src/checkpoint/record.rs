//! Records: what the store's values look like.
//!
//! A record is cut into parts of at most [`PART_BYTES`], because sled never gives back the space of large values.
//! Each part opens with a checksum and the format's version, so that damage is noticed where it is read:
//!
//! ```text
//! crc32 of what follows, u32 BE │ version, u8 │ 1 if a further part follows, u8 │ payload
//! ```

/// The version of the records' format.
pub(super) const VERSION: u8 = 1;
/// The most that one value of the store may hold.
pub(super) const PART_BYTES: usize = 32 * 1024;
/// Bytes in front of each part's payload.
pub(super) const HEADER_BYTES: usize = 6;
/// The most that a record's payload may hold in one part.
pub(super) const PAYLOAD_BYTES: usize = PART_BYTES - HEADER_BYTES;
/// No record is larger than this; a longer one is damage.
const RECORD_LIMIT: usize = 1 << 30;

/// Calls `put` with the number and the bytes of each part of a record.
pub(super) fn for_each_part(payload: &[u8], mut put: impl FnMut(u32, Vec<u8>)) {
    let mut rest = payload;
    let mut number = 0;
    loop {
        let (part, after) = rest.split_at(rest.len().min(PAYLOAD_BYTES));
        put(number, seal(part, !after.is_empty()));
        if after.is_empty() {
            return;
        }
        rest = after;
        number += 1;
    }
}

fn seal(payload: &[u8], more: bool) -> Vec<u8> {
    let mut part = Vec::with_capacity(HEADER_BYTES + payload.len());
    part.extend_from_slice(&[0; 4]);
    part.push(VERSION);
    part.push(u8::from(more));
    part.extend_from_slice(payload);
    let checksum = crc32fast::hash(&part[4..]);
    part[..4].copy_from_slice(&checksum.to_be_bytes());
    part
}

/// A part's payload, and whether a further part follows.
pub(super) fn open_part(part: &[u8]) -> Result<(&[u8], bool), String> {
    let Some((&[a, b, c, d], rest)) = part.split_first_chunk::<4>() else {
        return Err(format!("is cut short at {} bytes", part.len()));
    };
    if crc32fast::hash(rest) != u32::from_be_bytes([a, b, c, d]) {
        return Err("doesn't match its checksum".to_owned());
    }
    match rest {
        [VERSION, more, payload @ ..] => Ok((payload, *more != 0)),
        [version, _, ..] => Err(format!("has version {version}; this release reads version {VERSION}")),
        _ => Err("has no header".to_owned()),
    }
}

/// A record that is being put together from its parts.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    payload: Vec<u8>,
    next: u32,
}

impl Assembly {
    /// Takes in a part; `true` once the record is whole.
    pub(super) fn push(&mut self, number: u32, part: &[u8]) -> Result<bool, String> {
        if number != self.next {
            return Err(format!("lacks part {} of its record", self.next));
        }
        let (payload, more) = open_part(part)?;
        if self.payload.len() + payload.len() > RECORD_LIMIT {
            return Err(format!("is part of a record of more than {RECORD_LIMIT} bytes"));
        }
        self.payload.extend_from_slice(payload);
        self.next += 1;
        Ok(!more)
    }

    /// Whether the record has begun and isn't whole.
    pub(super) fn is_open(&self) -> bool {
        self.next > 0
    }

    /// The whole record; the next part begins a new one.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.next = 0;
        std::mem::take(&mut self.payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(payload: &[u8]) -> Vec<Vec<u8>> {
        let mut parts = Vec::new();
        for_each_part(payload, |_, part| parts.push(part));
        parts
    }

    #[test]
    fn a_record_of_any_size_comes_back_in_parts_of_bounded_size() {
        for size in [0, 1, PAYLOAD_BYTES, PAYLOAD_BYTES + 1, 5 * PAYLOAD_BYTES] {
            let payload: Vec<u8> = (0..size).map(|i| i as u8).collect();
            let parts = parts(&payload);
            assert_eq!(parts.len(), size.div_ceil(PAYLOAD_BYTES).max(1));
            let mut assembly = Assembly::default();
            for (number, part) in parts.iter().enumerate() {
                assert!(part.len() <= PART_BYTES);
                let whole = assembly.push(number as u32, part).unwrap();
                assert_eq!(whole, number + 1 == parts.len());
            }
            assert_eq!(assembly.take(), payload);
            assert!(!assembly.is_open());
        }
    }

    #[test]
    fn any_flipped_bit_and_any_missing_byte_is_noticed() {
        let part = &parts(b"state")[0];
        for bit in 0..part.len() * 8 {
            let mut damaged = part.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(open_part(&damaged).is_err(), "bit {bit}");
        }
        for len in 0..part.len() {
            assert!(open_part(&part[..len]).is_err(), "length {len}");
        }
    }

    #[test]
    fn a_missing_part_is_noticed() {
        let parts = parts(&vec![1; 3 * PAYLOAD_BYTES]);
        let mut assembly = Assembly::default();
        assembly.push(0, &parts[0]).unwrap();
        assert_eq!(assembly.push(2, &parts[2]).unwrap_err(), "lacks part 1 of its record");
    }

    #[test]
    fn a_newer_format_is_named() {
        let mut part = seal(b"x", false);
        part[4] = VERSION + 1;
        let checksum = crc32fast::hash(&part[4..]);
        part[..4].copy_from_slice(&checksum.to_be_bytes());
        assert_eq!(open_part(&part).unwrap_err(), "has version 2; this release reads version 1");
    }
}
