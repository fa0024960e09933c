//! [`BatchTable`]: which batch a query has written last, in the database that it writes to.
//!
//! Invariant: the row of a query and what it writes to has the id of the last batch whose transaction was committed, and the
//! number of the run that may commit the next one.

use tokio_postgres::{Client, Transaction};

use super::failure::Failure;
use super::table::create_table;
use crate::error::{Error, Result};
use crate::sink::SinkContext;

/// What becomes of a query whose checkpoint isn't the one that has written under its name: a new one, with which its batches
/// begin again at 0, with the input from its start; or an older copy, with which it plans batches anew that have been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewCheckpoint {
    /// It doesn't start. Rows that are added would be there twice.
    Refuse,
    /// It writes all batches again. Right where they replace what was written.
    StartAgain,
}

/// Makes a database transaction happen once for each batch, for [`for_each_batch`](crate::engine::QueryBuilder::for_each_batch)
/// and sinks of a service's own.
///
/// The table `stream_batches`, created if it isn't there, in the first schema of the search path, has a row for each query (by its name) and *target*, which is whatever the
/// query writes to: the row says which batch was committed last. [`claim`](Self::claim) moves it on within the
/// transaction that writes the batch's rows. So either both are in the database or neither, and a batch that is handed in again is
/// seen to have been there. That makes exactly once, because a batch that is handed in again has the same rows.
///
/// [`open`](Self::open) gives the run a number of its own, above that of every run before. A process of the same query that is
/// still alive, somewhere else, with a copy of the checkpoint, can't claim another batch from then on.
///
/// ```no_run
/// use stream_runtime::error::BoxError;
/// use stream_runtime::postgres::tokio_postgres::Client;
/// use stream_runtime::postgres::{BatchTable, NewCheckpoint};
/// use stream_runtime::prelude::*;
/// use stream_runtime::sink::{BatchWriter, ForeachBatch, SinkContext};
///
/// #[derive(Schema)]
/// struct Payment {
///     account: i64,
///     cents: i64,
/// }
///
/// struct Accounts {
///     client: Client,
///     batches: Option<BatchTable>,
/// }
///
/// impl BatchWriter<Payment> for Accounts {
///     async fn open(&mut self, context: &SinkContext) -> Result<(), BoxError> {
///         let target = "accounts";
///         self.batches =
///             Some(BatchTable::open(&mut self.client, context, target, NewCheckpoint::Refuse).await?);
///         Ok(())
///     }
///
///     async fn write(&mut self, batch: ForeachBatch<'_, Payment>) -> Result<(), BoxError> {
///         let batches = self.batches.as_ref().ok_or("not opened")?;
///         let transaction = self.client.transaction().await?;
///         if batches.claim(&transaction, batch.id).await? {
///             let sql = "UPDATE accounts SET cents = cents + $2 WHERE id = $1";
///             for payment in batch.rows {
///                 transaction.execute(sql, &[&payment.account, &payment.cents]).await?;
///             }
///         }
///         transaction.commit().await?;
///         Ok(())
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct BatchTable {
    query: String,
    target: String,
    run: i64,
}

const CREATE: &str = "CREATE TABLE IF NOT EXISTS stream_batches (\
    query text NOT NULL, target text NOT NULL, query_id uuid NOT NULL, run bigint NOT NULL, \
    batch_id bigint, committed_at timestamptz, PRIMARY KEY (query, target))";

const OPEN: &str = "INSERT INTO stream_batches (query, target, query_id, run) VALUES ($1, $2, $3::text::uuid, 1) \
    ON CONFLICT (query, target) DO UPDATE SET run = stream_batches.run + 1 \
    RETURNING run, batch_id, query_id::text";

const ADOPT: &str =
    "UPDATE stream_batches SET query_id = $3::text::uuid, batch_id = NULL WHERE query = $1 AND target = $2";

const REWIND: &str = "UPDATE stream_batches SET batch_id = $3 WHERE query = $1 AND target = $2";

const CLAIM: &str = "UPDATE stream_batches SET batch_id = $4, committed_at = now() \
    WHERE query = $1 AND target = $2 AND run = $3 AND (batch_id IS NULL OR batch_id < $4)";

const LOOK: &str = "SELECT run FROM stream_batches WHERE query = $1 AND target = $2 FOR UPDATE";

impl BatchTable {
    /// Begins a run: from now on only this one can claim batches of the query for `target`.
    ///
    /// # Errors
    /// That another checkpoint has written there under the query's name, or a later copy of this one, if `new_checkpoint` refuses
    /// that; whatever the server says.
    pub async fn open(
        client: &mut Client,
        context: &SinkContext,
        target: &str,
        new_checkpoint: NewCheckpoint,
    ) -> Result<Self> {
        let opened = Self::begin(client, context, target, new_checkpoint, false).await;
        opened.map_err(|failure| Error::sink(format!("stream_batches[{target}]"), failure.message()))
    }

    /// Whether the batch hasn't been written yet: to be asked in the transaction that writes it, before anything else. If
    /// that is committed, the answer is `false` from then on.
    ///
    /// Waits while another transaction is about to write a batch of the same query to the same target.
    ///
    /// # Errors
    /// That the query has been started again elsewhere; whatever the server says.
    pub async fn claim(&self, transaction: &Transaction<'_>, batch_id: u64) -> Result<bool> {
        let claimed = self.take(transaction, batch_id).await;
        claimed.map_err(|failure| Error::sink(format!("stream_batches[{}]", self.target), failure.message()))
    }

    /// Like [`open`](Self::open). `without_gaps` says that each batch is claimed, so that one which wasn't is lost.
    pub(crate) async fn begin(
        client: &mut Client,
        context: &SinkContext,
        target: &str,
        new_checkpoint: NewCheckpoint,
        without_gaps: bool,
    ) -> Result<Self, Failure> {
        // A role may write to the table without being allowed to create one.
        let exists = "SELECT to_regclass('stream_batches') IS NOT NULL";
        if !client.query_one(exists, &[]).await?.try_get::<_, bool>(0)? {
            create_table(client, CREATE).await?;
        }
        let (query, id) = (&context.query_name, context.query_id.to_string());
        let transaction = client.transaction().await?;
        let row = transaction.query_one(OPEN, &[query, &target, &id]).await?;
        let (run, last, of): (i64, Option<i64>, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        if of != id {
            if let (Some(last), NewCheckpoint::Refuse) = (last, new_checkpoint) {
                return Err(Failure::Refused(format!(
                    "query `{query}` has written its batches up to {last} with another checkpoint ({of}), and with this one \
                     ({id}) it begins anew, so each row would be there twice; go on with the other checkpoint, give this \
                     query another name, or empty the table and delete the query's row from `stream_batches`"
                )));
            }
            transaction.execute(ADOPT, &[query, &target, &id]).await?;
        } else if let Some(last) = last {
            let (first, replayed) = (context.first_batch, context.first_is_replay);
            let next = u64::try_from(last).map_or(0, |last| last + 1);
            if next > first + u64::from(replayed) {
                if new_checkpoint == NewCheckpoint::Refuse {
                    return Err(Failure::Refused(format!(
                        "query `{query}` has written its batches up to {last}, and goes on with batch {first}, which it plans \
                         anew: its checkpoint is older than its output, and other rows would pass for those already there; go \
                         on with the checkpoint that wrote them, or remove what was written from batch {first} on and set \
                         `batch_id` in the query's row of `stream_batches` to the last batch that is left, or to null"
                    )));
                }
                let before = first.checked_sub(1).and_then(|before| i64::try_from(before).ok());
                transaction.execute(REWIND, &[query, &target, &before]).await?;
            } else if without_gaps && next < first {
                return Err(Failure::Refused(format!(
                    "query `{query}` has written its batches up to {last} only, and goes on with batch {first}: the database is \
                     older than the checkpoint, and what lies between would be missing; restore a later state of the \
                     database or the checkpoint of that time, or delete the query's row from `stream_batches` to do \
                     without those batches"
                )));
            }
        }
        transaction.commit().await?;
        Ok(Self { query: query.clone(), target: target.to_owned(), run })
    }

    pub(crate) async fn take(&self, transaction: &Transaction<'_>, batch_id: u64) -> Result<bool, Failure> {
        let Self { query, target, run } = self;
        let id = i64::try_from(batch_id)
            .map_err(|_| Failure::Refused(format!("batch {batch_id} has an id that `bigint` can't hold")))?;
        if transaction.execute(CLAIM, &[query, target, run, &id]).await? == 1 {
            return Ok(true);
        }
        match transaction.query_opt(LOOK, &[query, target]).await? {
            Some(row) if row.try_get::<_, i64>(0)? == *run => Ok(false),
            Some(_) => Err(Failure::Refused(format!(
                "query `{query}` has been started again elsewhere since this run began, so this one may not write any \
                 more; let a checkpoint and its copies be used by one process at a time"
            ))),
            None => Err(Failure::Refused(format!(
                "the row of query `{query}` and `{target}` in `stream_batches` is gone; it says which batches have been \
                 written"
            ))),
        }
    }
}
