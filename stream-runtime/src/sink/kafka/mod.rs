//! [`KafkaSink`]: results as messages of topics, each batch in one transaction.
//!
//! The id of a batch is committed with its rows, as the offset of a consumer group of the sink's own, and read back at every start. So of
//! the two commits, Kafka's and the checkpoint's, the second can be missing without a row getting lost or written twice.

mod batch;
mod dead_letters;
mod delivery;
mod format;
mod in_use;
mod marker;
mod opened;
mod options;
mod producer;
mod send;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

pub use dead_letters::KafkaDeadLetters;
pub use format::RowFormat;

use dead_letters::{Kept, write_dead_letter};
use opened::Opened;
use options::Options;

use crate::error::{Error, Result};
use crate::schema::Schema;
use crate::sink::{AnyMode, MessageWriter, Sink, SinkBatch, SinkContext};
use crate::source::MalformedRow;

/// Writes rows as messages, each batch exactly once.
///
/// A batch is one transaction, so a reader with `isolation.level=read_committed` sees all of its messages or none, and never one twice,
/// whatever crashes. Readers that don't say so (it isn't the default of Kafka's clients) also see what was aborted.
///
/// A row is one JSON object, the message's value. `#[schema(kafka = "…")]` makes a column another part of the message, as it does for
/// [`KafkaSource`](crate::source::KafkaSource): `key`, `topic`, `partition`, `timestamp`, `headers`, or `value` for the value as a whole.
/// A null is a part that is left out: a null `value` is a tombstone, a null `topic` the sink's own, a null `partition` that of the
/// key, a null `timestamp` the time of writing. A row whose columns are all parts and none of them the value has a null value.
/// [`format`](Self::format) is for messages that are neither.
///
/// Takes every output mode: in update mode each message replaces the one before with its key, as compacted topics and tables over topics
/// have it; in complete mode each batch writes the whole result again.
///
/// ```no_run
/// use stream_runtime::prelude::*;
///
/// #[derive(Schema)]
/// struct Order {
///     customer: String,
///     amount: f64,
/// }
///
/// #[derive(Schema)]
/// struct Spent {
///     #[schema(kafka = "key")]
///     customer: String,
///     amount: f64,
/// }
///
/// stream_query! {
///     query Spending(orders: Order) -> Spent {
///         from order in orders;
///         group by order.customer unbounded;
///         select Spent { customer: order.customer, amount: sum(order.amount) };
///         output update;
///     }
/// }
///
/// # async fn run() -> stream_runtime::Result<()> {
/// let query = Spending::query()
///     .orders(KafkaSource::new("localhost:9092").subscribe(["orders"]))
///     .to(KafkaSink::new("localhost:9092").topic("spending").option("compression.type", "lz4"))
///     .checkpoint("checkpoints/spending")
///     .start()
///     .await?;
/// query.await_termination().await
/// # }
/// ```
///
/// # What the brokers know
///
/// The transactional id is `stream-runtime-`, the topic, and the id of the query, which its checkpoint keeps
/// ([`transactional_id`](Self::transactional_id) changes what stands before that). A start ends what an earlier run left open, and fences an
/// instance that still runs: its next batch fails. A consumer group of the same name has the id of the batch that comes next, as the offset
/// of the topic's partition 0 (of `__consumer_offsets` if rows name their topic). With access control the sink needs `Write` on the
/// transactional id and the topics, and `Read` on that group and the topic that the offset is of.
///
/// Batches without rows write no messages; if the offset is over an hour old, they commit it anew. A new checkpoint is a new query, which begins with its first batch whatever the topic holds. A
/// checkpoint that is older than the topic's last batch, such as a copy that was restored, is refused: batches would be missing.
///
/// Brokers forget a group's offset some time after its last commit (`offsets.retention.minutes`, a week by default; leave it at more than
/// an hour). A query whose output is rare keeps it, as long as it has batches. If a query crashes in a batch and is started later than that,
/// or crashes in the first batch after so long without any, nobody knows whether the batch was written: it then doesn't start, and says
/// what to do.
///
/// # What can go wrong
///
/// Brokers that are away or change leaders are waited for ([`request_timeout`](Self::request_timeout)). A transaction that was aborted, or
/// whose end isn't known, is looked after by a new producer: either the brokers have the batch, or it is written again, three times at
/// most. A row that can't be written, being too large for instance, fails the batch with its number, key and size, and nothing of
/// the batch is committed. The producer's queue is bounded; a batch of any size goes through it.
pub struct KafkaSink<R> {
    options: Options,
    format: Option<Box<dyn RowFormat<R>>>,
    dead_letters: Option<Arc<Kept>>,
    opened: Option<Opened>,
    /// Room for a message, kept from row to row.
    message: MessageWriter,
}

impl<R> KafkaSink<R> {
    /// A sink of topics on these brokers: `host:port`, several separated by commas.
    pub fn new(bootstrap_servers: impl Into<String>) -> Self {
        Self {
            options: Options::new(bootstrap_servers.into()),
            format: None,
            dead_letters: None,
            opened: None,
            message: MessageWriter::default(),
        }
    }

    fn name(&self) -> String {
        let topic = self.options.topic.as_deref().unwrap_or("topics of rows");
        let how = if self.options.at_least_once { ", at least once" } else { "" };
        format!("KafkaSink[{topic}{how}]")
    }

    fn failed(&self, message: impl fmt::Display) -> Error {
        Error::sink(self.name(), message)
    }
}

/// Writes a row as its type or the service says.
fn encode<R: Schema>(
    format: Option<&dyn RowFormat<R>>,
    row: &R,
    message: &mut MessageWriter,
) -> Result<(), String> {
    match (format, (row as &dyn Any).downcast_ref::<MalformedRow>()) {
        (Some(format), _) => return format.encode(row, message).map_err(|error| error.to_string()),
        (None, Some(malformed)) => write_dead_letter(malformed, message),
        (None, None) => row.encode_message(message),
    }
    Ok(())
}

#[async_trait]
impl<R: Schema> Sink<R> for KafkaSink<R> {
    type Modes = AnyMode;

    fn description(&self) -> String {
        self.name()
    }

    fn requires_checkpoint(&self) -> bool {
        !self.options.at_least_once
    }

    async fn open(&mut self, context: SinkContext) -> Result<()> {
        self.opened = None;
        self.options.check(R::FIELDS, self.format.is_some())?;
        if let Some(dead_letters) = &self.dead_letters {
            dead_letters.open(context.query_id).map_err(|error| self.failed(error))?;
        }
        let opened = Opened::open(&self.options, &context).await?;
        self.opened = Some(opened.map_err(|error| self.failed(error))?);
        Ok(())
    }

    async fn commit(&mut self, batch: SinkBatch<'_, R>) -> Result<()> {
        let dead_letters = match &self.dead_letters {
            Some(kept) => kept.take(batch.id).map_err(|error| self.failed(error))?,
            None => Vec::new(),
        };
        let name = self.name();
        let Some(opened) = &mut self.opened else {
            return Err(Error::sink(name, "a batch came before `open`"));
        };
        let format = self.format.as_deref();
        let rows = batch::Rows {
            id: batch.id,
            topic: self.options.topic.as_deref(),
            rows: batch.rows,
            encode: |row: &R, message: &mut MessageWriter| encode(format, row, message),
            dead_letters: &dead_letters,
            dead_letter_topic: self.options.dead_letters.as_deref(),
        };
        rows.write(opened, &mut self.message).await?.map_err(|error| Error::sink(name, error))
    }

    async fn close(&mut self) -> Result<()> {
        match self.opened.take() {
            Some(opened) => opened.close().await,
            None => Ok(()),
        }
    }
}

impl<R> fmt::Debug for KafkaSink<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaSink").field("options", &self.options).finish_non_exhaustive()
    }
}
