//! Packed state: many entries in one record, as deltas and snapshots hold them.
//!
//! ```text
//! first key group, u16 BE │ last key group, u16 BE │ entries
//! entry: key group │ bucket │ key length × 2 + 1 if removed │ value length │ key │ value
//! ```
//!
//! The four numbers are LEB128; key group and bucket are zigzag differences to the entry before, which are small because the
//! entries of a batch come by key group, and mostly fall into few buckets.

use crate::plan::ChangeRef;

use super::record::PAYLOAD_BYTES;

const RANGE_BYTES: usize = 4;
/// The most that an entry takes beside its key and value.
const ENTRY_BYTES: usize = 3 + 10 + 10 + 10;

/// Gathers entries until a record is full.
#[derive(Debug, Default)]
pub(super) struct Packer {
    record: Vec<u8>,
    first: u16,
    last: u16,
    before: Place,
}

/// What an entry's numbers are relative to.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    key_group: u16,
    bucket: i64,
}

impl Packer {
    /// Adds an entry, and calls `full` first with the record so far if there is no more room in it. An entry
    /// larger than a part gets a record of its own, which is then cut into parts.
    pub(super) fn push<E>(
        &mut self,
        entry: ChangeRef<'_>,
        full: impl FnOnce(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let value = entry.value.unwrap_or_default();
        let size = ENTRY_BYTES + entry.key.len() + value.len();
        if !self.record.is_empty() && self.record.len() + size > PAYLOAD_BYTES {
            self.finish(full)?;
        }
        if self.record.is_empty() {
            self.record.extend_from_slice(&[0; RANGE_BYTES]);
            self.first = entry.key_group;
            self.last = entry.key_group;
            self.before = Place::default();
        }
        self.first = self.first.min(entry.key_group);
        self.last = self.last.max(entry.key_group);
        put_difference(i64::from(entry.key_group) - i64::from(self.before.key_group), &mut self.record);
        put_difference(entry.bucket.wrapping_sub(self.before.bucket), &mut self.record);
        self.before = Place { key_group: entry.key_group, bucket: entry.bucket };
        put_number((entry.key.len() as u64) << 1 | u64::from(entry.value.is_none()), &mut self.record);
        put_number(value.len() as u64, &mut self.record);
        self.record.extend_from_slice(entry.key);
        self.record.extend_from_slice(value);
        Ok(())
    }

    /// Calls `full` with what is left over, if anything is.
    pub(super) fn finish<E>(&mut self, full: impl FnOnce(&[u8]) -> Result<(), E>) -> Result<(), E> {
        if self.record.is_empty() {
            return Ok(());
        }
        self.record[..2].copy_from_slice(&self.first.to_be_bytes());
        self.record[2..RANGE_BYTES].copy_from_slice(&self.last.to_be_bytes());
        let done = full(&self.record);
        self.record.clear();
        done
    }
}

fn put_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_difference(difference: i64, out: &mut Vec<u8>) {
    put_number(((difference << 1) ^ (difference >> 63)) as u64, out);
}

/// Whether a record holds entries of any of these key groups.
pub(super) fn touches(record: &[u8], groups: &std::ops::Range<u16>) -> bool {
    match record {
        [a, b, c, d, ..] => {
            u16::from_be_bytes([*a, *b]) < groups.end && u16::from_be_bytes([*c, *d]) >= groups.start
        }
        _ => true,
    }
}

/// The entries of a record.
pub(super) fn entries(record: &[u8]) -> impl Iterator<Item = Result<ChangeRef<'_>, String>> {
    let mut rest = record.get(RANGE_BYTES..);
    let mut place = Place::default();
    std::iter::from_fn(move || {
        let bytes = match rest {
            Some([]) => return None,
            Some(bytes) => bytes,
            None => {
                rest = Some(&[]);
                return Some(Err("has no range of key groups".to_owned()));
            }
        };
        let found = entry(bytes, &mut place);
        rest = Some(found.map_or(&[], |(_, after)| after));
        Some(found.map(|(entry, _)| entry).ok_or_else(|| "holds an entry that can't be read".to_owned()))
    })
}

fn entry<'a>(bytes: &'a [u8], place: &mut Place) -> Option<(ChangeRef<'a>, &'a [u8])> {
    let (group_difference, bytes) = difference(bytes)?;
    let (bucket_difference, bytes) = difference(bytes)?;
    let (key_length, bytes) = number(bytes)?;
    let (value_length, bytes) = number(bytes)?;
    let (key, bytes) = bytes.split_at_checked(usize::try_from(key_length >> 1).ok()?)?;
    let (value, bytes) = bytes.split_at_checked(usize::try_from(value_length).ok()?)?;
    place.key_group = u16::try_from(i64::from(place.key_group).checked_add(group_difference)?).ok()?;
    place.bucket = place.bucket.wrapping_add(bucket_difference);
    let change = ChangeRef {
        key_group: place.key_group,
        bucket: place.bucket,
        key,
        value: (key_length & 1 == 0).then_some(value),
    };
    Some((change, bytes))
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (index, &byte) in bytes.iter().take(10).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[index + 1..]));
        }
    }
    None
}

fn difference(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (zigzag, rest) = number(bytes)?;
    Some(((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(changes: &[ChangeRef<'_>]) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        let mut packer = Packer::default();
        let mut keep = |record: &[u8]| {
            records.push(record.to_vec());
            Ok::<_, ()>(())
        };
        for &change in changes {
            packer.push(change, &mut keep).unwrap();
        }
        packer.finish(&mut keep).unwrap();
        records
    }

    #[test]
    fn entries_come_back_as_they_were_and_records_stay_within_a_part() {
        let values: Vec<Vec<u8>> = (0..3_000_u32).map(|i| vec![i as u8; (i % 40) as usize]).collect();
        let changes: Vec<ChangeRef<'_>> = values
            .iter()
            .enumerate()
            .map(|(i, value)| ChangeRef {
                key_group: (i / 100) as u16,
                bucket: -(i as i64),
                key: &value[..value.len() / 2],
                value: (i % 3 != 0).then_some(value),
            })
            .collect();
        let records = pack(&changes);
        assert!(records.len() > 1 && records.iter().all(|record| record.len() <= PAYLOAD_BYTES));
        let found: Vec<_> = records.iter().flat_map(|record| entries(record).map(Result::unwrap)).collect();
        assert_eq!(found, changes);
        let of_group_7: usize = records.iter().filter(|record| touches(record, &(7..8))).count();
        assert!((1..records.len()).contains(&of_group_7));
    }

    #[test]
    fn buckets_at_the_ends_of_time_come_back() {
        let buckets = [i64::MAX, i64::MIN, 0, -1, i64::MAX - 1];
        let changes =
            buckets.map(|bucket| ChangeRef { key_group: u16::MAX, bucket, key: b"k", value: Some(b"v") });
        let records = pack(&changes);
        let found: Vec<_> = entries(&records[0]).map(|entry| entry.unwrap().bucket).collect();
        assert_eq!(found, buckets);
    }

    #[test]
    fn a_large_entry_has_a_record_of_its_own() {
        let large = vec![9; 3 * PAYLOAD_BYTES];
        let small = ChangeRef { key_group: 1, bucket: 1, key: b"a", value: Some(b"b") };
        let records = pack(&[small, ChangeRef { value: Some(&large), ..small }, small]);
        assert_eq!(records.len(), 3);
    }

    #[test]
    fn a_record_cut_short_anywhere_is_an_error_and_never_a_panic() {
        let change = ChangeRef { key_group: 1, bucket: 1, key: b"key", value: Some(b"value") };
        let record = &pack(&[change])[0];
        for end in (0..record.len()).filter(|&end| end != RANGE_BYTES) {
            assert!(entries(&record[..end]).any(|entry| entry.is_err()), "cut at {end}");
        }
        for nonsense in [[0xff; 24], [0x7f; 24], [0x80; 24]] {
            assert!(entries(&nonsense).any(|entry| entry.is_err()));
        }
    }
}
