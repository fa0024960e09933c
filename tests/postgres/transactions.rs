//! `BatchTable`: transactions of a service's own that happen once for each batch.

use std::path::Path;
use std::sync::Arc;

use stream_runtime::engine::Step;
use stream_runtime::error::BoxError;
use stream_runtime::mode::Mode;
use stream_runtime::postgres::tokio_postgres::Client;
use stream_runtime::postgres::{BatchTable, NewCheckpoint};
use stream_runtime::prelude::*;
use stream_runtime::sink::{BatchWriter, ForeachBatch, ForeachBatchSink, Retry, SinkContext};
use stream_runtime::source::MemoryInput;

use super::database::{Database, ask, context};
use super::{Event, Events, event};

/// Adds each event's number to an account: not to be done twice.
struct Accounts {
    client: Client,
    batches: Option<BatchTable>,
    /// Fails once, before the transaction is committed.
    fails: bool,
}

impl BatchWriter<Event> for Accounts {
    async fn open(&mut self, context: &SinkContext) -> Result<(), BoxError> {
        let batches = BatchTable::open(&mut self.client, context, "accounts", NewCheckpoint::Refuse).await?;
        self.batches = Some(batches);
        Ok(())
    }

    async fn write(&mut self, batch: ForeachBatch<'_, Event>) -> Result<(), BoxError> {
        let batches = self.batches.as_ref().ok_or("not opened")?;
        let transaction = self.client.transaction().await?;
        if batches.claim(&transaction, batch.id).await? {
            for event in batch.rows {
                let sql = "UPDATE accounts SET total = total + $2 WHERE key = $1";
                transaction.execute(sql, &[&event.key, &event.number]).await?;
            }
        }
        if std::mem::take(&mut self.fails) {
            return Err("interrupted".into());
        }
        transaction.commit().await?;
        Ok(())
    }
}

async fn run(
    database: &Database,
    input: &MemoryInput<Event>,
    checkpoint: &Path,
    crash: Option<Step>,
) -> bool {
    let accounts = Accounts { client: database.connect().await, batches: None, fails: crash.is_none() };
    let query = Events::query()
        .events(input.source().max_chunks_per_trigger(1))
        .to(ForeachBatchSink::writer(accounts).retry(Retry::times(1)))
        .checkpoint(checkpoint)
        .trigger(Trigger::AvailableNow)
        .at_step(Arc::new(move |batch, step| !(batch == 1 && Some(step) == crash)))
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.is_ok()
}

#[tokio::test]
async fn a_transaction_happens_once_for_each_batch_wherever_the_query_crashes() {
    for crash in Step::ALL {
        let (database, directory) = (Database::new().await, tempfile::tempdir().expect("a directory"));
        database
            .run("CREATE TABLE accounts (key text, total bigint); INSERT INTO accounts VALUES ('a', 0)")
            .await;
        let input = MemoryInput::default();
        for number in [1, 10, 100] {
            input.add([event("a", number)]);
        }
        assert!(!run(&database, &input, directory.path(), Some(crash)).await);
        assert!(run(&database, &input, directory.path(), None).await);
        assert_eq!(database.ask("SELECT total FROM accounts").await, "111", "crashed at {crash:?}");
        let rows = "SELECT query, target, run, batch_id, committed_at IS NOT NULL FROM stream_batches";
        assert_eq!(database.ask(rows).await, "Events|accounts|2|2|t");
    }
}

#[tokio::test]
async fn a_claim_that_is_rolled_back_is_none_and_a_later_run_shuts_out_an_earlier_one() {
    let database = Database::new().await;
    let (mut first, mut second) = (database.connect().await, database.connect().await);
    let context = context(Mode::Append);
    let old = BatchTable::open(&mut first, &context, "t", NewCheckpoint::Refuse).await.expect("it opens");
    let transaction = first.transaction().await.expect("a transaction");
    assert!(old.claim(&transaction, 0).await.expect("it is asked"));
    transaction.rollback().await.expect("it is rolled back");
    let transaction = first.transaction().await.expect("a transaction");
    assert!(old.claim(&transaction, 0).await.expect("it is asked"));
    assert!(!old.claim(&transaction, 0).await.expect("it is asked"), "once within a transaction, too");
    transaction.commit().await.expect("it is committed");

    let error =
        BatchTable::open(&mut second, &context, "t", NewCheckpoint::Refuse).await.expect_err("planned anew");
    assert!(error.to_string().contains("its checkpoint is older than its output"), "{error}");
    let context = SinkContext { first_is_replay: true, ..context };
    let new = BatchTable::open(&mut second, &context, "t", NewCheckpoint::Refuse).await.expect("it opens");
    let transaction = first.transaction().await.expect("a transaction");
    let error = old.claim(&transaction, 1).await.expect_err("another run has begun");
    assert!(error.to_string().contains("stream_batches[t]"), "{error}");
    drop(transaction);
    let transaction = second.transaction().await.expect("a transaction");
    assert!(!new.claim(&transaction, 0).await.expect("it is asked"), "the old one has committed it");
    assert!(new.claim(&transaction, 1).await.expect("it is asked"));
    transaction.commit().await.expect("it is committed");
    assert_eq!(ask(&first, "SELECT batch_id FROM stream_batches").await, "1");
}
