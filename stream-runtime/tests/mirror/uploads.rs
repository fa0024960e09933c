//! What is uploaded, and what stays.

use std::sync::Arc;

use stream_runtime::checkpoint::restore_from;

use super::support::{Count, PREFIX, add_file, count, in_memory, mirror, names, start_counts, write_words};

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
async fn changes_that_have_become_many_are_few_objects() {
    let home = tempfile::tempdir().unwrap();
    let (words, store) = (home.path().join("words"), in_memory());
    let files = 200;
    for file in 0..files {
        write_words(&words, file, [(format!("w{}", file % 5), file)]);
    }
    let total = |counts: &[Count]| counts.iter().map(|count| count.n).sum::<u64>();
    let counted = count(&words, &home.path().join("a"), mirror(&store).synchronous()).await.unwrap();
    assert_eq!(total(&counted), files as u64);
    let kept = names(&store).await;
    assert_eq!(of_kind(&kept, "image"), 1, "{kept:?}");
    let changes = of_kind(&kept, "changes");
    assert!(changes > 5 && changes < 50, "{changes} of {} plans and commits", 2 * files);

    let restored = restore_from(&store, PREFIX, home.path().join("b")).await.unwrap();
    assert_eq!(restored.batch, Some(files as u64 - 1));
    add_file(&words, files);
    let counted = count(&words, &home.path().join("b"), mirror(&store)).await.unwrap();
    assert_eq!(total(&counted), files as u64 + 12);
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

#[tokio::test]
async fn changes_that_have_outgrown_the_image_are_replaced_by_one() {
    let home = tempfile::tempdir().unwrap();
    let (words, store) = (home.path().join("words"), in_memory());
    // Two megabytes each, of words that come again: the state stays, and the changes grow.
    let long = "word".repeat(500);
    for file in 0..6 {
        write_words(&words, file, (0..1000).map(|word| (format!("{long}{word}"), word)));
    }
    let mirror = || mirror(&store).synchronous();
    let counted = count(&words, &home.path().join("a"), mirror()).await.unwrap();
    assert_eq!(counted.len(), 1000);
    let kept = names(&store).await;
    assert!(of_kind(&kept, "changes") < 11, "{kept:?}");
    assert!(kept.iter().all(|name| !name.as_ref().contains("image-1-")), "{kept:?}");

    let restored = restore_from(&store, PREFIX, home.path().join("b")).await.unwrap();
    assert_eq!(restored.batch, Some(5));
    add_file(&words, 6);
    let counted = count(&words, &home.path().join("b"), mirror()).await.unwrap();
    let total: u64 = counted.iter().map(|count| count.n).sum();
    assert_eq!(total, 6012);
}
