//! A directory belongs to one query, and to the run of it that was the last to begin.

use std::sync::Arc;

use stream_runtime::Error;
use stream_runtime::object_store::{ObjectStore, ObjectStoreExt, path::Path};
use stream_runtime::prelude::*;

use super::faulty::{Creation, Faulty};
use super::{OTHER, QUERY, append_own, json, line, opened_at, parts, result, until};
use crate::support::{in_memory, objects, put};

fn lines(batches: std::ops::Range<u64>) -> String {
    batches.map(line).collect()
}

/// Waits until a batch has so many parts.
async fn until_parts(store: &Arc<dyn ObjectStore>, batch: u64, count: usize) {
    let begin = format!("out/part-{batch:05}");
    let found = async || parts(store, "out").await.iter().filter(|key| key.starts_with(&begin)).count();
    until(async || found().await == count).await;
}

#[tokio::test]
async fn a_run_that_begins_takes_the_directory_over() {
    let store = in_memory();
    let mut a = json(&store, 0).await.unwrap();
    append_own(&mut a, 0).await.unwrap();
    append_own(&mut a, 1).await.unwrap();
    let mut b = json(&store, 2).await.unwrap();
    for _ in 0..2 {
        let error = append_own(&mut a, 2).await.unwrap_err().to_string();
        assert!(error.contains("another run of the query has taken the directory over"), "{error}");
    }
    until_parts(&store, 2, 0).await;
    append_own(&mut b, 2).await.unwrap();
    append_own(&mut a, 3).await.unwrap_err();
    append_own(&mut b, 3).await.unwrap();
    assert_eq!(result(&store, "out").await, lines(0..4));
    until_parts(&store, 3, 1).await;
}

#[tokio::test]
async fn an_entry_from_elsewhere_ends_the_run_and_keeps_every_other_one_away() {
    let store = in_memory();
    let mut sink = json(&store, 0).await.unwrap();
    append_own(&mut sink, 0).await.unwrap();
    put(&store, "out/_spark_metadata/1", "v1").await;
    let error = append_own(&mut sink, 1).await.unwrap_err().to_string();
    assert!(
        error.contains("batch 1 has an entry in the manifest that this run didn't write")
            && error.contains("give each sink a directory of its own"),
        "{error}"
    );
    drop(sink);
    let before = objects(&store, "out").await;
    for first in [1, 2] {
        let error = json(&store, first).await.unwrap_err().to_string();
        assert!(error.contains("two runs of the query have written batch 1 at once"), "{error}");
        assert!(error.contains("compare them, and write to an empty directory"), "{error}");
    }
    assert_eq!(objects(&store, "out").await, before);
    assert_eq!(result(&store, "out").await, lines(0..1));
}

#[tokio::test]
async fn two_processes_that_write_a_batch_at_once_are_both_told() {
    let shared = in_memory();
    let (state, store) = Faulty::over(Arc::clone(&shared), None);
    let mut a = json(&store, 0).await.unwrap();
    append_own(&mut a, 0).await.unwrap();
    // A has looked whether the directory is its own, and B takes it over before A's entry is there.
    let gate = state.hold_back("_spark_metadata/1");
    let late = async {
        gate.reached.acquire().await.unwrap().forget();
        let b = json(&shared, 1).await.unwrap();
        gate.opened.add_permits(1);
        b
    };
    let (written, mut b) = tokio::join!(append_own(&mut a, 1), late);
    written.unwrap();
    let error = append_own(&mut b, 1).await.unwrap_err().to_string();
    assert!(error.contains("batch 1 has an entry in the manifest that this run didn't write"), "{error}");
    append_own(&mut a, 2).await.unwrap_err();
    append_own(&mut b, 2).await.unwrap_err();
    // What A was told is written is there.
    assert_eq!(result(&shared, "out").await, lines(0..2));
    let error = json(&shared, 2).await.unwrap_err().to_string();
    assert!(error.contains("two runs of the query have written batch 1 at once"), "{error}");
}

#[tokio::test]
async fn another_query_is_refused_and_so_is_a_checkpoint_that_is_older_than_the_output() {
    let store = in_memory();
    let mut sink = json(&store, 0).await.unwrap();
    for batch in 0..3 {
        append_own(&mut sink, batch).await.unwrap();
    }
    let part = parts(&store, "out").await.remove(0);
    // As if the run were about to write an entry.
    put(&store, &part.replacen("part-00000", "part-00003", 1), line(3)).await;
    let before = objects(&store, "out").await;
    let open = |query, begin| opened_at(FileSink::json("out").object_store(Arc::clone(&store)), query, begin);
    let error = open(OTHER, (3, false)).await.unwrap_err().to_string();
    assert!(error.contains("the directory holds the results of the query 6d3c9a51-"), "{error}");
    assert_eq!(objects(&store, "out").await, before);
    for begin in [(0, false), (1, true), (2, false)] {
        let error = open(QUERY, begin).await.unwrap_err().to_string();
        assert!(
            error.contains("has results up to batch 2") && error.contains("older than its output"),
            "{error}"
        );
    }
    // Nothing has changed, and the run that has the directory goes on.
    assert_eq!(objects(&store, "out").await, before);
    append_own(&mut sink, 3).await.unwrap();
    drop(sink);
    // The batch that the last run had planned and not committed comes again, and is passed over.
    let mut sink = open(QUERY, (3, true)).await.unwrap();
    append_own(&mut sink, 3).await.unwrap();
    append_own(&mut sink, 4).await.unwrap();
    assert_eq!(result(&store, "out").await, lines(0..5));
    drop(sink);

    store.delete(&Path::from("out/_spark_metadata/4")).await.unwrap();
    let before = objects(&store, "out").await;
    let error = open(QUERY, (5, true)).await.unwrap_err().to_string();
    assert!(
        error.contains("ends with batch 3") && error.contains("which the query has committed"),
        "{error}"
    );
    assert_eq!(objects(&store, "out").await, before);
    assert_eq!(parts(&store, "out").await.len(), 5);
}

#[tokio::test]
async fn a_run_removes_what_a_killed_one_left_and_nothing_else() {
    let store = in_memory();
    let mut sink = json(&store, 0).await.unwrap();
    append_own(&mut sink, 0).await.unwrap();
    drop(sink);
    let part = parts(&store, "out").await.remove(0);
    let renamed = |from: &str, to: &str| part.replacen(from, to, 1);

    // The batch that the next run begins with, also if its directory or its format were others.
    let ours = renamed("part-00000", "part-00001");
    let left_over = [
        ours.clone(),
        renamed("part-00000", "shop=a%2F=/part-00007"),
        ours.replace(".json", ".snappy.parquet"),
        "out/_spark_metadata/.1.merged".to_owned(),
    ];
    let kept = [
        renamed("part-00000-6d3c9a51", "part-00001-6d3c9a52"),
        renamed("part-00000", "part-1"),
        ours.replace(".json", ".json.bak"),
        ours.replace("-c000", "-c001"),
        renamed("part-00000", "_aside/part-00001"),
        renamed("part-00000", "shop=a/aside/part-00001"),
        "out/part-00001-5d6a4b92-1f0e-4c11-9a39-c7a1a1f7a2b1-c000.json".to_owned(),
        "out/notes.txt".to_owned(),
        "out/_spark_metadata/notes".to_owned(),
        "out/_spark_metadata/.0.merged".to_owned(),
        ours.replacen("out", "out2", 1),
    ];
    for key in kept.iter().chain(&left_over) {
        put(&store, key, "half a li").await;
    }
    assert_eq!(result(&store, "out").await, lines(0..1));
    let mut sink = json(&store, 1).await.unwrap();
    let left =
        async || -> Vec<String> { objects(&store, "").await.into_iter().map(|(key, _)| key).collect() };
    // Until there is an entry, another run might be about to list the parts of its batch.
    let found = left().await;
    assert!(left_over[..3].iter().all(|key| found.contains(key)), "{found:?}");
    append_own(&mut sink, 1).await.unwrap();
    let found = left().await;
    assert_eq!(left_over.iter().filter(|key| found.contains(key)).collect::<Vec<_>>(), [&left_over[1]]);
    for batch in 2..8 {
        append_own(&mut sink, batch).await.unwrap();
    }
    let found = left().await;
    assert!(!found.contains(&left_over[1]), "{found:?}");
    assert!(kept.iter().chain([&part]).all(|key| found.contains(key)), "{found:?}");
    assert_eq!(result(&store, "out").await, lines(0..8));
}

#[tokio::test]
async fn what_a_killed_run_has_not_come_to_remove_is_removed_by_the_next() {
    let shared = in_memory();
    append_own(&mut json(&shared, 0).await.unwrap(), 0).await.unwrap();
    let left_over = parts(&shared, "out").await[0].replacen("part-00000", "part-00001", 1);
    put(&shared, &left_over, "half a li").await;
    // A run is killed between its entry and the removal.
    let (state, store) = Faulty::over(Arc::clone(&shared), None);
    let mut killed = json(&store, 1).await.unwrap();
    let gate = state.hold_back("part-00001");
    let reached = async {
        // The part that it writes has the same beginning.
        gate.reached.acquire().await.unwrap().forget();
        gate.opened.add_permits(1);
        gate.reached.acquire().await.unwrap().forget();
    };
    tokio::select! {
        biased;
        written = append_own(&mut killed, 1) => panic!("{written:?}"),
        () = reached => {}
    }
    let next = json(&shared, 1).await;
    let found = parts(&shared, "out").await;
    // The killed one's thread ends with the test.
    gate.opened.add_permits(1);
    assert!(!found.contains(&left_over), "{found:?}");
    let mut sink = next.unwrap();
    append_own(&mut sink, 1).await.unwrap();
    append_own(&mut sink, 2).await.unwrap();
    assert_eq!(result(&shared, "out").await, lines(0..3));
}

#[tokio::test]
async fn a_run_that_was_abandoned_at_its_entry_is_waited_for() {
    let (state, store) = Faulty::over(in_memory(), None);
    let mut a = json(&store, 0).await.unwrap();
    append_own(&mut a, 0).await.unwrap();
    let gate = state.hold_back("_spark_metadata/1");
    tokio::select! {
        biased;
        written = append_own(&mut a, 1) => panic!("{written:?}"),
        permit = gate.reached.acquire() => permit.unwrap().forget(),
    }
    drop(a);
    // The entry is still on its way.
    let open = json(&store, 1);
    let release = async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        gate.opened.add_permits(100);
    };
    let (b, ()) = tokio::join!(open, release);
    let mut b = b.unwrap();
    append_own(&mut b, 1).await.unwrap();
    append_own(&mut b, 2).await.unwrap();
    assert_eq!(result(&store, "out").await, lines(0..3));
    until_parts(&store, 1, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_abandoned_anywhere_is_made_good_by_the_next_run() {
    let store = in_memory();
    for batch in 0..80 {
        let mut sink = json(&store, batch).await.unwrap();
        let mut turns = 0;
        tokio::select! {
            biased;
            result = append_own(&mut sink, batch) => result.unwrap(),
            () = async {
                while turns < batch * 4 {
                    turns += 1;
                    tokio::task::yield_now().await;
                }
            } => {}
        }
        drop(sink);
        append_own(&mut json(&store, batch).await.unwrap(), batch).await.unwrap();
        assert_eq!(result(&store, "out").await, lines(0..batch + 1));
    }
    for batch in 0..80 {
        until_parts(&store, batch, 1).await;
    }
}

#[tokio::test]
async fn a_store_that_does_not_create_conditionally_is_refused() {
    for (creation, why) in [
        (Creation::Always, "it wrote an object that was to be created only if there is none"),
        (Creation::Unknown, "Operation put not yet implemented by Faulty"),
    ] {
        let (state, store) = Faulty::over(in_memory(), None);
        state.creates(creation);
        let error = json(&store, 0).await.unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option: "object_store", .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("doesn't support conditional puts") && text.contains(why), "{text}");
    }
}

#[tokio::test]
async fn an_entry_that_meets_another_write_is_created_in_the_end_or_fails() {
    let (state, store) = Faulty::over(in_memory(), None);
    let mut sink = json(&store, 0).await.unwrap();
    state.creates(Creation::Conflict(3));
    append_own(&mut sink, 0).await.unwrap();
    assert_eq!(result(&store, "out").await, lines(0..1));
    state.creates(Creation::Conflict(u64::MAX));
    let text = append_own(&mut sink, 1).await.unwrap_err().to_string();
    assert!(text.contains("out/_spark_metadata/1") && text.contains("another write of it"), "{text}");
    state.creates(Creation::AsItShould);
    append_own(&mut json(&store, 1).await.unwrap(), 1).await.unwrap();
    assert_eq!(result(&store, "out").await, lines(0..2));
}
