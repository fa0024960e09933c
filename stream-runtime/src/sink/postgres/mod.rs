//! [`PostgresSink`]: results in a table of PostgreSQL, each batch exactly once.
//!
//! Invariant: a batch's rows and its id are committed in one transaction, which begins by asking for the id. So it doesn't matter
//! how an earlier attempt ended, or whether anybody knows.

mod copy;
mod latest;

use std::fmt;
use std::marker::PhantomData;

use async_trait::async_trait;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Transaction};

use crate::error::{Error, Result};
use crate::postgres::failure::{Failure, given_up};
use crate::postgres::table::{self, Table};
use crate::postgres::{BatchTable, NewCheckpoint, PostgresConfig};
use crate::schema::Schema;
use crate::sink::{AppendOnly, AppendOrUpdate, CompleteOnly, Retry, Sink, SinkBatch, SinkContext};
use copy::Encoder;
use latest::Latest;

/// The rows of a batch on their way into a table with a key; there for one session, empty between transactions.
const STAGE: &str = "pg_temp.stream_rows";

/// The stage's column of numbers, where it is needed, …
const ORDINAL: &str = "\"stream ordinal\"";

/// … and how an empty stage gets it: rows that are copied there from then on are numbered.
const NUMBER: &str = "TRUNCATE pg_temp.stream_rows; ALTER TABLE pg_temp.stream_rows \
    ADD COLUMN IF NOT EXISTS \"stream ordinal\" bigint GENERATED ALWAYS AS IDENTITY";

/// Writes each batch to a table, in one transaction with the batch's id: each row exactly once.
///
/// | | output mode | a batch |
/// |---|---|---|
/// | [`append`](PostgresSink::append) | append | adds its rows, with `COPY` |
/// | [`upsert`](PostgresSink::upsert) | update, append | replaces the rows that have the keys of its rows, and adds the others: `COPY` into a temporary table, then one `INSERT … ON CONFLICT DO UPDATE` |
/// | [`replace`](PostgresSink::replace) | complete | replaces all rows of the table |
///
/// The columns are those of the rows, by name; [`postgres`](crate::postgres#types) says of which types. The table is looked at
/// before the first row, and the query doesn't start if it doesn't fit, with a report of every column that differs.
///
/// # Exactly once
///
/// The table `stream_batches`, created beside the query's, keeps the id of the batch that was committed last, one row for each query and
/// table ([`BatchTable`]). A batch that is handed in again after a crash changes nothing. A connection that breaks
/// while a transaction is being committed leaves open whether it was: the next attempt reads it there. Another process that runs the same
/// query, with a copy of its checkpoint, ends with an error as soon as this one has started.
///
/// A query whose database was restored to an older state than its checkpoint's doesn't start, unless it [replaces](PostgresSink::replace)
/// everything: the batches between would be missing. For a checkpoint older than the table see
/// [`new_checkpoint`](Self::new_checkpoint).
///
/// What passes is tried again, on a new connection: a connection that breaks, a server that restarts, a deadlock, a timeout. Ten
/// times within about three quarters of a minute, unless [`retry`](Self::retry) says otherwise.
///
/// ```no_run
/// use stream_runtime::prelude::*;
/// use stream_runtime::sink::PostgresSink;
///
/// #[derive(Schema)]
/// struct Click {
///     page: String,
///     timestamp: Timestamp,
/// }
///
/// #[derive(Schema)]
/// struct PageStat {
///     window: Window,
///     page: String,
///     views: u64,
/// }
///
/// stream_query! {
///     query PageStats(clicks: Click) -> PageStat {
///         from click in clicks watermark(click.timestamp, minutes(2));
///         group by window(click.timestamp, minutes(5)) as w, click.page;
///         select PageStat { window: w, page: click.page, views: count() };
///         output update;
///     }
/// }
///
/// # async fn run() -> stream_runtime::Result<()> {
/// // create table page_stats (
/// //     window_start timestamptz, window_end timestamptz not null, page text, views bigint not null,
/// //     primary key (window_start, page))
/// let sink = PostgresSink::upsert("host=db user=shop dbname=shop", "page_stats", ["window_start", "page"]);
/// let query = PageStats::query()
///     .clicks(FileSource::json("data/clicks"))
///     .to(sink)
///     .checkpoint("checkpoints/page-stats")
///     .start()
///     .await?;
/// # query.await_termination().await
/// # }
/// ```
pub struct PostgresSink<M> {
    config: PostgresConfig,
    table: String,
    key: Vec<String>,
    writing: Writing,
    create: bool,
    retry: Retry,
    new_checkpoint: NewCheckpoint,
    opened: Option<Opened>,
    encoder: Encoder,
    latest: Latest,
    modes: PhantomData<fn() -> M>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    Append,
    Upsert,
    Replace,
}

struct Opened {
    client: Option<Client>,
    table: Table,
    batches: BatchTable,
}

impl PostgresSink<AppendOnly> {
    /// Adds each batch's rows to a table, `totals` or `sales.totals`.
    pub fn append(config: impl Into<PostgresConfig>, table: impl Into<String>) -> Self {
        Self::new(config.into(), table.into(), Vec::new(), Writing::Append)
    }
}

impl PostgresSink<AppendOrUpdate> {
    /// Replaces, in a table, the row that has the same `key` as a row of the batch, or adds the row. The key is one or
    /// more columns of the table that a primary key or a unique index is over.
    ///
    /// Of several rows of a batch with one key, the last counts. What one key is the table says: `A` and `a` are in a column of
    /// `citext`.
    pub fn upsert<K: Into<String>>(
        config: impl Into<PostgresConfig>,
        table: impl Into<String>,
        key: impl IntoIterator<Item = K>,
    ) -> Self {
        let key = key.into_iter().map(Into::into).collect();
        Self::new(config.into(), table.into(), key, Writing::Upsert)
    }
}

impl PostgresSink<CompleteOnly> {
    /// Replaces all rows of a table by those of the batch, for those who read it at once. It belongs to the query:
    /// whatever else is in it is deleted.
    pub fn replace(config: impl Into<PostgresConfig>, table: impl Into<String>) -> Self {
        Self::new(config.into(), table.into(), Vec::new(), Writing::Replace)
    }
}

impl<M> PostgresSink<M> {
    fn new(config: PostgresConfig, table: String, key: Vec<String>, writing: Writing) -> Self {
        Self {
            config,
            table,
            key,
            writing,
            create: false,
            retry: Retry::times(10),
            new_checkpoint: match writing {
                Writing::Append => NewCheckpoint::Refuse,
                Writing::Upsert | Writing::Replace => NewCheckpoint::StartAgain,
            },
            opened: None,
            encoder: Encoder::new(),
            latest: Latest::new(),
            modes: PhantomData,
        }
    }

    /// Creates the table if it isn't there, with the columns of the rows and, if there is one, the key as its primary key.
    #[must_use]
    pub fn create_table(mut self) -> Self {
        self.create = true;
        self
    }

    /// How often, and after what time, a batch is tried again whose failure is one that passes.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// What becomes of a query that begins with a new checkpoint, or goes on with one that is older than the table. Refused by
    /// [`append`](PostgresSink::append), and right for the others, unless told otherwise.
    #[must_use]
    pub fn new_checkpoint(mut self, new_checkpoint: NewCheckpoint) -> Self {
        self.new_checkpoint = new_checkpoint;
        self
    }

    fn name(&self) -> String {
        format!("PostgresSink[{}]", self.table)
    }

    fn error(&self, failure: &Failure) -> Error {
        Error::sink(self.name(), failure.message())
    }

    /// Waits before the next attempt, or says that there is none.
    async fn pause(&self, failures: &mut u32, failure: Failure) -> Result<()> {
        *failures += 1;
        match (&failure, self.retry.wait_after(*failures)) {
            (Failure::Refused(_), _) => Err(self.error(&failure)),
            (Failure::Passing(message), None) => Err(Error::sink(self.name(), given_up(*failures, message))),
            (Failure::Passing(message), Some(wait)) => {
                tracing::warn!(sink = %self.name(), "trying again in {wait:?}: {message}");
                tokio::time::sleep(wait).await;
                Ok(())
            }
        }
    }

    async fn try_open<R: Schema>(&self, context: &SinkContext) -> Result<Opened, Failure> {
        if self.writing == Writing::Upsert && self.key.is_empty() {
            return Err(Failure::Refused("an upsert needs a key: name at least one column".to_owned()));
        }
        let mut client = self.config.connect().await?;
        let table = table::open::<R>(&client, &self.table, &self.key, self.create).await?;
        // What a replacement writes doesn't depend on the batches before it.
        let without_gaps = self.writing != Writing::Replace;
        let batches =
            BatchTable::begin(&mut client, context, &table.name, self.new_checkpoint, without_gaps).await?;
        self.prepare(&client, &table).await?;
        Ok(Opened { client: Some(client), table, batches })
    }

    /// What every session needs.
    async fn prepare(&self, client: &Client, table: &Table) -> Result<(), Failure> {
        if self.writing == Writing::Upsert {
            let sql = format!(
                "CREATE TEMPORARY TABLE stream_rows ON COMMIT DELETE ROWS AS SELECT {} FROM {} WITH NO DATA",
                table.columns.join(", "),
                table.name
            );
            client.batch_execute(&sql).await?;
        }
        Ok(())
    }

    async fn write<R: Schema>(&mut self, batch: SinkBatch<'_, R>) -> Result<(), Failure> {
        let Some(mut opened) = self.opened.take() else {
            return Err(Failure::Refused("a batch came before `open`".to_owned()));
        };
        let written = self.write_to(&mut opened, batch).await;
        if written.is_err() {
            // Whatever state the session is in, a new one is in none.
            opened.client = None;
        }
        self.opened = Some(opened);
        written
    }

    async fn write_to<R: Schema>(
        &mut self,
        opened: &mut Opened,
        batch: SinkBatch<'_, R>,
    ) -> Result<(), Failure> {
        let Opened { client, table, batches } = opened;
        let client = match client {
            Some(client) => client,
            None => {
                let fresh = self.config.connect().await?;
                self.prepare(&fresh, table).await?;
                client.insert(fresh)
            }
        };
        let mut transaction = client.transaction().await?;
        if batches.take(&transaction, batch.id).await? {
            self.write_rows(&mut transaction, table, batch.rows).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn write_rows<R: Schema>(
        &mut self,
        transaction: &mut Transaction<'_>,
        table: &Table,
        rows: &[R],
    ) -> Result<(), Failure> {
        let Self { encoder, latest, .. } = self;
        if self.writing == Writing::Replace {
            // `TRUNCATE` would keep readers waiting, and let them see an empty table.
            transaction.execute(&format!("DELETE FROM {}", table.name), &[]).await?;
        }
        if rows.is_empty() {
            return Ok(());
        }
        if self.writing == Writing::Upsert {
            copy::find_latest(encoder, table, rows, latest)?;
            copy::send(encoder, transaction, table, STAGE, rows, Some(latest)).await?;
            let merging = transaction.transaction().await?;
            match merging.execute(&merge(table, ""), &[]).await {
                Ok(_) => merging.commit().await?,
                // Keys that differ here and are equal to the index, as `A` and `a` are in `citext`.
                Err(error) if error.code() == Some(&SqlState::CARDINALITY_VIOLATION) => {
                    merging.rollback().await?;
                    transaction.batch_execute(NUMBER).await?;
                    copy::send(encoder, transaction, table, STAGE, rows, Some(latest)).await?;
                    transaction.execute(&merge(table, ORDINAL), &[]).await?;
                }
                Err(error) => return Err(error.into()),
            }
            latest.clear();
        } else {
            copy::send(encoder, transaction, table, &table.name, rows, None).await?;
        }
        Ok(())
    }
}

/// From the stage to the table. With the name of the stage's column of numbers, of the rows that the server takes to have one key
/// only the last.
fn merge(table: &Table, ordinal: &str) -> String {
    let Table { name, columns, key, .. } = table;
    let is_key = |column: &usize| key.contains(column);
    let names = columns.join(", ");
    let keys: Vec<_> = key.iter().filter_map(|column| columns.get(*column)).map(String::as_str).collect();
    let changes: Vec<_> = columns
        .iter()
        .enumerate()
        .filter(|(column, _)| !is_key(column))
        .map(|(_, name)| format!("{name} = EXCLUDED.{name}"))
        .collect();
    let change =
        if changes.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", changes.join(", ")) };
    let keys = keys.join(", ");
    let (distinct, order) = if ordinal.is_empty() {
        (String::new(), String::new())
    } else {
        (format!("DISTINCT ON ({keys}) "), format!(" ORDER BY {keys}, {ordinal} DESC"))
    };
    format!(
        "INSERT INTO {name} ({names}) SELECT {distinct}{names} FROM {STAGE}{order} ON CONFLICT ({keys}) DO {change}"
    )
}

#[async_trait]
impl<R: Schema, M: Send + 'static> Sink<R> for PostgresSink<M> {
    type Modes = M;

    fn description(&self) -> String {
        self.name()
    }

    fn requires_checkpoint(&self) -> bool {
        true
    }

    async fn open(&mut self, context: SinkContext) -> Result<()> {
        self.opened = None;
        let mut failures = 0;
        loop {
            match self.try_open::<R>(&context).await {
                Ok(opened) => {
                    self.opened = Some(opened);
                    return Ok(());
                }
                Err(failure) => self.pause(&mut failures, failure).await?,
            }
        }
    }

    async fn commit(&mut self, batch: SinkBatch<'_, R>) -> Result<()> {
        let mut failures = 0;
        while let Err(failure) = self.write(batch).await {
            self.pause(&mut failures, failure).await?;
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        self.opened = None;
        Ok(())
    }
}

impl<M> fmt::Debug for PostgresSink<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSink")
            .field("config", &self.config)
            .field("table", &self.table)
            .field("key", &self.key)
            .field("writing", &self.writing)
            .finish_non_exhaustive()
    }
}
