//! [`StaticTable`]: rows by key, to be looked up from a row function.
//!
//! Invariant: the rows of one key lie next to each other, in the order of the source; rows with a null in their key,
//! which equals nothing, aren't there at all.

use std::iter::FusedIterator;
use std::slice;

use hashbrown::HashTable;

use crate::schema::Schema;
use crate::state::key::{Key, KeyHasher, OwnedKey};

/// A key, and where its rows are.
#[derive(Debug)]
struct Group<K> {
    key: K,
    start: u32,
    end: u32,
}

/// Takes the key of one row after another from a join's key function, and numbers the keys in the order in which they
/// first come.
///
/// Pushed into, rather than returned to: that is what lets the compiler infer `K` from a borrowed key.
#[derive(Debug)]
pub struct KeySlot<K> {
    seed: u64,
    index: HashTable<u32>,
    groups: Vec<Group<K>>,
    /// The number of the key that was set last; `None` if none was, or one with a null.
    current: Option<u32>,
}

impl<K: OwnedKey> KeySlot<K> {
    fn new(seed: u64) -> Self {
        Self { seed, index: HashTable::new(), groups: Vec::new(), current: None }
    }

    /// The row's key.
    #[inline]
    pub fn set<Q: Key<Owned = K>>(&mut self, key: Q) {
        self.current = if key.has_null() { None } else { Some(self.number(&key)) };
    }

    fn number(&mut self, key: &impl Key<Owned = K>) -> u32 {
        let Self { seed, index, groups, .. } = self;
        let hash = hash(*seed, key);
        if let Some(&number) = index.find(hash, |&number| key.eq_owned(&groups[number as usize].key)) {
            return number;
        }
        let number = groups.len() as u32;
        groups.push(Group { key: key.to_owned_key(), start: 0, end: 0 });
        index.insert_unique(hash, number, |&number| self::hash(*seed, &groups[number as usize].key));
        number
    }
}

#[inline]
fn hash(seed: u64, key: &impl Key) -> u64 {
    let mut hasher = KeyHasher::new(seed);
    key.hash_key(&mut hasher);
    hasher.finish()
}

/// The rows of a static input, by the key that a join compares.
#[derive(Debug)]
pub struct StaticTable<K, R> {
    seed: u64,
    index: HashTable<u32>,
    groups: Vec<Group<K>>,
    rows: Vec<R>,
}

impl<K: OwnedKey, R: Schema> StaticTable<K, R> {
    /// How many rows there may be: they are numbered in 32 bits.
    pub(super) const MAX_ROWS: usize = u32::MAX as usize;

    /// A table without rows.
    pub(super) fn empty() -> Self {
        Self { seed: 0, index: HashTable::new(), groups: Vec::new(), rows: Vec::new() }
    }

    /// A table of at most [`MAX_ROWS`](Self::MAX_ROWS) rows with the keys that `key` gives them. The seed is that of the
    /// hash: keys come from outside, and nobody should be able to choose many that collide.
    pub(super) fn new(mut rows: Vec<R>, seed: u64, key: impl Fn(R::View<'_>, &mut KeySlot<K>)) -> Self {
        let mut slot = KeySlot::new(seed);
        // First the number of each row's key, then the row's place.
        let mut places = Vec::with_capacity(rows.len());
        rows.retain(|row| {
            slot.current = None;
            key(row.view(), &mut slot);
            places.extend(slot.current);
            slot.current.is_some()
        });
        let KeySlot { index, mut groups, .. } = slot;
        for &number in &places {
            groups[number as usize].end += 1;
        }
        let mut next = 0;
        for group in &mut groups {
            let count = group.end;
            (group.start, group.end) = (next, next);
            next += count;
        }
        for place in &mut places {
            let group = &mut groups[*place as usize];
            *place = group.end;
            group.end += 1;
        }
        arrange(&mut rows, &mut places);
        rows.shrink_to_fit();
        groups.shrink_to_fit();
        Self { seed, index, groups, rows }
    }

    /// The rows with this key, in the order of the source; none for a key with a null in it.
    #[inline]
    pub fn matches<Q: Key<Owned = K>>(&self, key: Q) -> Matches<'_, R> {
        // No row is kept under a null, so none is found for one.
        let hash = hash(self.seed, &key);
        let found = self.index.find(hash, |&number| key.eq_owned(&self.groups[number as usize].key));
        let rows = found.map_or(&[][..], |&number| {
            let group = &self.groups[number as usize];
            &self.rows[group.start as usize..group.end as usize]
        });
        Matches(rows.iter())
    }

    /// Whether there are rows with this key; a key with a null in it has none.
    #[inline]
    pub fn contains<Q: Key<Owned = K>>(&self, key: Q) -> bool {
        let hash = hash(self.seed, &key);
        self.index.find(hash, |&number| key.eq_owned(&self.groups[number as usize].key)).is_some()
    }

    /// How many rows there are, not counting those with a null in their key.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Moves each row to its place. Rows of keys that differ are mostly there already.
fn arrange<R>(rows: &mut [R], places: &mut [u32]) {
    for index in 0..rows.len() {
        while places[index] as usize != index {
            let place = places[index] as usize;
            rows.swap(index, place);
            places.swap(index, place);
        }
    }
}

/// The rows of a table that have a key.
#[derive(Debug)]
pub struct Matches<'t, R>(slice::Iter<'t, R>);

impl<R> Clone for Matches<'_, R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<'t, R: Schema> Iterator for Matches<'t, R> {
    type Item = R::View<'t>;

    #[inline]
    fn next(&mut self) -> Option<R::View<'t>> {
        self.0.next().map(R::view)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<R: Schema> ExactSizeIterator for Matches<'_, R> {}
impl<R: Schema> FusedIterator for Matches<'_, R> {}

/// What a left join goes on with: each of the matches, or one null if there are none.
#[inline]
pub fn or_null<I: IntoIterator>(matches: I) -> impl Iterator<Item = Option<I::Item>> {
    let mut matches = matches.into_iter();
    let first = matches.next();
    std::iter::once(first).chain(matches.map(Some))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, PartialEq, stream_macros::Schema)]
    struct Row {
        name: Option<String>,
        number: u8,
        place: u64,
    }

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let row = (prop::option::weighted(0.8, "[ab]{0,2}"), 0_u8..3);
        prop::collection::vec(row, 0..60).prop_map(|rows| {
            let numbered = rows.into_iter().zip(0..);
            numbered.map(|((name, number), place)| Row { name, number, place }).collect()
        })
    }

    proptest! {
        #[test]
        fn a_key_finds_the_rows_that_a_scan_finds_in_their_order_and_null_finds_none(
            rows in rows(),
            seed in any::<u64>(),
        ) {
            let table = StaticTable::new(rows.clone(), seed, |row: RowView<'_>, slot: &mut KeySlot<_>| {
                slot.set((&row.name, row.number));
            });
            let names = ["", "a", "b", "aa", "ab", "ba", "bb"].map(Some).into_iter().chain([None]);
            for (name, number) in names.flat_map(|name| (0..4).map(move |number| (name, number))) {
                let equal = |row: &&Row| name.is_some() && row.name.as_deref() == name && row.number == number;
                let wanted: Vec<_> = rows.iter().filter(equal).map(|row| row.place).collect();
                let matches = table.matches((name, number));
                prop_assert_eq!(matches.len(), wanted.len());
                prop_assert_eq!(matches.map(|row| row.place).collect::<Vec<_>>(), &wanted[..]);
                // A condition beside the key leaves some matches out.
                let even = or_null(table.matches((name, number)).filter(|row| row.place % 2 == 0));
                let mut wanted_even: Vec<_> = wanted.iter().filter(|place| *place % 2 == 0).copied().map(Some).collect();
                if wanted_even.is_empty() {
                    wanted_even.push(None);
                }
                prop_assert_eq!(even.map(|row| row.map(|row| row.place)).collect::<Vec<_>>(), wanted_even);
                prop_assert_eq!(table.contains((name, number)), !wanted.is_empty());
            }
            prop_assert_eq!(table.len(), rows.iter().filter(|row| row.name.is_some()).count());
        }
    }

    #[test]
    fn a_table_without_rows_matches_nothing() {
        let table = StaticTable::<(u8,), Row>::empty();
        assert!(table.is_empty() && !table.contains((1_u8,)));
        assert_eq!(or_null(table.matches((1_u8,))).map(|row| row.is_some()).collect::<Vec<_>>(), [false]);
    }
}
