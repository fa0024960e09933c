//! Keys of the store: one letter, then fixed-width big-endian integers, so that sled's order is ours.
//!
//! Everything that grows with the batches is ordered by batch first: a write touches the end of the tree only.

/// The metadata, in parts.
pub(super) const METADATA: u8 = b'm';
/// A batch's plan, in parts.
pub(super) const PLAN: u8 = b'p';
/// A batch's commit.
pub(super) const COMMIT: u8 = b'c';
/// A batch's changes to an operator's state.
pub(super) const DELTA: u8 = b'd';
/// What the generation's snapshot covers.
pub(super) const SNAPSHOT: u8 = b'b';
/// An operator's state at the snapshot.
pub(super) const STATE: u8 = b's';
/// An entry of a source's log, in parts.
pub(super) const LOG: u8 = b'l';

/// The metadata's key.
pub(super) fn metadata(part: u32) -> Vec<u8> {
    join(METADATA, &[], part)
}

/// A plan's key.
pub(super) fn plan(batch: u64, part: u32) -> Vec<u8> {
    join(PLAN, &[&batch.to_be_bytes()], part)
}

/// A commit's key.
pub(super) fn commit(batch: u64, part: u32) -> Vec<u8> {
    join(COMMIT, &[&batch.to_be_bytes()], part)
}

/// The key of the `sequence`-th record of a batch's changes to an operator's state.
pub(super) fn delta(batch: u64, operator: u16, sequence: u32, part: u32) -> Vec<u8> {
    join(DELTA, &[&batch.to_be_bytes(), &operator.to_be_bytes(), &sequence.to_be_bytes()], part)
}

/// The key of the snapshot's description.
pub(super) fn snapshot(part: u32) -> Vec<u8> {
    join(SNAPSHOT, &[], part)
}

/// The key of the `sequence`-th record of a range of an operator's state.
pub(super) fn state(operator: u16, range: u16, sequence: u32, part: u32) -> Vec<u8> {
    join(STATE, &[&operator.to_be_bytes(), &range.to_be_bytes(), &sequence.to_be_bytes()], part)
}

/// The key of the `index`-th log entry that a source wrote with a batch.
pub(super) fn log(source: u16, batch: u64, index: u16, part: u32) -> Vec<u8> {
    join(LOG, &[&source.to_be_bytes(), &batch.to_be_bytes(), &index.to_be_bytes()], part)
}

fn join(kind: u8, fields: &[&[u8]], part: u32) -> Vec<u8> {
    let mut key = Vec::with_capacity(24);
    key.push(kind);
    for field in fields {
        key.extend_from_slice(field);
    }
    key.extend_from_slice(&part.to_be_bytes());
    key
}

/// A delta's key, read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delta {
    pub(super) batch: u64,
    pub(super) operator: u16,
    pub(super) part: u32,
}

/// Splits the key of a plan, commit or other record into its fields before the part, and the part.
pub(super) fn split_part(key: &[u8]) -> Option<(&[u8], u32)> {
    let (fields, &part) = key.get(1..)?.split_last_chunk::<4>()?;
    Some((fields, u32::from_be_bytes(part)))
}

/// The key of the first part of the record that this one is a part of.
#[cfg(feature = "object-store")]
pub(super) fn first_part(key: &[u8]) -> Option<Vec<u8>> {
    let (fields, _) = split_part(key)?;
    Some(join(*key.first()?, &[fields], 0))
}

/// The batch and the part of a plan's or commit's key.
pub(super) fn split_batch(key: &[u8]) -> Option<(u64, u32)> {
    let (fields, part) = split_part(key)?;
    Some((u64::from_be_bytes(fields.try_into().ok()?), part))
}

/// The fields of a delta's key.
pub(super) fn split_delta(key: &[u8]) -> Option<Delta> {
    let (fields, part) = split_part(key)?;
    let (&batch, rest) = fields.split_first_chunk::<8>()?;
    let (&operator, sequence) = rest.split_first_chunk::<2>()?;
    (sequence.len() == 4).then_some(Delta {
        batch: u64::from_be_bytes(batch),
        operator: u16::from_be_bytes(operator),
        part,
    })
}

/// The source of a log entry's key.
pub(super) fn split_log(key: &[u8]) -> Option<u16> {
    let (fields, _) = split_part(key)?;
    let (&source, rest) = fields.split_first_chunk::<2>()?;
    (rest.len() == 10).then_some(u16::from_be_bytes(source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_and_sort_by_number() {
        assert!(plan(255, 0) < plan(256, 0));
        assert!(delta(1, 9, 9, 9) < delta(2, 0, 0, 0));
        assert_eq!(split_batch(&plan(7, 3)), Some((7, 3)));
        assert_eq!(split_delta(&delta(7, 1, 2, 3)), Some(Delta { batch: 7, operator: 1, part: 3 }));
        assert_eq!(split_log(&log(1, 2, 3, 4)), Some(1));
    }

    #[test]
    fn keys_of_another_length_are_refused() {
        assert_eq!(split_batch(b"p"), None);
        assert_eq!(split_batch(&delta(1, 1, 1, 1)), None);
        assert_eq!(split_delta(&plan(1, 1)), None);
    }
}
