//! A query killed at every step of a batch, in the middle of a transaction, and between Kafka's commit and its own: each row once.

use std::path::Path;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::BaseRecord;
use stream_runtime::engine::Step;
use stream_runtime::prelude::*;

use super::child::{self, BATCH, Crash, Topics};
use super::group;
use crate::Numbers;
use crate::support::{PATIENCE, Topic, root};

/// Copies a checkpoint that nobody has open.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[tokio::test]
async fn each_row_and_each_dead_letter_is_written_once_wherever_the_query_is_killed() {
    let (input, output, dead) = (Topic::new(1).await, Topic::new(2).await, Topic::new(1).await);
    // Three batches, each with malformed messages among its own.
    let (mut numbers, mut malformed) = (Vec::new(), Vec::new());
    for n in 0..3 * BATCH {
        if n % 4 == 1 {
            let value = format!("\u{e9}{n}").into_bytes();
            let record =
                BaseRecord::to(&input.name).partition(0).key(b"\xff".as_slice()).payload(&value[1..]);
            input.record(record);
            malformed.push((n, value[1..].to_vec()));
        } else {
            input.send(0, crate::json(n));
            numbers.push(n);
        }
    }
    input.flush();
    let topics = Topics { input: &input.name, output: &output.name, dead_letters: &dead.name };
    let directory = tempfile::tempdir().unwrap();
    let crashes = [
        (Crash::At(0, Step::Starting), 0),
        (Crash::At(0, Step::Planned), 0),
        (Crash::At(0, Step::Computed), 0),
        (Crash::Writing(6), 0),
        (Crash::At(0, Step::Written), 1),
        (Crash::At(0, Step::Committed), 1),
        (Crash::At(1, Step::Computed), 1),
        (Crash::Writing(BATCH + 9 - 1), 1),
        (Crash::At(1, Step::Written), 2),
        (Crash::At(1, Step::Finished), 2),
        (Crash::At(2, Step::Written), 3),
    ];
    for (crash, batches) in crashes {
        child::kill(directory.path(), topics, crash);
        // What a killed process has left open is aborted when the next one starts: this waits for the time-out otherwise.
        if !matches!(crash, Crash::Writing(_)) {
            let written: Vec<_> = numbers.iter().copied().filter(|n| *n < batches * BATCH).collect();
            assert_eq!(output.committed_numbers(), written, "{crash:?}");
        }
    }
    child::run(directory.path(), topics);
    assert_eq!(output.committed_numbers(), numbers);
    let dead = dead.committed();
    let seen: Vec<_> = dead
        .iter()
        .map(|seen| {
            assert_eq!(seen.key.as_deref(), Some(b"\xff".as_slice()));
            assert_eq!(seen.header("__connect.errors.topic"), Some(&*input.name));
            assert_eq!(seen.header("__connect.errors.partition"), Some("0"));
            assert!(seen.header("__connect.errors.exception.message").unwrap().contains("UTF-8"));
            let offset = seen.header("__connect.errors.offset").unwrap().parse::<i64>().unwrap();
            (offset, seen.value.clone().unwrap())
        })
        .collect();
    assert_eq!(seen, malformed);
}

#[tokio::test]
async fn an_instance_of_a_query_that_was_replaced_is_fenced() {
    let (input, output, dead) = (Topic::new(1).await, Topic::new(1).await, Topic::new(1).await);
    let topics = Topics { input: &input.name, output: &output.name, dead_letters: &dead.name };
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    input.numbers(0, 0..BATCH);
    child::run(first.path(), topics);
    copy(first.path(), second.path());

    let (sink, malformed) = KafkaSink::new(&output.servers).topic(&output.name).dead_letters(&dead.name);
    let zombie = Numbers::query()
        .numbers(input.source().on_malformed(OnMalformed::dead_letter(malformed)))
        .to(sink)
        .checkpoint(first.path())
        .start()
        .await
        .unwrap();
    child::run(second.path(), topics);
    input.numbers(0, BATCH..2 * BATCH);
    let ended = tokio::time::timeout(PATIENCE, zombie.await_termination()).await;
    let error = root(ended.expect("it is fenced"));
    assert!(error.contains("another instance of the query has taken over"), "{error}");
    child::run(second.path(), topics);
    assert_eq!(output.committed_numbers(), (0..2 * BATCH).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_older_checkpoint_is_refused_and_a_new_one_begins_anew() {
    let (input, output) = (Topic::new(1).await, Topic::new(1).await);
    let (directory, old, new) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let query = |checkpoint: &Path| {
        Numbers::query()
            .numbers(input.source())
            .to(KafkaSink::new(&output.servers).topic(&output.name))
            .checkpoint(checkpoint)
            .trigger(Trigger::AvailableNow)
            .start()
    };
    input.numbers(0, 0..3);
    query(directory.path()).await.unwrap().await_termination().await.unwrap();
    copy(directory.path(), old.path());
    input.numbers(0, 3..6);
    query(directory.path()).await.unwrap().await_termination().await.unwrap();
    let error = root(query(old.path()).await);
    assert!(error.contains("older than the topic") && error.contains("batch 1"), "{error}");
    assert_eq!(output.committed_numbers(), [0, 1, 2, 3, 4, 5]);
    query(directory.path()).await.unwrap().await_termination().await.unwrap();

    query(new.path()).await.unwrap().await_termination().await.unwrap();
    assert_eq!(output.committed_numbers(), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
}

#[tokio::test]
async fn a_batch_that_was_begun_is_in_doubt_once_the_brokers_have_forgotten_the_query() {
    let (input, output, dead) = (Topic::new(1).await, Topic::new(1).await, Topic::new(1).await);
    let topics = Topics { input: &input.name, output: &output.name, dead_letters: &dead.name };
    let directory = tempfile::tempdir().unwrap();
    input.numbers(0, 0..BATCH);
    child::kill(directory.path(), topics, Crash::At(0, Step::Written));
    // What `offsets.retention.minutes` does after a week.
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &output.servers).create().unwrap();
    let id = group(&output.servers, &format!("stream-runtime-{}", output.name));
    admin.delete_groups(&[&id], &AdminOptions::new()).await.unwrap().remove(0).unwrap();

    let query = |sink: KafkaSink<crate::Number>| {
        Numbers::query()
            .numbers(input.source())
            .to(sink)
            .checkpoint(directory.path())
            .trigger(Trigger::AvailableNow)
            .start()
    };
    let sink = || KafkaSink::new(&output.servers).topic(&output.name);
    let error = root(query(sink()).await);
    assert!(error.contains("at_least_once()") && error.contains("batch 0"), "{error}");
    query(sink().at_least_once()).await.unwrap().await_termination().await.unwrap();
    let twice = (0..BATCH).flat_map(|n| [n, n]);
    assert_eq!(output.committed_numbers(), twice.clone().collect::<Vec<_>>());
    // Nothing is in doubt any more.
    input.numbers(0, [BATCH]);
    query(sink()).await.unwrap().await_termination().await.unwrap();
    assert_eq!(output.committed_numbers(), twice.chain([BATCH]).collect::<Vec<_>>());
}
