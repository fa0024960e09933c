//! Folding: the checkpoint moves to a fresh generation in the background, and nobody notices but the disk.

mod store_support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use store_support::{Edit, Model, Random, commit, entries, initialized, metadata, plan};
use stream_runtime::checkpoint::{Options, SledStore, StateStore, Step};
use stream_runtime::source::LogEntry;

#[test]
fn any_history_over_many_generations_leaves_what_a_model_leaves() {
    let directory = tempfile::tempdir().unwrap();
    let switches = Arc::new(AtomicUsize::new(0));
    let open = || {
        let switches = Arc::clone(&switches);
        let observer = Box::new(move |step| {
            if step == Step::Switched {
                switches.fetch_add(1, Ordering::Relaxed);
            }
        });
        SledStore::open_with(directory.path(), Options { fold_bytes: 20_000, observer }).unwrap()
    };
    let mut random = Random(2);
    let mut model = Model::default();
    let mut store = open();
    store.initialize(&metadata()).unwrap();
    for batch in 0..600 {
        let changes = (0..2).map(|_| random.changes(60)).collect::<Vec<_>>();
        model.apply(&changes);
        let log = [(0, LogEntry::Append(vec![batch as u8]))];
        store.write_plan(&plan(batch), &log).unwrap();
        store.write_commit(&commit(batch), changes.iter().map(Edit::all).collect()).unwrap();
        if batch % 53 == 0 {
            drop(store);
            store = open();
        }
        if batch % 20 == 0 {
            for operator in 0..2 {
                assert_eq!(entries(&store, operator), model.operators[operator], "batch {batch}");
            }
        }
    }
    drop(store);
    assert!(switches.load(Ordering::Relaxed) > 10, "{switches:?} switches");
    let store = open();
    assert_eq!(store.metadata().unwrap(), Some(metadata()));
    let recovered = store.recover().unwrap();
    assert_eq!(recovered.commit, Some(commit(599)));
    assert_eq!(recovered.plans.len(), 100);
    assert_eq!(recovered.source_logs, [(0..600).map(|batch| vec![batch as u8]).collect::<Vec<_>>()]);
    let generations = std::fs::read_dir(directory.path()).unwrap();
    let generations = generations.filter(|entry| entry.as_ref().unwrap().file_type().unwrap().is_dir());
    assert_eq!(generations.count(), 1);
}

#[test]
fn an_error_of_the_fold_comes_out_at_a_later_commit_and_leaves_the_checkpoint_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let steps = Arc::new(Mutex::new(Vec::new()));
    let observer = {
        let steps = Arc::clone(&steps);
        let in_the_way = directory.path().join("gen-1");
        Box::new(move |step| {
            if step == Step::FoldStarted {
                // A file where the next generation's directory is to be.
                std::fs::write(&in_the_way, b"").unwrap();
            }
            steps.lock().unwrap().push(step);
        })
    };
    let store = SledStore::open_with(directory.path(), Options { fold_bytes: 1, observer }).unwrap();
    let store: Box<dyn StateStore> = initialized(Box::new(store));
    let mut random = Random(3);
    let mut model = Model::default();
    let (error, failed) = (0..)
        .find_map(|batch| {
            let changes = (0..2).map(|_| random.changes(60)).collect::<Vec<_>>();
            store.write_plan(&plan(batch), &[]).unwrap();
            match store.write_commit(&commit(batch), changes.iter().map(Edit::all).collect()) {
                Ok(()) => model.apply(&changes),
                Err(error) => return Some((error, batch)),
            }
            None
        })
        .unwrap();
    assert!(error.to_string().contains("gen-1"), "{error}");
    assert_eq!(*steps.lock().unwrap(), [Step::FoldStarted]);
    drop(store);
    std::fs::remove_file(directory.path().join("gen-1")).unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    assert_eq!(store.recover().unwrap().commit.map(|commit| commit.batch + 1), Some(failed));
    assert_eq!(entries(&store, 0), model.operators[0]);
}

/// The smallest and the largest size of the directory in each of ten stretches of a history.
fn stretches(batches: u64, mut run: impl FnMut(&SledStore, u64)) -> Vec<(u64, u64)> {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { fold_bytes: 256 * 1024, ..Options::default() };
    let store = SledStore::open_with(directory.path(), options).unwrap();
    store.initialize(&metadata()).unwrap();
    let mut stretches = vec![(u64::MAX, 0); 10];
    for batch in 0..batches {
        run(&store, batch);
        let (smallest, largest) = &mut stretches[(batch * 10 / batches) as usize];
        *smallest = store.disk_bytes().min(*smallest);
        *largest = store.disk_bytes().max(*largest);
    }
    stretches
}

/// How far the directory grows between two folds depends on how fast the fold's thread gets on, but not without limit, and
/// after each fold it is small again. Unfolded, each of the histories ends far above both bounds.
fn stays_level(stretches: &[(u64, u64)]) -> bool {
    stretches.iter().all(|&(smallest, largest)| smallest < 4 << 20 && largest < 16 << 20)
}

#[test]
fn ten_thousand_small_batches_do_not_grow_the_directory() {
    let sizes = stretches(10_000, |store, batch| {
        store.write_plan(&plan(batch), &[]).unwrap();
        let key = format!("key {}", batch % 50);
        store.write_commit(&commit(batch), vec![store_support::changes(&[(3, 7, &key, "value")])]).unwrap();
    });
    assert!(stays_level(&sizes), "{sizes:?}");
}

#[test]
fn state_that_is_replaced_and_dropped_all_the_time_does_not_grow_the_directory() {
    let value = "v".repeat(100);
    let sizes = stretches(3_000, |store, batch| {
        store.write_plan(&plan(batch), &[]).unwrap();
        let mut changes = stream_runtime::plan::OperatorChanges::default();
        changes.drop_through(batch as i64 - 20);
        for key in 0..40_u16 {
            changes.put(key, batch as i64, &format!("key {key}"), &value).unwrap();
        }
        store.write_commit(&commit(batch), vec![changes]).unwrap();
    });
    assert!(stays_level(&sizes), "{sizes:?}");
}

#[test]
fn a_source_log_that_is_replaced_all_the_time_does_not_grow_the_directory() {
    let seen = vec![b'f'; 100_000];
    let sizes = stretches(3_000, |store, batch| {
        let entry = if batch % 10 == 0 {
            LogEntry::Replace(seen.clone())
        } else {
            LogEntry::Append(vec![b'f'; 1_000])
        };
        store.write_plan(&plan(batch), &[(0, entry)]).unwrap();
        store.write_commit(&commit(batch), vec![]).unwrap();
    });
    assert!(stays_level(&sizes), "{sizes:?}");
}
