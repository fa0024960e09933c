//! A mirror belongs to one query, and to one run of it.

use stream_runtime::checkpoint::restore_from;
use stream_runtime::prelude::*;

use super::support::{Counts, Minutes, PREFIX, add_file, count, in_memory, input, mirror, names};

#[tokio::test]
async fn another_query_is_refused_before_it_writes_anything() {
    let home = tempfile::tempdir().unwrap();
    let words = home.path().join("words");
    add_file(&words, 0);
    let store = in_memory();
    count(&words, &home.path().join("a"), mirror(&store)).await.unwrap();
    let before = names(&store).await;
    let error = count(&words, &home.path().join("b"), mirror(&store)).await.unwrap_err().to_string();
    assert!(error.contains("it is the mirror of query"), "{error}");
    assert_eq!(names(&store).await, before);
}

#[tokio::test]
async fn a_checkpoint_that_the_query_has_left_behind_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let words = home.path().join("words");
    add_file(&words, 0);
    let store = in_memory();
    count(&words, &home.path().join("a"), mirror(&store)).await.unwrap();
    restore_from(&store, PREFIX, home.path().join("b")).await.unwrap();
    add_file(&words, 1);
    count(&words, &home.path().join("b"), mirror(&store)).await.unwrap();
    let error = count(&words, &home.path().join("a"), mirror(&store)).await.unwrap_err().to_string();
    assert!(error.contains("it is ahead of this checkpoint"), "{error}");

    // One that has gone another way for as long is refused, too.
    count(&words, &home.path().join("a"), mirror(&in_memory())).await.unwrap();
    let error = count(&words, &home.path().join("a"), mirror(&store)).await.unwrap_err().to_string();
    assert!(error.contains("its batch 1 isn't that of this checkpoint"), "{error}");
}

#[tokio::test]
async fn of_two_runs_the_later_one_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let words = home.path().join("words");
    add_file(&words, 0);
    let store = in_memory();
    let (results, sink) = MemorySink::new();
    let first = Counts::query()
        .words(input(&words))
        .to(sink)
        .checkpoint(home.path().join("a"))
        .mirror_to(mirror(&store).synchronous())
        .start()
        .await
        .unwrap();
    while first.last_progress().is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(results.last().unwrap().id, 0);
    restore_from(&store, PREFIX, home.path().join("b")).await.unwrap();
    let second = home.path().join("b");
    count(&words, &second, mirror(&store)).await.unwrap();
    add_file(&words, 1);
    let error = first.await_termination().await.unwrap_err().to_string();
    assert!(error.contains("another run of the query has taken over this mirror"), "{error}");
    count(&words, &second, mirror(&store)).await.unwrap();
    let restored = restore_from(&store, PREFIX, home.path().join("c")).await.unwrap();
    assert_eq!(restored.batch, Some(1));
}

#[tokio::test]
async fn output_that_is_ahead_of_the_mirror_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let words = home.path().join("words");
    (0..2).for_each(|file| add_file(&words, file));
    let store = in_memory();
    let run = async |checkpoint: &str, mirrored: bool| {
        let query = Minutes::query().words(input(&words)).to(FileSink::json(home.path().join("out")));
        let query = query.checkpoint(home.path().join(checkpoint)).trigger(Trigger::AvailableNow);
        let query = if mirrored { query.mirror_to(mirror(&store)) } else { query };
        query.start().await?.await_termination().await
    };
    run("a", true).await.unwrap();
    add_file(&words, 2);
    run("a", false).await.unwrap();
    restore_from(&store, PREFIX, home.path().join("b")).await.unwrap();
    let error = run("b", true).await.unwrap_err().to_string();
    assert!(error.contains("its checkpoint is older than its output"), "{error}");
}

#[tokio::test]
async fn a_mirror_needs_a_checkpoint() {
    let (_, sink) = MemorySink::new();
    let query = Counts::query().words(input("words".as_ref())).to(sink).mirror_to(mirror(&in_memory()));
    let error = query.start().await.unwrap_err().to_string();
    assert!(error.contains("add one with `.checkpoint(…)`"), "{error}");
}
