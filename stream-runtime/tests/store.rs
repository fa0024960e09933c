//! The contract of a checkpoint's store, held against a model by both stores.

mod store_support;

use std::collections::BTreeMap;

use store_support::{Model, Random, changes, commit, entries, initialized, metadata, plan};
use stream_runtime::checkpoint::{MemoryStore, Metadata, SledStore, StateStore};
use stream_runtime::plan::OperatorChanges;
use stream_runtime::source::LogEntry;

fn both(test: impl Fn(&dyn Fn() -> Box<dyn StateStore>)) {
    let memory = MemoryStore::new();
    test(&|| Box::new(memory.clone()));
    let directory = tempfile::tempdir().unwrap();
    test(&|| Box::new(SledStore::open(directory.path().join("checkpoint")).unwrap()));
}

#[test]
fn a_new_checkpoint_holds_nothing() {
    both(|open| {
        let store = open();
        assert_eq!(store.metadata().unwrap(), None);
        let recovered = store.recover().unwrap();
        assert!(recovered.plans.is_empty() && recovered.commit.is_none() && recovered.source_logs.is_empty());
        store.load(0, &mut |_| panic!("state")).unwrap();
    });
}

#[test]
fn nothing_is_written_before_the_metadata_and_the_metadata_is_written_once() {
    both(|open| {
        let store = open();
        let plan = store.write_plan(&plan(0), &[]).unwrap_err().to_string();
        let commit = store.write_commit(&commit(0), vec![]).unwrap_err().to_string();
        let update = store.update_fingerprint(&store_support::fingerprint()).unwrap_err().to_string();
        for error in [plan, commit, update] {
            assert!(error.contains("has no metadata yet"), "{error}");
        }
        store.initialize(&metadata()).unwrap();
        assert!(store.initialize(&metadata()).unwrap_err().to_string().contains("already"));
        let mut fingerprint = store_support::fingerprint();
        fingerprint.changeable.insert("where".into(), "x > 1".into());
        store.update_fingerprint(&fingerprint).unwrap();
        drop(store);
        assert_eq!(open().metadata().unwrap().unwrap().fingerprint, fingerprint);
    });
}

#[test]
fn what_was_written_is_there_after_a_restart() {
    both(|open| {
        let store = open();
        store.initialize(&metadata()).unwrap();
        store.write_plan(&plan(0), &[(1, LogEntry::Append(b"a".to_vec()))]).unwrap();
        store.write_commit(&commit(0), vec![changes(&[(1, 10, "k", "v")])]).unwrap();
        store.write_plan(&plan(1), &[(1, LogEntry::Append(vec![7; 100_000]))]).unwrap();
        drop(store);
        let store = open();
        assert_eq!(store.metadata().unwrap(), Some(metadata()));
        let recovered = store.recover().unwrap();
        assert_eq!(recovered.plans, [plan(0), plan(1)]);
        assert_eq!(recovered.commit, Some(commit(0)));
        assert_eq!(recovered.source_logs, [vec![], vec![b"a".to_vec(), vec![7; 100_000]]]);
        assert_eq!(entries(&*store, 0), BTreeMap::from([((10, "k".into()), "v".into())]));
    });
}

#[test]
fn a_plan_may_be_written_again_and_must_then_be_the_same() {
    both(|open| {
        let store = initialized(open());
        store.write_plan(&plan(0), &[(0, LogEntry::Append(b"a".to_vec()))]).unwrap();
        store.write_plan(&plan(0), &[(0, LogEntry::Append(b"a".to_vec()))]).unwrap();
        assert_eq!(store.recover().unwrap().source_logs, [vec![b"a".to_vec()]]);
        let mut other = plan(0);
        other.time_ms += 1;
        let error = store.write_plan(&other, &[]).unwrap_err().to_string();
        assert!(
            error.contains("batch 0 has been planned differently already: another process uses"),
            "{error}"
        );
    });
}

#[test]
fn batches_have_no_gaps_and_are_planned_before_they_are_committed() {
    both(|open| {
        let store = initialized(open());
        let refused = |result: stream_runtime::Result<()>, text: &str| {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        };
        refused(store.write_plan(&plan(1), &[]), "batch 1 is planned, but the last plan is none");
        refused(store.write_commit(&commit(0), vec![]), "batch 0 is committed without a plan");
        store.write_plan(&plan(0), &[]).unwrap();
        refused(store.write_plan(&plan(2), &[]), "batch 2 is planned, but the last plan is batch 0");
        refused(store.write_commit(&commit(1), vec![]), "batch 1 is committed, but the last commit is none");
        store.write_commit(&commit(0), vec![]).unwrap();
        refused(
            store.write_commit(&commit(0), vec![]),
            "batch 0 is committed, but the last commit is batch 0",
        );
    });
}

#[test]
fn a_log_entry_that_replaces_takes_the_place_of_all_before_it() {
    both(|open| {
        let store = initialized(open());
        for batch in 0..3 {
            store.write_plan(&plan(batch), &[(0, LogEntry::Append(vec![batch as u8; 70_000]))]).unwrap();
        }
        let replaced = [(0, LogEntry::Replace(b"all".to_vec())), (0, LogEntry::Append(b"new".to_vec()))];
        store.write_plan(&plan(3), &replaced).unwrap();
        assert_eq!(store.recover().unwrap().source_logs, [vec![b"all".to_vec(), b"new".to_vec()]]);
    });
}

#[test]
fn the_last_hundred_plans_are_kept() {
    both(|open| {
        let store = initialized(open());
        for batch in 0..130 {
            store.write_plan(&plan(batch), &[]).unwrap();
            store.write_commit(&commit(batch), vec![]).unwrap();
        }
        let plans = store.recover().unwrap().plans;
        assert_eq!(plans.iter().map(|plan| plan.batch).collect::<Vec<_>>(), (30..130).collect::<Vec<_>>());
    });
}

#[test]
fn a_drop_takes_what_was_there_before_the_batch_and_leaves_what_the_batch_puts() {
    both(|open| {
        let store = initialized(open());
        let batches = [
            changes(&[(1, 10, "a", "1"), (2, 20, "b", "2"), (3, i64::MAX, "c", "3")]),
            {
                let mut dropping = changes(&[(1, 10, "d", "4")]);
                dropping.drop_through(10);
                dropping
            },
            changes(&[(2, 20, "e", "5")]),
        ];
        for (batch, changes) in (0..).zip(batches) {
            store.write_plan(&plan(batch), &[]).unwrap();
            store.write_commit(&commit(batch), vec![changes]).unwrap();
        }
        let found: Vec<_> = entries(&*store, 0).into_values().collect();
        assert_eq!(found, ["4", "2", "5", "3"]);
    });
}

#[test]
fn a_removed_key_is_gone_until_it_is_put_again() {
    both(|open| {
        let store = initialized(open());
        let mut removal = OperatorChanges::default();
        removal.remove(1, 10, &"a").unwrap();
        removal.remove(1, 10, &"b").unwrap();
        removal.put(1, 10, &"b", &"again").unwrap();
        let batches = [changes(&[(1, 10, "a", "1"), (1, 10, "b", "2")]), removal];
        for (batch, changes) in (0..).zip(batches) {
            store.write_plan(&plan(batch), &[]).unwrap();
            store.write_commit(&commit(batch), vec![changes]).unwrap();
        }
        assert_eq!(entries(&*store, 0).into_values().collect::<Vec<_>>(), ["again"]);
    });
}

#[test]
fn a_transient_store_counts_batches_and_keeps_no_state() {
    let store = initialized(Box::new(MemoryStore::transient()));
    store.write_plan(&plan(0), &[]).unwrap();
    store.write_commit(&commit(0), vec![changes(&[(1, 10, "k", "v")])]).unwrap();
    assert!(entries(&*store, 0).is_empty());
    assert_eq!(store.recover().unwrap().commit, Some(commit(0)));
}

#[test]
fn a_change_of_a_key_group_that_there_is_not_is_refused_before_anything_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let store = initialized(Box::new(SledStore::open(directory.path()).unwrap()));
    store.write_plan(&plan(0), &[]).unwrap();
    let error =
        store.write_commit(&commit(0), vec![changes(&[(128, 10, "k", "v")])]).unwrap_err().to_string();
    assert!(error.contains("has 128 key groups, and a change is of key group 128"), "{error}");
    store.write_commit(&commit(0), vec![changes(&[(127, 10, "k", "v")])]).unwrap();
}

#[test]
fn values_of_any_size_come_back() {
    both(|open| {
        let store = initialized(open());
        let large = "x".repeat(3_000_000);
        store.write_plan(&plan(0), &[]).unwrap();
        let puts = [(1, 1, "small", "s"), (1, 1, "large", &large), (1, 1, "empty", ""), (1, 1, "after", "a")];
        store.write_commit(&commit(0), vec![OperatorChanges::default(), changes(&puts)]).unwrap();
        drop(store);
        let store = open();
        assert!(entries(&*store, 0).is_empty());
        let expected = puts.map(|(_, bucket, key, value)| ((bucket, key.to_owned()), value.to_owned()));
        assert_eq!(entries(&*store, 1), BTreeMap::from(expected));
    });
}

#[test]
fn any_history_of_puts_removals_drops_and_restarts_leaves_what_a_model_leaves() {
    both(|open| {
        let mut random = Random(1);
        let mut model = Model::default();
        let mut store = initialized(open());
        for batch in 0..300 {
            let changes = (0..2).map(|_| random.changes(60)).collect::<Vec<_>>();
            model.apply(&changes);
            store.write_plan(&plan(batch), &[]).unwrap();
            store
                .write_commit(&commit(batch), changes.iter().map(store_support::Edit::all).collect())
                .unwrap();
            if batch % 37 == 0 {
                drop(store);
                store = open();
            }
            if batch % 10 == 0 {
                for operator in 0..2 {
                    assert_eq!(entries(&*store, operator), model.operators[operator], "batch {batch}");
                }
            }
        }
    });
}

#[test]
fn metadata_without_a_watermark_policy_means_the_one_that_there_was() {
    let mut text = serde_json::to_value(metadata()).unwrap();
    assert!(text.as_object_mut().unwrap().remove("watermark_policy").is_some());
    assert_eq!(serde_json::from_value::<Metadata>(text).unwrap(), metadata());
}
