//! [`Overlay`]: what the batches since a snapshot have changed, as the last word on each key.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::plan::ChangeRef;

use super::packed;

/// The records of some batches' changes, oldest first, and what each batch dropped before its puts.
#[derive(Debug, Default)]
pub(super) struct Deltas {
    records: Vec<(u64, Vec<u8>)>,
    /// Batches that dropped buckets, oldest first.
    drops: Vec<(u64, i64)>,
}

impl Deltas {
    /// Takes in what `batch` dropped.
    pub(super) fn dropped(&mut self, batch: u64, through: Option<i64>) {
        self.drops.extend(through.map(|through| (batch, through)));
    }

    /// Takes in a record of `batch`.
    pub(super) fn push(&mut self, batch: u64, record: Vec<u8>) {
        self.records.push((batch, record));
    }
}

/// The last change of each key.
#[derive(Debug)]
pub(super) struct Overlay<'a> {
    latest: HashMap<(i64, &'a [u8]), (u64, ChangeRef<'a>)>,
    /// For each batch that dropped buckets: the furthest that it or a later one went.
    drops: Vec<(u64, i64)>,
}

impl<'a> Overlay<'a> {
    /// Works through the deltas, oldest first. Only keys of the `groups` count.
    pub(super) fn new(deltas: &'a Deltas, groups: &std::ops::Range<u16>) -> Result<Self, String> {
        let mut drops = deltas.drops.clone();
        let mut furthest = i64::MIN;
        for (_, through) in drops.iter_mut().rev() {
            furthest = furthest.max(*through);
            *through = furthest;
        }
        let mut latest = HashMap::new();
        for (batch, record) in &deltas.records {
            for entry in packed::entries(record) {
                let entry = entry?;
                if !groups.contains(&entry.key_group) {
                    continue;
                }
                match latest.entry((entry.bucket, entry.key)) {
                    Entry::Occupied(mut last) => *last.get_mut() = (*batch, entry),
                    Entry::Vacant(place) => {
                        place.insert((*batch, entry));
                    }
                }
            }
        }
        Ok(Self { latest, drops })
    }

    /// Whether an entry of the snapshot has the last word on its key.
    pub(super) fn leaves(&self, entry: &ChangeRef<'_>) -> bool {
        self.drops.first().is_none_or(|&(_, through)| entry.bucket > through)
            && !self.latest.contains_key(&(entry.bucket, entry.key))
    }

    /// The entries that the deltas put and that nothing after them removed.
    pub(super) fn live(&self) -> impl Iterator<Item = ChangeRef<'a>> {
        self.latest
            .values()
            .filter(|(batch, entry)| {
                let later = self.drops.partition_point(|(dropping, _)| dropping <= batch);
                let gone = self.drops.get(later).is_some_and(|&(_, through)| entry.bucket <= through);
                !gone && entry.value.is_some()
            })
            .map(|&(_, entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::super::packed::Packer;
    use super::*;

    fn change<'a>(bucket: i64, key: &'a str, value: Option<&'a str>) -> ChangeRef<'a> {
        ChangeRef { key_group: 1, bucket, key: key.as_bytes(), value: value.map(str::as_bytes) }
    }

    fn deltas(batches: &[(Option<i64>, &[ChangeRef<'_>])]) -> Deltas {
        let mut deltas = Deltas::default();
        for (batch, (through, changes)) in (5..).zip(batches) {
            deltas.dropped(batch, *through);
            let mut packer = Packer::default();
            for &change in *changes {
                packer.push(change, |_| Err("one record is enough")).unwrap();
            }
            let mut records = Vec::new();
            packer
                .finish(|record| {
                    records.push(record.to_vec());
                    Ok::<_, ()>(())
                })
                .unwrap();
            for record in records {
                deltas.push(batch, record);
            }
        }
        deltas
    }

    fn live(deltas: &Deltas) -> Vec<(i64, &str)> {
        let overlay = Overlay::new(deltas, &(0..128)).unwrap();
        let mut live: Vec<_> = overlay
            .live()
            .map(|entry| (entry.bucket, std::str::from_utf8(entry.value.unwrap_or_default()).unwrap()))
            .collect();
        live.sort_unstable();
        live
    }

    #[test]
    fn the_last_put_of_a_key_in_a_bucket_counts() {
        let deltas = deltas(&[
            (None, &[change(10, "a", Some("1")), change(20, "a", Some("2"))]),
            (None, &[change(10, "a", Some("3")), change(20, "a", None)]),
        ]);
        assert_eq!(live(&deltas), [(10, "3")]);
    }

    #[test]
    fn a_drop_reaches_the_batches_before_it_and_the_snapshot() {
        let deltas = deltas(&[
            (Some(30), &[change(10, "a", Some("after the drop of its batch"))]),
            (Some(5), &[change(20, "b", Some("1"))]),
            (Some(10), &[change(10, "c", Some("again"))]),
        ]);
        assert_eq!(live(&deltas), [(10, "again"), (20, "1")]);
        let overlay = Overlay::new(&deltas, &(0..128)).unwrap();
        assert!(!overlay.leaves(&change(30, "x", None)) && overlay.leaves(&change(31, "x", None)));
        assert!(overlay.leaves(&change(i64::MAX, "x", None)));
    }

    #[test]
    fn keys_of_other_groups_are_left_alone() {
        let deltas = deltas(&[(None, &[change(10, "a", Some("1"))])]);
        let overlay = Overlay::new(&deltas, &(2..128)).unwrap();
        assert_eq!(overlay.live().count(), 0);
    }
}
