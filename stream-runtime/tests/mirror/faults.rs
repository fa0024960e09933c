//! A mirror whose writes fail, once, for a while, or for ever.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use stream_runtime::Error;
use stream_runtime::checkpoint::{Mirror, OnMirrorFailure, restore_from};
use stream_runtime::engine::Step;
use stream_runtime::object_store::ObjectStore;
use stream_runtime::prelude::*;

use super::flaky::Flaky;
use super::support::{Count, Counts, FILES, PREFIX, add_file, count, in_memory, input, mirror};

fn flaky(good: u64, bad: u64, silently: bool) -> (Arc<Flaky>, Arc<dyn ObjectStore>, Arc<dyn ObjectStore>) {
    let flaky = Flaky::new(good, bad, silently);
    let (failing, sound) = (Arc::clone(&flaky), Arc::clone(&flaky.inner));
    (flaky, failing, sound)
}

#[tokio::test]
async fn interrupted_at_any_write_it_gives_a_commit_or_says_that_there_is_none() {
    let home = tempfile::tempdir().unwrap();
    let words = home.path().join("words");
    (0..FILES).for_each(|file| add_file(&words, file));
    let expected = count(&words, &home.path().join("undisturbed"), mirror(&in_memory())).await.unwrap();
    assert_eq!(expected.iter().map(|count| count.n).sum::<u64>(), 12 * FILES as u64);

    let (mut interrupted, mut restored) = (0, Vec::new());
    for (synchronous, every) in [(false, 1), (false, 3), (true, 1)] {
        for good in 0.. {
            let name = format!("{synchronous}-{every}-{good}");
            let (flaky, failing, sound) = flaky(good, u64::MAX, false);
            let options =
                |mirror: Mirror| if synchronous { mirror.synchronous() } else { mirror.every(every) };
            let ran = count(&words, &home.path().join(&name), options(mirror(&failing))).await;
            if flaky.writes() <= good {
                assert_eq!(ran.unwrap(), expected);
                break;
            }
            interrupted += 1;
            let directory = home.path().join(format!("{name}-restored"));
            match restore_from(&sound, PREFIX, &directory).await {
                Ok(found) => {
                    restored.push(found.batch);
                    let goes_on = count(&words, &directory, options(mirror(&sound))).await.unwrap();
                    // Nothing is left to be counted after the last batch.
                    assert!(
                        goes_on == expected || found.batch == Some(FILES as u64 - 1),
                        "{name}: {goes_on:?}"
                    );
                }
                Err(error) => {
                    let text = error.to_string();
                    assert!(
                        text.contains("there is no mirror") || text.contains("nothing has been mirrored"),
                        "{name}: {text}"
                    );
                }
            }
        }
    }
    assert!(interrupted > 20, "{interrupted}");
    for batch in 0..FILES as u64 {
        assert!(restored.contains(&Some(batch)), "batch {batch} of {restored:?}");
    }
}

#[tokio::test]
async fn a_write_that_fails_is_repeated_also_if_it_was_done_and_so_is_the_look_at_what_came_of_it() {
    for (silently, is_blind) in [(false, false), (true, false), (false, true), (true, true)] {
        for good in 0..12 {
            let home = tempfile::tempdir().unwrap();
            let words = home.path().join("words");
            (0..2).for_each(|file| add_file(&words, file));
            let (store, failing, sound) = flaky(good, 1, silently);
            store.is_blind.store(is_blind, Ordering::SeqCst);
            let expected = count(&words, &home.path().join("a"), mirror(&failing).retries(1)).await.unwrap();
            let restored = restore_from(&sound, PREFIX, home.path().join("b")).await.unwrap();
            assert_eq!((restored.batch, restored.pending), (Some(1), None));
            add_file(&words, 2);
            let here = count(&words, &home.path().join("a"), mirror(&in_memory())).await.unwrap();
            let there = count(&words, &home.path().join("b"), mirror(&in_memory())).await.unwrap();
            assert_eq!(here, there);
            assert_ne!(here, expected);
        }
    }
}

#[tokio::test]
async fn a_query_whose_mirror_fails_for_good_ends_with_the_reason() {
    let home = tempfile::tempdir().unwrap();
    let words = home.path().join("words");
    (0..FILES).for_each(|file| add_file(&words, file));
    let (_, failing, _) = flaky(2, u64::MAX, false);
    let error = count(&words, &home.path().join("a"), mirror(&failing)).await.unwrap_err();
    assert!(matches!(error.root(), Error::Checkpoint { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("can't be mirrored") && text.contains("the connection was lost"), "{text}");
}

#[tokio::test]
async fn a_batch_that_runs_again_is_in_a_synchronous_mirror_before_a_sink_sees_a_row() {
    let home = tempfile::tempdir().unwrap();
    let words = home.path().join("words");
    (0..2).for_each(|file| add_file(&words, file));
    let begin = || {
        let (results, sink) = MemorySink::new();
        let query = Counts::query().words(input(&words)).to(sink).checkpoint(home.path().join("a"));
        (results, query.workers(1).trigger(Trigger::AvailableNow))
    };
    let (_, query) = begin();
    let query = query.at_step(Arc::new(|batch, step| batch == 0 || step != Step::Planned)).start().await;
    query.unwrap().await_termination().await.unwrap_err();

    // The mirror is claimed, and then can't be written.
    let (_, failing, sound) = flaky(1, u64::MAX, false);
    let (results, query) = begin();
    let error = query.mirror_to(mirror(&failing).synchronous()).start().await.unwrap_err();
    assert!(error.to_string().contains("the connection was lost"), "{error}");
    assert!(results.last().is_none());

    let (_, query) = begin();
    let query = query.mirror_to(mirror(&sound).synchronous());
    let query = query.at_step(Arc::new(|_, step| step != Step::Planned)).start().await;
    query.unwrap().await_termination().await.unwrap_err();
    let restored = restore_from(&sound, PREFIX, home.path().join("b")).await.unwrap();
    assert_eq!((restored.batch, restored.pending), (Some(0), Some(1)));
}

#[tokio::test]
async fn a_query_that_may_go_on_without_its_mirror_says_so_and_the_next_run_catches_up() {
    let home = tempfile::tempdir().unwrap();
    let words = home.path().join("words");
    add_file(&words, 0);
    let (_, failing, sound) = flaky(2, u64::MAX, false);
    let (_, sink) = MemorySink::new();
    let query = Counts::query().words(input(&words)).to(sink).checkpoint(home.path().join("a"));
    let query = query.mirror_to(mirror(&failing).on_failure(OnMirrorFailure::Warn)).start().await.unwrap();
    let mut file = 0;
    let failure = loop {
        while query.last_progress().is_none_or(|progress| progress.batch_id < file as u64) {
            tokio::task::yield_now().await;
        }
        let progress = query.last_progress().unwrap();
        if let Some(failure) = progress.mirror.as_ref().and_then(|mirror| mirror.failure.clone()) {
            break failure;
        }
        file += 1;
        add_file(&words, file);
    };
    assert!(failure.contains("the connection was lost"), "{failure}");
    query.stop().await.unwrap();

    add_file(&words, file + 1);
    let expected = count(&words, &home.path().join("a"), mirror(&sound)).await.unwrap();
    let restored = restore_from(&sound, PREFIX, home.path().join("b")).await.unwrap();
    assert_eq!(restored.batch, Some(file as u64 + 1));
    add_file(&words, file + 2);
    let goes_on = count(&words, &home.path().join("b"), mirror(&in_memory())).await.unwrap();
    let total = |counts: &[Count]| counts.iter().map(|count| count.n).sum::<u64>();
    assert_eq!(total(&goes_on), total(&expected) + 12);
}
