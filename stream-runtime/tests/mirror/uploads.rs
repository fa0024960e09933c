//! What is uploaded, and what stays.

use std::sync::Arc;

use stream_runtime::checkpoint::restore_from;
use stream_runtime::prelude::*;

use super::{Counts, PREFIX, Word, add_file, count, in_memory, mirror, names, start_counts};

fn of_kind(names: &[stream_runtime::object_store::path::Path], kind: &str) -> usize {
    names.iter().filter(|name| name.as_ref().contains(kind)).count()
}

#[tokio::test]
async fn a_run_that_stopped_is_gone_on_with_without_a_new_image() {
    let home = tempfile::tempdir().unwrap();
    let (words, store) = (home.path().join("words"), in_memory());
    let images = async || {
        let names = names(&store).await;
        names.into_iter().filter(|name| name.as_ref().contains("image")).collect::<Vec<_>>()
    };
    let mut first = Vec::new();
    for file in 0..4 {
        add_file(&words, file);
        count(&words, &home.path().join("a"), mirror(&store)).await.unwrap();
        if file == 0 {
            first = images().await;
            assert_eq!(first.len(), 1);
        }
        assert_eq!(images().await, first);
        assert_eq!(of_kind(&names(&store).await, "manifest"), 1);
    }
    assert_eq!(of_kind(&names(&store).await, "changes"), 3);
}

#[tokio::test]
async fn changes_that_have_become_many_are_replaced_by_an_image() {
    let home = tempfile::tempdir().unwrap();
    let store = in_memory();
    let (words, source) = MemorySource::<Word>::new();
    for batch in 0..520 {
        words.add([Word { text: format!("w{}", batch % 5), ts: Timestamp::from_secs(batch) }]);
    }
    let (results, sink) = MemorySink::new();
    let query = Counts::query().words(source).to(sink).checkpoint(home.path().join("a"));
    let query = query.mirror_to(mirror(&store).synchronous()).trigger(Trigger::AvailableNow);
    query.start().await.unwrap().await_termination().await.unwrap();
    let kept = names(&store).await;
    assert_eq!(of_kind(&kept, "image"), 1, "{kept:?}");
    assert!(of_kind(&kept, "changes") < 500, "{}", kept.len());

    restore_from(&store, PREFIX, home.path().join("b")).await.unwrap();
    words.add([Word { text: "w0".to_owned(), ts: Timestamp::from_secs(0) }]);
    let (restored, sink) = MemorySink::new();
    let query = Counts::query().words(words.source()).to(sink).checkpoint(home.path().join("b"));
    let query = query.trigger(Trigger::AvailableNow).start().await.unwrap();
    query.await_termination().await.unwrap();
    let before = results.last().unwrap().rows.to_vec();
    let after = restored.last().unwrap().rows.to_vec();
    assert_eq!(before.iter().map(|count| count.n).sum::<u64>(), 520);
    assert_eq!(after.iter().map(|count| count.n).sum::<u64>(), 521);
}

#[tokio::test]
async fn progress_tells_how_far_the_mirror_is() {
    let home = tempfile::tempdir().unwrap();
    let (words, store) = (home.path().join("words"), in_memory());
    (0..3).for_each(|file| add_file(&words, file));
    let (_, query) =
        start_counts(&words, &home.path().join("a"), mirror(&store).synchronous()).await.unwrap();
    query.await_termination().await.unwrap();
    let progress = query.recent_progress();
    let batches: Vec<_> = progress
        .iter()
        .map(|progress| (Some(progress.batch_id), progress.mirror.as_ref().unwrap().batch_id))
        .collect();
    assert!(batches.len() == 3 && batches.iter().all(|(batch, mirrored)| batch == mirrored), "{batches:?}");
    assert!(
        progress[0].json().contains("\"mirror\":{\"batchId\":0,\"pendingUploads\":0"),
        "{}",
        progress[0].json()
    );
}

#[tokio::test]
async fn what_else_is_in_the_store_stays() {
    use stream_runtime::object_store::ObjectStoreExt;
    let home = tempfile::tempdir().unwrap();
    let (words, store) = (home.path().join("words"), in_memory());
    let other = format!("{PREFIX}/notes.txt").into();
    store.put(&other, b"kept".to_vec().into()).await.unwrap();
    for file in 0..2 {
        add_file(&words, file);
        count(&words, &home.path().join("a"), mirror(&Arc::clone(&store))).await.unwrap();
    }
    store.get(&other).await.unwrap();
}
