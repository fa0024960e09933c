//! What the tests of the checkpoint's store share: a model of its state, and histories to hold it against.
#![allow(dead_code)] // Each test binary uses a part of it.

use std::collections::BTreeMap;

use stream_runtime::checkpoint::{BatchPlan, Commit, Fingerprint, Metadata, StateStore};
use stream_runtime::engine::WatermarkPolicy;
use stream_runtime::plan::OperatorChanges;
use stream_runtime::source::Offset;

pub(crate) const KEY_GROUPS: u16 = 128;

pub(crate) fn fingerprint() -> Fingerprint {
    Fingerprint { mode: "update".into(), inputs: vec![], operators: vec![], changeable: BTreeMap::new() }
}

pub(crate) fn metadata() -> Metadata {
    Metadata {
        query_id: "6d1f4d4c-2f5c-4a6f-9a58-3f7f0ad1a3c1".parse().unwrap(),
        hash_seed: 7,
        key_groups: KEY_GROUPS,
        fingerprint: fingerprint(),
        watermark_policy: WatermarkPolicy::Min,
    }
}

pub(crate) fn plan(batch: u64) -> BatchPlan {
    BatchPlan {
        batch,
        ends: vec![Some(Offset(serde_json::json!({ "topic": { "0": batch * 10 } }))), None],
        watermark_ms: batch as i64 * 1_000,
        time_ms: 1_700_000_000_000 + batch as i64,
    }
}

pub(crate) fn commit(batch: u64) -> Commit {
    Commit { batch, next_watermark_ms: batch as i64 * 1_000 + 1, furthest_ms: batch as i64 * 1_000 + 2 }
}

pub(crate) fn initialized(store: Box<dyn StateStore>) -> Box<dyn StateStore> {
    store.initialize(&metadata()).unwrap();
    store
}

pub(crate) fn changes(puts: &[(u16, i64, &str, &str)]) -> OperatorChanges {
    let mut changes = OperatorChanges::default();
    for (key_group, bucket, key, value) in puts {
        changes.put(*key_group, *bucket, key, value).unwrap();
    }
    changes
}

/// An operator's state: bucket and key to value.
pub(crate) type State = BTreeMap<(i64, String), String>;

/// Reads an operator's state, and makes sure that each entry comes once.
pub(crate) fn entries(store: &dyn StateStore, operator: usize) -> State {
    let mut found = State::new();
    store
        .load(operator, &mut |entry| {
            let before = found.insert((entry.bucket, text(entry.key)), text(entry.value));
            assert_eq!(before, None, "an entry came twice");
            Ok(())
        })
        .unwrap();
    found
}

/// Text as bincode writes it: its length in one byte, or in two, four or eight after a marker.
fn text(encoded: &[u8]) -> String {
    let skipped = match encoded.first() {
        Some(0..=250) => 1,
        Some(251) => 3,
        Some(252) => 5,
        _ => 9,
    };
    String::from_utf8(encoded[skipped..].to_vec()).unwrap()
}

/// One change of an operator's state.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    Put(u16, i64, String, String),
    Remove(u16, i64, String),
    DropThrough(i64),
}

impl Edit {
    pub(crate) fn all(edits: &Vec<Self>) -> OperatorChanges {
        let mut changes = OperatorChanges::default();
        for edit in edits {
            match edit {
                Self::Put(group, bucket, key, value) => changes.put(*group, *bucket, key, value).unwrap(),
                Self::Remove(group, bucket, key) => changes.remove(*group, *bucket, key).unwrap(),
                Self::DropThrough(through) => changes.drop_through(*through),
            }
        }
        changes
    }
}

/// What a store's state has to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) operators: [State; 2],
}

impl Model {
    pub(crate) fn apply(&mut self, operators: &[Vec<Edit>]) {
        for (state, edits) in self.operators.iter_mut().zip(operators) {
            for edit in edits {
                if let Edit::DropThrough(through) = edit {
                    state.retain(|(bucket, _), _| bucket > through);
                }
            }
            for edit in edits {
                match edit.clone() {
                    Edit::Put(_, bucket, key, value) => {
                        state.insert((bucket, key), value);
                    }
                    Edit::Remove(_, bucket, key) => {
                        state.remove(&(bucket, key));
                    }
                    Edit::DropThrough(_) => {}
                }
            }
        }
    }
}

/// Random numbers that are the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// Up to `most` edits over a few hundred keys and buckets.
    pub(crate) fn changes(&mut self, most: u64) -> Vec<Edit> {
        let mut edits: Vec<Edit> = (0..self.below(most + 1)).map(|_| self.edit()).collect();
        if self.below(4) == 0 {
            edits.insert(0, Edit::DropThrough(self.below(20) as i64 * 10));
        }
        edits
    }

    fn edit(&mut self) -> Edit {
        let number = self.below(300);
        let key = format!("key {number}");
        // A key is always of the same group, as its hash decides.
        let group = (number * 37 % u64::from(KEY_GROUPS)) as u16;
        let bucket = self.below(20) as i64 * 10 + 5;
        if self.below(5) == 0 {
            Edit::Remove(group, bucket, key)
        } else {
            let length = self.below(80) as usize;
            Edit::Put(group, bucket, key, format!("{:x}", self.below(u64::MAX)).repeat(length / 8 + 1))
        }
    }
}
