//! [`KafkaDeadLetters`]: malformed rows that go to a topic of their own in the transaction of the batch's output.
//!
//! The engine hands dead letters out before the output of the same batch. The handle puts them down; the sink that it belongs to takes them
//! with its own rows, and writes both at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use async_trait::async_trait;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::sink::{AnyMode, MessageWriter, Sink, SinkBatch, SinkContext};
use crate::source::MalformedRow;
use crate::time::Timestamp;

/// The malformed rows of a query's inputs, written by the [`KafkaSink`](super::KafkaSink) whose
/// [`dead_letters`](super::KafkaSink::dead_letters) gave it. Clone it for a query with several inputs.
#[derive(Clone, Debug)]
pub struct KafkaDeadLetters {
    topic: String,
    kept: Weak<Kept>,
    query: Option<Uuid>,
}

/// What the handles put down for the sink.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The query whose inputs the handles are for, and the query that the sink is for.
    handles: Option<Uuid>,
    sink: Option<Uuid>,
    batch: Option<u64>,
    rows: Vec<MalformedRow>,
}

impl Kept {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn handle(self: &Arc<Self>, topic: String) -> KafkaDeadLetters {
        KafkaDeadLetters { topic, kept: Arc::downgrade(self), query: None }
    }

    /// The sink opens, after the handles.
    pub(super) fn open(&self, query: Uuid) -> Result<(), String> {
        let mut state = self.state();
        if state.handles != Some(query) {
            return Err("no input of the query sends it dead letters: give what `dead_letters` returned beside the sink to \
                 `OnMalformed::dead_letter`, or leave `dead_letters` out"
                .to_owned());
        }
        state.sink = Some(query);
        Ok(())
    }

    /// The dead letters of a batch.
    pub(super) fn take(&self, batch: u64) -> Result<Vec<MalformedRow>, String> {
        let mut state = self.state();
        if state.batch != Some(batch) {
            return Err(format!(
                "the dead letters of batch {batch} have to come before its output, and those that came last are of {}",
                state.batch.map_or_else(|| "none".to_owned(), |last| format!("batch {last}"))
            ));
        }
        Ok(std::mem::take(&mut state.rows))
    }
}

impl KafkaDeadLetters {
    fn kept(&self) -> Result<Arc<Kept>> {
        self.kept.upgrade().ok_or_else(|| self.alone())
    }

    fn alone(&self) -> Error {
        let message = "the sink that it belongs to isn't one of the query's: give it to the query with `.to(…)`, or send dead letters to a \
                       `KafkaSink` of their own";
        Error::sink(self.name(), message)
    }

    fn name(&self) -> String {
        format!("KafkaDeadLetters[{}]", self.topic)
    }
}

#[async_trait]
impl Sink<MalformedRow> for KafkaDeadLetters {
    type Modes = AnyMode;

    fn description(&self) -> String {
        self.name()
    }

    async fn open(&mut self, context: SinkContext) -> Result<()> {
        let kept = self.kept()?;
        self.query = Some(context.query_id);
        *kept.state() = State { handles: self.query, ..State::default() };
        Ok(())
    }

    async fn commit(&mut self, batch: SinkBatch<'_, MalformedRow>) -> Result<()> {
        let kept = self.kept()?;
        let mut state = kept.state();
        if state.sink.is_none() || state.sink != self.query {
            return Err(self.alone());
        }
        if state.batch.replace(batch.id) != Some(batch.id) {
            state.rows.clear();
        }
        state.rows.extend_from_slice(batch.rows);
        Ok(())
    }
}

/// Writes a malformed row as it came, with Kafka Connect's headers behind its own.
pub(super) fn write_dead_letter(row: &MalformedRow, message: &mut MessageWriter) {
    if let Some(key) = &row.key {
        message.write_key(|out| out.extend_from_slice(key));
    }
    if !row.tombstone {
        message.write_value(|out| out.extend_from_slice(&row.bytes));
    }
    if let Some(timestamp) = row.timestamp.filter(|timestamp| *timestamp >= Timestamp::from_millis(1)) {
        message.set_timestamp(timestamp);
    }
    for header in &row.headers {
        message.add_header(&header.key, header.value.as_deref());
    }
    message.add_header("__connect.errors.topic", Some(row.source.as_bytes()));
    if let Some(partition) = row.partition {
        message.add_header("__connect.errors.partition", Some(partition.to_string().as_bytes()));
    }
    message.add_header("__connect.errors.offset", Some(row.offset.to_string().as_bytes()));
    message.add_header("__connect.errors.exception.message", Some(row.reason.as_bytes()));
}
