//! What each way of writing leaves in the table, for a query run by the engine.

use std::path::Path;

use stream_runtime::engine::QueryBuilder;
use stream_runtime::plan::Plan;
use stream_runtime::prelude::*;
use stream_runtime::source::MemoryInput;

use super::database::Database;
use super::{AllTotals, Event, Events, Totals, event};
use stream_runtime::sink::PostgresSink;

async fn run<P: Plan>(query: QueryBuilder<P>, checkpoint: &Path) -> stream_runtime::Result<()> {
    let query = query.checkpoint(checkpoint).trigger(Trigger::AvailableNow).start().await?;
    query.await_termination().await
}

/// Two batches, `a` in both of them.
fn input() -> MemoryInput<Event> {
    let input = MemoryInput::default();
    input.add([event("a", 1), event("b", 2)]);
    input.add([event("a", 3), event("c", 4)]);
    input
}

#[tokio::test]
async fn append_adds_the_rows_of_each_batch() {
    let (database, directory) = (Database::new().await, tempfile::tempdir().expect("a directory"));
    database.run("CREATE TABLE events (key text, number bigint, at timestamptz DEFAULT now())").await;
    let source = input().source().max_chunks_per_trigger(1);
    let query = Events::query().events(source).to(PostgresSink::append(database.config(), "events"));
    run(query, directory.path()).await.expect("the query runs");
    assert_eq!(database.ask("SELECT key, number FROM events ORDER BY number").await, "a|1\nb|2\na|3\nc|4");
    assert_eq!(database.ask("SELECT count(*) FROM events WHERE at IS NULL").await, "0");
    let batches = database.ask("SELECT query, target, run, batch_id FROM stream_batches").await;
    assert_eq!(batches, format!("Events|{}.events|1|1", database.schema));
}

#[tokio::test]
async fn upsert_keeps_the_last_row_of_each_key() {
    let (database, directory) = (Database::new().await, tempfile::tempdir().expect("a directory"));
    let source = input().source().max_chunks_per_trigger(1);
    let sink = PostgresSink::upsert(database.config(), "totals", ["key"]).create_table();
    run(Totals::query().events(source).to(sink), directory.path()).await.expect("the query runs");
    assert_eq!(database.ask("SELECT key, n, sum FROM totals ORDER BY key").await, "a|2|4\nb|1|2\nc|1|4");
}

#[tokio::test]
async fn replace_leaves_nothing_but_the_last_result() {
    let (database, directory) = (Database::new().await, tempfile::tempdir().expect("a directory"));
    database.run("CREATE TABLE totals (key text, n bigint, sum bigint)").await;
    database.run("INSERT INTO totals VALUES ('of another query', 1, 1)").await;
    let source = input().source().max_chunks_per_trigger(1);
    let sink = PostgresSink::replace(database.config(), "totals");
    run(AllTotals::query().events(source).to(sink), directory.path()).await.expect("the query runs");
    assert_eq!(database.ask("SELECT key, n, sum FROM totals ORDER BY key").await, "a|2|4\nb|1|2\nc|1|4");
}
