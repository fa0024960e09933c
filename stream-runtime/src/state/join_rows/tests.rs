use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::plan::{OperatorChanges, StateEntry};

/// A row as a test sees it: its bytes, its expiry, and whether it has matched.
type Seen<'a> = (&'a [u8], i64, bool);

const SEED: u64 = 7;

fn rows_for(retention: i64) -> JoinRows {
    JoinRows::new(SEED, retention)
}

fn hash(key: &[u8]) -> u64 {
    hash_packed(SEED, key)
}

fn insert(rows: &mut JoinRows, key: &[u8], expiry: i64, row: &[u8]) -> u32 {
    rows.insert(hash(key), key, expiry, row, false)
}

fn of_key(rows: &JoinRows, key: &[u8]) -> Vec<u32> {
    std::iter::successors(rows.first(hash(key), key), |&id| rows.next(id)).collect()
}

fn seen<'a>(rows: &'a JoinRows, key: &[u8]) -> Vec<Seen<'a>> {
    let see = |id| {
        assert_eq!(rows.key(id), key);
        (rows.row(id), rows.expiry(id), rows.is_matched(id))
    };
    of_key(rows, key).into_iter().map(see).collect()
}

fn expire(rows: &mut JoinRows, watermark: i64) -> Vec<Vec<u8>> {
    rows.expire(watermark);
    let mut expired = rows.expired().to_vec();
    expired.sort_by_key(|&id| (rows.expiry(id), rows.key(id).to_vec(), rows.record(id).ordinal));
    let gone = expired.into_iter().map(|id| rows.row(id).to_vec()).collect();
    rows.drop_expired();
    gone
}

/// A checkpoint, as the store applies a batch's changes.
#[derive(Debug, Default)]
struct Stored(BTreeMap<(i64, Vec<u8>), Vec<u8>>);

impl Stored {
    fn apply(&mut self, changes: &OperatorChanges) {
        if let Some(through) = changes.dropped_through {
            self.0.retain(|&(bucket, _), _| bucket > through);
        }
        for change in changes.by_key_group() {
            let at = (change.bucket, change.key.to_vec());
            match change.value {
                Some(value) => {
                    self.0.insert(at, value.to_vec());
                }
                None => {
                    let was_stored = self.0.remove(&at).is_some();
                    let was_dropped = changes.dropped_through.is_some_and(|through| change.bucket <= through);
                    assert!(was_stored || was_dropped, "what is removed was stored");
                }
            }
        }
    }

    /// Restores both sides, from entries in an order that `seed` decides.
    fn restore(&self, seed: u64, retention: i64) -> [JoinRows; 2] {
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_by_cached_key(|((bucket, key), _)| {
            let mut hasher = crate::state::key::KeyHasher::new(seed);
            hasher.write_u64(*bucket as u64);
            hasher.write_bytes(key);
            hasher.finish()
        });
        let mut sides = [rows_for(retention), rows_for(retention)];
        for ((bucket, key), value) in entries {
            let stored =
                StoredRow::decode(&StateEntry { bucket: *bucket, key, value }).expect("it was just encoded");
            sides[usize::from(stored.side)].restore(hash(stored.key), &stored);
        }
        sides.iter_mut().for_each(JoinRows::settle);
        sides
    }
}

fn changes_of(sides: &[&JoinRows]) -> OperatorChanges {
    let mut changes = OperatorChanges::default();
    for (side, rows) in (0..).zip(sides) {
        rows.changes(&mut changes, side).expect("rows can be encoded");
    }
    changes
}

#[derive(Clone, Debug)]
enum Step {
    Insert { side: usize, key: u8, expiry: i64, bytes: usize, matched: bool },
    SetMatched { side: usize, key: u8, nth: usize },
    EndBatch { watermark: i64 },
    Restart { seed: u64 },
}

const SPAN: i64 = 1 << 20;

fn step() -> impl Strategy<Value = Step> {
    let expiry = prop_oneof![
        8 => -2 * SPAN..8 * SPAN,
        // Many in one span, and some at one instant.
        4 => 3 * SPAN..3 * SPAN + 20,
        1 => Just(NEVER),
        1 => Just(i64::MIN),
    ];
    let bytes = prop_oneof![20 => 8..40_usize, 1 => 60_000..140_000_usize];
    let insert = (0..2_usize, 0..4_u8, expiry, bytes, any::<bool>())
        .prop_map(|(side, key, expiry, bytes, matched)| Step::Insert { side, key, expiry, bytes, matched });
    let nth = || (0..2_usize, 0..4_u8, 0..6_usize);
    let watermark = prop_oneof![4 => 0..8 * SPAN, 2 => 3 * SPAN..3 * SPAN + 20, 1 => Just(NEVER)];
    prop_oneof![
        20 => insert,
        4 => nth().prop_map(|(side, key, nth)| Step::SetMatched { side, key, nth }),
        4 => watermark.prop_map(|watermark| Step::EndBatch { watermark }),
        1 => any::<u64>().prop_map(|seed| Step::Restart { seed }),
    ]
}

/// The rows of a side, one after the other.
type Model = Vec<ModelRow>;

#[derive(Clone, Debug)]
struct ModelRow {
    key: u8,
    row: Vec<u8>,
    expiry: i64,
    matched: bool,
}

fn model_seen(model: &Model, key: u8) -> Vec<Seen<'_>> {
    let of_key = model.iter().filter(|row| row.key == key);
    of_key.map(|row| (row.row.as_slice(), row.expiry, row.matched)).collect()
}

fn nth_of(model: &Model, key: u8, nth: usize) -> Option<usize> {
    (0..model.len()).filter(|&index| model[index].key == key).nth(nth)
}

fn run(steps: Vec<Step>, retention: i64) {
    let mut sides = [rows_for(retention), rows_for(retention)];
    let mut models = [Model::new(), Model::new()];
    let mut stored = Stored::default();
    let mut committed = models.clone();
    for (number, step) in steps.into_iter().enumerate() {
        match step {
            Step::Insert { side, key, expiry, bytes, matched } => {
                let mut row = number.to_le_bytes().to_vec();
                row.resize(bytes, 7);
                sides[side].insert(hash(&[key]), &[key], expiry, &row, matched);
                models[side].push(ModelRow { key, row, expiry, matched });
            }
            Step::SetMatched { side, key, nth } => {
                let id = of_key(&sides[side], &[key]).get(nth).copied();
                let index = nth_of(&models[side], key, nth);
                assert_eq!(id.is_some(), index.is_some());
                if let (Some(id), Some(index)) = (id, index) {
                    sides[side].set_matched(id);
                    models[side][index].matched = true;
                }
            }
            Step::EndBatch { watermark } => {
                for (rows, model) in sides.iter_mut().zip(&mut models) {
                    let goes = |row: &mut ModelRow| row.expiry <= watermark && row.expiry != NEVER;
                    let mut expected: Vec<_> = model.extract_if(.., goes).collect();
                    expected.sort_by_key(|row| (row.expiry, row.key));
                    let expected: Vec<_> = expected.into_iter().map(|row| row.row).collect();
                    assert_eq!(expire(rows, watermark), expected);
                }
                stored.apply(&changes_of(&sides.each_ref()));
                sides.iter_mut().for_each(JoinRows::settle);
                assert!(changes_of(&sides.each_ref()).is_empty(), "nothing is written twice");
                committed.clone_from(&models);
            }
            Step::Restart { seed } => {
                sides = stored.restore(seed, retention);
                models.clone_from(&committed);
            }
        }
        for (rows, model) in sides.iter().zip(&models) {
            assert_eq!(rows.len(), model.len());
            for key in 0..4 {
                assert_eq!(seen(rows, &[key]), model_seen(model, key));
            }
        }
    }
}

fn config() -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(20_260_105),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn rows_are_met_expire_and_come_back_as_in_a_list(
        steps in prop::collection::vec(step(), 1..120),
        retention in prop_oneof![Just(0), Just(1 << 31), Just(NEVER)],
    ) {
        run(steps, retention);
    }

    #[test]
    fn damaged_entries_are_refused_or_restored_without_a_panic(
        entries in prop::collection::vec(
            (any::<i64>(), prop::collection::vec(0..4_u8, 0..6), prop::collection::vec(0..4_u8, 0..5)),
            0..20,
        ),
    ) {
        let mut rows = rows_for(0);
        for (bucket, key, value) in &entries {
            if let Ok(stored) = StoredRow::decode(&StateEntry { bucket: *bucket, key, value }) {
                rows.restore(hash(stored.key), &stored);
            }
        }
        rows.settle();
        insert(&mut rows, &[1], 5, b"row");
        rows.expire(i64::MAX);
        rows.settle();
    }
}

#[test]
fn a_row_of_the_batch_that_is_gone_before_its_end_is_not_written() {
    let mut rows = rows_for(0);
    insert(&mut rows, b"a", 5, b"expired");
    expire(&mut rows, 5);
    assert!(changes_of(&[&rows]).is_empty());
    insert(&mut rows, b"a", 50, b"stays");
    assert_eq!(changes_of(&[&rows]).len(), 1, "the place in the slab is in the list once");
}

#[test]
fn a_row_that_has_matched_is_written_again_and_once() {
    let mut rows = rows_for(0);
    let id = insert(&mut rows, b"a", 50, b"row");
    rows.settle();
    rows.set_matched(id);
    rows.set_matched(id);
    assert_eq!(changes_of(&[&rows]).len(), 1);
    rows.settle();
    rows.set_matched(id);
    assert!(changes_of(&[&rows]).is_empty(), "it had matched before");
}

#[test]
fn each_of_many_keys_finds_its_own_rows() {
    let mut rows = rows_for(0);
    let keys: Vec<_> = (0..5_000_u32).map(u32::to_le_bytes).collect();
    for key in keys.iter().chain(&keys) {
        insert(&mut rows, key, 5, key);
    }
    for key in &keys {
        assert_eq!(seen(&rows, key), [(&key[..], 5, false); 2]);
    }
    assert_eq!(rows.first(hash(b"none"), b"none"), None);
}

#[test]
fn rows_that_have_expired_can_be_read_until_they_are_dropped() {
    let mut rows = rows_for(0);
    insert(&mut rows, b"a", 5, b"goes");
    insert(&mut rows, b"a", 6, b"stays");
    for _ in 0..2 {
        rows.expire(5);
        let [expired] = *rows.expired() else { panic!("one row expires, once") };
        assert_eq!((rows.len(), rows.row(expired)), (1, &b"goes"[..]));
    }
    assert_eq!(changes_of(&[&rows]).len(), 1, "only the other one is written");
    rows.settle();
    assert_eq!((rows.len(), seen(&rows, b"a").len()), (1, 1), "the end of a batch drops them too");
}

#[test]
fn rows_that_come_and_go_take_no_more_from_round_to_round() {
    let mut rows = rows_for(0);
    let mut bytes = Vec::new();
    for round in 0..20 {
        for number in 0..3_000_u32 {
            insert(&mut rows, &(number % 1_000).to_le_bytes(), round, &[0; 40]);
        }
        assert_eq!(expire(&mut rows, round).len(), 3_000);
        rows.settle();
        bytes.push(rows.allocated_bytes());
    }
    assert_eq!(bytes[1], bytes[19]);
}

#[test]
fn bytes_are_given_back_when_rows_go() {
    let mut rows = rows_for(86_400_000_000);
    for number in 0..50_000_i64 {
        insert(&mut rows, &number.to_le_bytes(), number * 1_000_000, &[0; 40]);
    }
    let full = rows.arena.allocated_bytes();
    expire(&mut rows, 49_000 * 1_000_000);
    assert!(rows.arena.allocated_bytes() * 20 < full, "{} of {full}", rows.arena.allocated_bytes());
}

#[test]
fn a_row_takes_less_than_in_a_hash_map_of_vectors_that_are_not_full() {
    const ROWS: usize = 300_000;
    // Four rows of a key fill a vector to the brim, and the map keeps their key once.
    for (rows_of_a_key, most) in [(1, 0.5), (2, 0.8), (4, 1.4)] {
        let mut rows = rows_for(3_600_000_000);
        let mut by_hand = std::collections::HashMap::<String, Vec<(f64, i64, bool)>>::new();
        for number in 0..ROWS {
            let order = format!("o{:07}", number % (ROWS / rows_of_a_key));
            let micros = number as i64 * 10_000;
            let row = [(number as f64).to_le_bytes(), micros.to_le_bytes()].concat();
            let key = [&[8], order.as_bytes()].concat();
            rows.insert(hash(&key), &key, micros, &row, false);
            by_hand.entry(order).or_default().push((number as f64, micros, false));
            if number % 10_000 == 0 {
                rows.settle();
            }
        }
        let buckets = by_hand.capacity() * 8 / 7;
        let on_the_heap: usize =
            by_hand.iter().map(|(key, rows)| key.capacity() + rows.capacity() * 24).sum();
        let by_hand = buckets * (size_of::<(String, Vec<(f64, i64, bool)>)>() + 1) + on_the_heap;
        let ours = rows.allocated_bytes();
        println!("{rows_of_a_key}: {} B a row, {} by hand", ours / ROWS, by_hand / ROWS);
        assert!(
            (ours as f64) < by_hand as f64 * most,
            "{ours} of {by_hand} bytes with {rows_of_a_key} rows of a key"
        );
    }
}
