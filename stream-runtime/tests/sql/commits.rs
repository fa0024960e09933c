//! A statement sees one commit of each table, whatever is committed meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use stream_runtime::datafusion::prelude::SessionContext;
use stream_runtime::sink::{Sink, SinkBatch};
use stream_runtime::sql::SqlTable;

use super::*;

const PAGES: u64 = 40;

/// One more view for each page.
fn view_each() -> impl Iterator<Item = Click> {
    (0..PAGES).map(|page| click(0, &page.to_string(), "ada"))
}

#[derive(Debug, PartialEq, Schema)]
struct Views {
    pages: u64,
    least: Option<u64>,
    most: Option<u64>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_sees_a_part_of_a_batch_while_batches_commit() {
    let Running { query, clicks, table, sql } = running().await;
    clicks.add(view_each());
    assert!(table.wait_for_batch(0).await);
    let done = Arc::new(AtomicBool::new(false));
    let feeding = tokio::spawn({
        let (done, table) = (Arc::clone(&done), table.clone());
        async move {
            let mut batch = 0;
            while !done.load(Ordering::Relaxed) {
                clicks.add(view_each());
                batch += 1;
                assert!(table.wait_for_batch(batch).await);
            }
        }
    });
    let begun = table.snapshot().batch_id();
    let mut asked = 0;
    // Until enough batches were committed while statements ran.
    while table.snapshot().batch_id() < begun.map(|batch| batch + 20) || asked < 20 {
        let once = "SELECT count(*) AS pages, min(views) AS least, max(views) AS most FROM page_stats";
        let [views] = &sql.query(once).await.unwrap().rows::<Views>().unwrap()[..] else { panic!("one row") };
        assert_eq!((views.pages, views.least), (PAGES, views.most));
        let twice = "SELECT count(*) AS pages, min(a.views) AS least, max(b.views) AS most \
                     FROM page_stats a JOIN page_stats b ON a.page = b.page AND a.views = b.views";
        let [views] = &sql.query(twice).await.unwrap().rows::<Views>().unwrap()[..] else {
            panic!("one row")
        };
        assert_eq!((views.pages, views.least), (PAGES, views.most));
        asked += 1;
    }
    done.store(true, Ordering::Relaxed);
    feeding.await.unwrap();
    query.stop().await.unwrap();
}

#[tokio::test]
async fn what_a_statement_sees_is_fixed_when_it_begins() {
    let Running { query, clicks, table, sql } = running().await;
    clicks.add(view_each());
    assert!(table.wait_for_batch(0).await);
    let context = SessionContext::new();
    let catalog = context.catalog("datafusion").unwrap();
    catalog.register_schema("live", sql.tables()).unwrap();
    context.register_table("frozen", table.provider().unwrap()).unwrap();

    let sum = |table: &str| {
        format!("SELECT a.views FROM {table} a JOIN {table} b USING (page) WHERE a.views = b.views")
    };
    let (live, frozen) = (sum("live.page_stats"), sum("frozen"));
    let before = context.sql(&live).await.unwrap();
    clicks.add(view_each());
    assert!(table.wait_for_batch(1).await);

    assert_eq!(views(&before.collect().await.unwrap()), [1; PAGES as usize], "begun before the commit");
    assert_eq!(views(&context.sql(&live).await.unwrap().collect().await.unwrap()), [2; PAGES as usize]);
    assert_eq!(views(&context.sql(&frozen).await.unwrap().collect().await.unwrap()), [1; PAGES as usize]);
    query.stop().await.unwrap();
}

fn views(batches: &[arrow_array::RecordBatch]) -> Vec<u64> {
    use arrow_array::cast::AsArray;
    use arrow_array::types::UInt64Type;
    let column =
        |batch: &arrow_array::RecordBatch| batch.column(0).as_primitive::<UInt64Type>().values().to_vec();
    batches.iter().flat_map(column).collect()
}

#[derive(Clone, Debug, PartialEq, Schema)]
struct Number {
    id: u64,
    text: String,
}

/// A snapshot of so many rows.
async fn numbers(count: u64) -> ResultTable<u64, Number> {
    let (table, mut sink) = TableSink::by(|row: &Number| row.id);
    let rows: Vec<_> = (0..count).map(|id| Number { id, text: id.to_string() }).collect();
    let result = SinkBatch {
        id: 0,
        mode: stream_runtime::plan::Mode::Complete,
        rows: &rows,
        removed: &[],
        watermark: None,
    };
    sink.restore(result).await.unwrap();
    table
}

#[tokio::test]
async fn rows_come_in_batches_between_which_others_get_their_turn() {
    const BATCHES: usize = 32;
    let table = numbers(8192 * BATCHES as u64).await;
    let context = SessionContext::new();
    context.register_table("numbers", table.provider().unwrap()).unwrap();
    let mut answer =
        context.sql("SELECT id, text FROM numbers").await.unwrap().execute_stream().await.unwrap();
    let turns = Arc::new(AtomicUsize::new(0));
    let other = tokio::spawn({
        let turns = Arc::clone(&turns);
        async move {
            loop {
                turns.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        }
    });
    let mut batches = Vec::new();
    while let Some(batch) = answer.try_next().await.unwrap() {
        batches.push(batch.num_rows());
    }
    other.abort();
    assert_eq!(batches, [8192; BATCHES]);
    assert!(turns.load(Ordering::Relaxed) >= BATCHES, "{turns:?}");
}

#[tokio::test]
async fn an_answer_has_every_row_once() {
    let sql = SqlSession::new().table("numbers", &numbers(50_000).await).unwrap();
    let result = sql.query("SELECT id, text FROM numbers").await.unwrap();
    assert_eq!(result.len(), 50_000);
    let mut ids: Vec<_> = result.rows::<Number>().unwrap().iter().map(|row| row.id).collect();
    ids.sort_unstable();
    assert!(ids.into_iter().eq(0..50_000));
}

#[tokio::test]
async fn a_statement_with_a_limit_gives_the_snapshot_back() {
    let table = numbers(50_000).await;
    let snapshot = Arc::downgrade(table.snapshot().iter().next().unwrap().1);
    let sql = SqlSession::new().table("numbers", &table.snapshot()).unwrap();
    drop(table);
    assert_eq!(sql.query("SELECT id FROM numbers LIMIT 10").await.unwrap().len(), 10);
    drop(sql);
    // The scan is a task of its own, which ends when it gets its turn.
    let given_back = async {
        while snapshot.upgrade().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), given_back).await.expect("the snapshot is still held");
}

#[tokio::test]
async fn of_a_memory_sink_a_statement_sees_committed_batches_only() {
    use stream_runtime::plan::Mode::{Append, Complete};

    let number = |id: u64| Number { id, text: id.to_string() };
    for (mode, after) in [(Append, vec![number(1), number(2)]), (Complete, vec![number(2)])] {
        let (results, mut sink) = MemorySink::new();
        let sql = SqlSession::new().table("numbers", &results).unwrap();
        let ask = async || {
            let rows = sql.query("SELECT id, text FROM numbers ORDER BY id").await.unwrap();
            rows.rows::<Number>().unwrap()
        };
        let (first, second) = ([number(1)], [number(2)]);
        let batch = |id, rows| SinkBatch { id, mode, rows, removed: &[], watermark: None };
        sink.commit(batch(0, &first)).await.unwrap();
        assert_eq!(ask().await, [], "{mode:?}");
        sink.committed(0);
        assert_eq!(ask().await, [number(1)], "{mode:?}");
        sink.commit(batch(1, &second)).await.unwrap();
        assert_eq!(ask().await, [number(1)], "{mode:?}");
        assert_eq!(results.rows(), after);
        sink.committed(1);
        assert_eq!(ask().await, after, "{mode:?}");
    }
}
