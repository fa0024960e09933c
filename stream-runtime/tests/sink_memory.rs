//! What a test or a service sees of a query through the memory sink.

mod sink_support;

use sink_support::{Stat, append, batch, context, stat};
use stream_runtime::plan::Mode;
use stream_runtime::sink::{MemorySink, Sink};

fn rows(from: u64, to: u64) -> Vec<Stat> {
    (from..to).map(|n| stat("/home", n, None)).collect()
}

#[tokio::test]
async fn append_keeps_the_rows_of_all_batches_in_order() {
    let (results, mut sink) = MemorySink::new();
    append(&mut sink, 0, &rows(0, 2)).await.unwrap();
    append(&mut sink, 1, &[]).await.unwrap();
    append(&mut sink, 2, &rows(2, 3)).await.unwrap();
    assert_eq!(results.rows(), rows(0, 3));
    assert_eq!(
        results.batches().iter().map(|batch| (batch.id, batch.rows.len())).collect::<Vec<_>>(),
        [(0, 2), (1, 0), (2, 1)]
    );
    assert_eq!(results.last().unwrap().watermark.unwrap().as_secs(), 600);
    assert_eq!(*results.batch(2).unwrap().rows, rows(2, 3));
    assert!(results.batch(3).is_none());
}

#[tokio::test]
async fn update_shows_each_row_as_emitted_and_complete_only_the_last_batch() {
    for (mode, expected) in [(Mode::Update, [rows(0, 2), rows(5, 6)].concat()), (Mode::Complete, rows(5, 6))]
    {
        let (results, mut sink) = MemorySink::new();
        sink.commit(batch(0, mode, &rows(0, 2))).await.unwrap();
        sink.commit(batch(1, mode, &rows(5, 6))).await.unwrap();
        assert_eq!(results.rows(), expected, "{mode:?}");
        assert_eq!(results.batches().len(), 2);
    }
}

#[tokio::test]
async fn a_replayed_batch_changes_nothing_even_if_it_was_cleared() {
    let (results, mut sink) = MemorySink::new();
    append(&mut sink, 0, &rows(0, 1)).await.unwrap();
    append(&mut sink, 1, &rows(1, 2)).await.unwrap();
    append(&mut sink, 1, &rows(1, 2)).await.unwrap();
    assert_eq!(results.rows(), rows(0, 2));
    results.clear();
    append(&mut sink, 1, &rows(1, 2)).await.unwrap();
    assert_eq!(results.rows(), []);
    append(&mut sink, 2, &rows(2, 3)).await.unwrap();
    assert_eq!(results.rows(), rows(2, 3));
}

#[tokio::test]
async fn a_restarted_query_goes_on_and_another_query_begins_anew() {
    let (results, mut sink) = MemorySink::new();
    sink.open(context(1, Mode::Append)).await.unwrap();
    append(&mut sink, 0, &rows(0, 1)).await.unwrap();
    drop(sink);

    let mut sink = results.sink();
    sink.open(context(1, Mode::Append)).await.unwrap();
    append(&mut sink, 0, &rows(0, 1)).await.unwrap();
    append(&mut sink, 1, &rows(1, 2)).await.unwrap();
    assert_eq!(results.rows(), rows(0, 2));
    drop(sink);

    let mut sink = results.sink();
    sink.open(context(2, Mode::Append)).await.unwrap();
    append(&mut sink, 0, &rows(7, 8)).await.unwrap();
    assert_eq!(results.rows(), rows(7, 8));
}

#[tokio::test]
async fn a_waiter_wakes_when_its_batch_comes() {
    let (results, mut sink) = MemorySink::new();
    let waiter = tokio::spawn({
        let results = results.clone();
        async move { (results.wait_for_batch(1).await, results.rows()) }
    });
    append(&mut sink, 0, &rows(0, 1)).await.unwrap();
    tokio::task::yield_now().await;
    assert!(!waiter.is_finished());
    append(&mut sink, 1, &rows(1, 2)).await.unwrap();
    assert_eq!(waiter.await.unwrap(), (true, rows(0, 2)));
    // A batch that has been handed in needs no waiting, also after it was cleared.
    results.clear();
    assert!(results.wait_for_batch(0).await);
}

#[tokio::test]
async fn a_waiter_is_told_when_the_query_ends_without_its_batch() {
    let (results, mut sink) = MemorySink::new();
    append(&mut sink, 0, &rows(0, 1)).await.unwrap();
    let second = results.sink();
    let waiter = tokio::spawn({
        let results = results.clone();
        async move { results.wait_for_batch(1).await }
    });
    drop(sink);
    tokio::task::yield_now().await;
    assert!(!waiter.is_finished());
    drop(second);
    assert!(!waiter.await.unwrap());
    assert!(results.wait_for_batch(0).await);
}

#[tokio::test]
async fn waiting_for_rows_counts_over_batches() {
    let (results, mut sink) = MemorySink::new();
    let waiter = tokio::spawn({
        let results = results.clone();
        async move { results.wait_for_rows(3).await }
    });
    append(&mut sink, 0, &rows(0, 2)).await.unwrap();
    tokio::task::yield_now().await;
    assert!(!waiter.is_finished());
    append(&mut sink, 1, &rows(2, 3)).await.unwrap();
    assert!(waiter.await.unwrap());
}

#[tokio::test]
async fn a_commit_can_be_waited_for() {
    let (results, mut sink) = MemorySink::new();
    sink.open(context(1, Mode::Append)).await.unwrap();
    append(&mut sink, 0, &rows(0, 1)).await.unwrap();
    let waiting = tokio::spawn({
        let results = results.clone();
        async move { (results.wait_for_commit(0).await, results.wait_for_commit(1).await) }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    sink.committed(0);
    assert!(results.wait_for_commit(0).await);
    // Handed in, and never committed.
    append(&mut sink, 1, &rows(1, 2)).await.unwrap();
    drop(sink);
    assert_eq!(waiting.await.unwrap(), (true, false));
    // Another query counts anew.
    results.sink().open(context(2, Mode::Append)).await.unwrap();
    assert!(!results.wait_for_commit(0).await);
}
