//! Connections and servers that break in the middle of a batch: each row is there once.

use std::time::Duration;

use stream_runtime::Uuid;
use stream_runtime::mode::Mode;
use stream_runtime::postgres::{NewCheckpoint, PostgresConfig};
use stream_runtime::sink::{AppendOnly, PostgresSink, Retry, Sink, SinkContext};
use tokio::task::JoinHandle;

use super::database::{Database, batch, context, context_of};
use super::proxy::Proxy;
use super::server::{Server, can_have_own};
use super::{Event, event};

const EVENTS: &str = "CREATE TABLE events (key text NOT NULL, number bigint NOT NULL)";
const SUMMARY: &str = "SELECT count(*), count(DISTINCT number), min(number), max(number) FROM events";

fn retry() -> Retry {
    Retry::times(30).backoff(Duration::from_millis(1), Duration::from_millis(50))
}

async fn open(config: PostgresConfig) -> PostgresSink<AppendOnly> {
    open_at(config, 0, false).await.expect("the sink opens")
}

/// Opens a sink for a run that begins with a batch, which may have been begun before.
async fn open_at(
    config: PostgresConfig,
    first_batch: u64,
    first_is_replay: bool,
) -> stream_runtime::Result<PostgresSink<AppendOnly>> {
    let mut sink = PostgresSink::append(config, "events").retry(retry());
    let context = SinkContext { first_batch, first_is_replay, ..context(Mode::Append) };
    Sink::<Event>::open(&mut sink, context).await?;
    Ok(sink)
}

/// Writes a batch of the numbers from 1 to 20,000, more than one block of a copy, and hands the sink back.
fn write(mut sink: PostgresSink<AppendOnly>, id: u64) -> JoinHandle<PostgresSink<AppendOnly>> {
    tokio::spawn(async move {
        let rows: Vec<_> = (1..=20_000).map(|number| event("key", number)).collect();
        sink.commit(batch(id, Mode::Append, &rows)).await.expect("the batch is written");
        sink
    })
}

#[tokio::test]
async fn a_connection_ended_in_mid_copy_leaves_each_row_once() {
    let database = Database::new().await;
    database.run(EVENTS).await;
    database.close_gate(10_000, false).await;
    let writing = write(open(database.config()).await, 0);
    for _ in 0..2 {
        let process = database.wait_at_gate("COPY").await;
        database.run(&format!("SELECT pg_terminate_backend({process})")).await;
        database.wait_for(&format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {process}"), "0").await;
    }
    database.wait_at_gate("COPY").await;
    database.open_gate().await;
    writing.await.expect("no panic");
    assert_eq!(database.ask(SUMMARY).await, "20000|20000|1|20000");
}

#[tokio::test]
async fn a_connection_ended_before_the_commit_is_done_leaves_each_row_once() {
    let database = Database::new().await;
    database.run(EVENTS).await;
    database.close_gate(1, true).await;
    let writing = write(open(database.config()).await, 0);
    let process = database.wait_at_gate("COMMIT").await;
    database.run(&format!("SELECT pg_terminate_backend({process})")).await;
    database.wait_for(&format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {process}"), "0").await;
    assert_eq!(database.ask(SUMMARY).await, "0|0|∅|∅", "it was rolled back");
    database.wait_at_gate("COMMIT").await;
    database.open_gate().await;
    writing.await.expect("no panic");
    assert_eq!(database.ask(SUMMARY).await, "20000|20000|1|20000");
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_not_repeated() {
    let database = Database::new().await;
    database.run(EVENTS).await;
    database.close_gate(1, true).await;
    let proxy = Proxy::to(database.raw_config()).await;
    let writing = write(open(proxy.config(database.raw_config()).into()).await, 0);
    let process = database.wait_at_gate("COMMIT").await;
    proxy.cut();
    // The next attempt waits for the transaction whose end nobody knows.
    let blocked = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE {process} = ANY (pg_blocking_pids(pid)) AND query LIKE 'UPDATE stream_batches%'"
    );
    database.wait_for(&blocked, "1").await;
    assert_eq!(proxy.connections(), 2);
    database.open_gate().await;
    let mut sink = writing.await.expect("no panic");
    assert_eq!(database.ask(SUMMARY).await, "20000|20000|1|20000");

    let rows = [event("key", 20_001)];
    sink.commit(batch(1, Mode::Append, &rows)).await.expect("the next batch is written");
    assert_eq!(database.ask(SUMMARY).await, "20001|20001|1|20001");
}

#[tokio::test]
async fn a_server_that_crashes_in_mid_batch_and_comes_back_has_each_row_once() {
    if !can_have_own() {
        return;
    }
    let server = tokio::task::spawn_blocking(|| Server::start(&[], |_| {})).await.expect("no panic");
    let database = Database::on(&server).await;
    database.run(EVENTS).await;
    database.close_gate(10_000, false).await;
    let writing = write(open(database.config()).await, 0);
    database.wait_at_gate("COPY").await;
    let server = tokio::task::spawn_blocking(move || {
        server.crash();
        server.start_again();
        server
    });
    let server = server.await.expect("no panic");
    let mut sink = writing.await.expect("no panic");
    let database = Database::of(server.config.clone(), database.schema).await;
    assert_eq!(database.ask(SUMMARY).await, "20000|20000|1|20000");

    // And between two batches.
    let server = tokio::task::spawn_blocking(move || {
        server.crash();
        server.start_again();
        server
    });
    let server = server.await.expect("no panic");
    let rows = [event("key", 20_001)];
    sink.commit(batch(1, Mode::Append, &rows)).await.expect("the next batch is written");
    let database = Database::of(server.config.clone(), database.schema).await;
    assert_eq!(database.ask(SUMMARY).await, "20001|20001|1|20001");
    tokio::task::spawn_blocking(move || drop(server)).await.expect("no panic");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_on() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let port = nobody.expect("a port that was free").port();
    let config = format!("host=127.0.0.1 port={port} user=shop password=s3cret");
    let mut sink =
        PostgresSink::append(config, "events").retry(Retry::times(2).backoff(Duration::ZERO, Duration::ZERO));
    let error = Sink::<Event>::open(&mut sink, context(Mode::Append)).await.expect_err("nobody is there");
    let text = format!("{error} {error:?} {sink:?}");
    assert!(text.contains("PostgresSink[events]") && text.contains("gave up after 3 attempts"), "{text}");
    assert!(text.contains("onnection refused") && !text.contains("s3cret"), "{text}");
}

#[tokio::test]
async fn what_will_not_pass_is_not_tried_again() {
    let database = Database::new().await;
    database.run("CREATE TABLE events (key text NOT NULL, number bigint CHECK (number < 3))").await;
    let mut sink = open(database.config()).await;
    let rows = [event("key", 1), event("key", 5)];
    let error = sink.commit(batch(0, Mode::Append, &rows)).await.expect_err("the table refuses a row");
    let text = error.to_string();
    assert!(text.contains("violates check constraint") && text.contains("COPY events, line 2"), "{text}");
    assert!(!text.contains("attempts"), "{text}");

    // The sink goes on with a batch that fits.
    sink.commit(batch(0, Mode::Append, &rows[..1])).await.expect("the batch is written");
    assert_eq!(database.ask(SUMMARY).await, "1|1|1|1");
}

#[tokio::test]
async fn a_batch_that_is_handed_in_again_changes_nothing() {
    let database = Database::new().await;
    database.run(EVENTS).await;
    let rows = [event("key", 1)];
    for run in 1..=2 {
        let mut sink = open_at(database.config(), 7, true).await.expect("the sink opens");
        for _ in 0..2 {
            sink.commit(batch(7, Mode::Append, &rows)).await.expect("the batch is taken");
        }
        assert_eq!(database.ask(SUMMARY).await, "1|1|1|1", "run {run}");
    }
    assert_eq!(database.ask("SELECT count(*), max(run), max(batch_id) FROM stream_batches").await, "1|2|7");
}

#[tokio::test]
async fn an_instance_is_shut_out_once_another_has_started() {
    let database = Database::new().await;
    database.run(EVENTS).await;
    let mut old = open(database.config()).await;
    old.commit(batch(0, Mode::Append, &[event("key", 1)])).await.expect("the only one writes");
    let mut new = open_at(database.config(), 1, false).await.expect("the sink opens");
    let error = old.commit(batch(1, Mode::Append, &[event("key", 2)])).await.expect_err("it is shut out");
    assert!(error.to_string().contains("query `test` has been started again elsewhere"), "{error}");
    new.commit(batch(1, Mode::Append, &[event("key", 3)])).await.expect("the new one writes");
    assert_eq!(database.ask("SELECT number FROM events ORDER BY number").await, "1\n3");
}

#[tokio::test]
async fn a_new_checkpoint_is_refused_where_rows_would_be_there_twice() {
    let database = Database::new().await;
    database.run(EVENTS).await;
    let mut sink = open(database.config()).await;
    sink.commit(batch(4, Mode::Append, &[event("key", 1)])).await.expect("it is written");
    let other = context_of(Uuid::from_u128(2), Mode::Append);
    let mut again = PostgresSink::append(database.config(), "events");
    let error = Sink::<Event>::open(&mut again, other.clone()).await.expect_err("it is refused");
    assert!(error.to_string().contains("up to 4 with another checkpoint"), "{error}");

    let mut again = again.new_checkpoint(NewCheckpoint::StartAgain);
    Sink::<Event>::open(&mut again, other).await.expect("it is allowed");
    again.commit(batch(0, Mode::Append, &[event("key", 1)])).await.expect("it is written");
    assert_eq!(database.ask("SELECT number FROM events").await, "1\n1");
    // The first one has lost its place.
    sink.commit(batch(5, Mode::Append, &[event("key", 2)])).await.expect_err("it is shut out");
}

#[tokio::test]
async fn a_checkpoint_older_than_the_table_is_refused_where_its_batches_would_be_taken_for_those_there() {
    let database = Database::new().await;
    database.run(EVENTS).await;
    let mut sink = open(database.config()).await;
    for id in 0..=3 {
        sink.commit(batch(id, Mode::Append, &[event("key", 1)])).await.expect("it is written");
    }
    for (first, replayed) in [(0, false), (2, true), (3, false)] {
        let error = open_at(database.config(), first, replayed).await.expect_err("it is refused");
        assert!(error.to_string().contains("its checkpoint is older than its output"), "{error}");
    }
    open_at(database.config(), 3, true).await.expect("the batch is the same");
    open_at(database.config(), 4, false).await.expect("the batch is the next");

    let mut sink =
        PostgresSink::append(database.config(), "events").new_checkpoint(NewCheckpoint::StartAgain);
    let older = SinkContext { first_batch: 2, ..context(Mode::Append) };
    Sink::<Event>::open(&mut sink, older).await.expect("it is allowed");
    sink.commit(batch(2, Mode::Append, &[event("key", 2)])).await.expect("it is written");
    assert_eq!(database.ask(SUMMARY).await, "5|2|1|2");
    assert_eq!(database.ask("SELECT batch_id FROM stream_batches").await, "2");
}

#[tokio::test]
async fn a_database_older_than_the_checkpoint_is_refused_unless_everything_is_replaced() {
    let database = Database::new().await;
    database.run(EVENTS).await;
    let mut sink = open(database.config()).await;
    sink.commit(batch(0, Mode::Append, &[event("key", 1)])).await.expect("it is written");
    let error = open_at(database.config(), 2, true).await.expect_err("it is refused");
    assert!(error.to_string().contains("the database is older than the checkpoint"), "{error}");
    let mut sink = PostgresSink::replace(database.config(), "events");
    let later = SinkContext { first_batch: 2, ..context(Mode::Complete) };
    Sink::<Event>::open(&mut sink, later).await.expect("nothing would be missing");
}
