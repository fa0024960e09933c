//! [`Connection`] and [`Client`]: a producer from its first transaction to its last, and what its errors mean.
//!
//! Everything here blocks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::producer::{Producer, ThreadedProducer};
use uuid::Uuid;

use super::delivery::{Callbacks, Undelivered};
use super::in_use::InUse;
use super::marker::{Marker, MarkerPlace, Read};
use crate::kafka::Patience;

/// The longest wait for one answer, so that it is noticed when nobody waits any more.
const ATTEMPT: Duration = Duration::from_secs(5);
/// The wait between two attempts.
const PAUSE: Duration = Duration::from_millis(20);
/// How often to look whether all messages have arrived.
const LOOK: Duration = Duration::from_micros(500);

/// What it takes to make a producer, again if need be.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) producer: ClientConfig,
    pub(super) reader: ClientConfig,
    pub(super) patience: Patience,
    /// The topics that have to be there.
    pub(super) topics: Vec<String>,
    /// `None` for a sink without transactions.
    pub(super) transactions: Option<Transactions>,
    pub(super) closed: AtomicBool,
}

/// What a sink's transactions have in common.
#[derive(Debug)]
pub(super) struct Transactions {
    pub(super) place: MarkerPlace,
    pub(super) run: Uuid,
    /// Nobody else in this process has the id.
    pub(super) _in_use: Option<InUse>,
}

/// A producer, ready for a batch.
pub(super) struct Client {
    pub(super) producer: ThreadedProducer<Callbacks>,
    /// `None` for a sink without transactions.
    group: Option<ConsumerGroupMetadata>,
}

/// Why a transaction isn't committed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It can be aborted, and begun anew.
    Abort(String),
    /// Whether it was committed isn't known, or the producer is of no use any more.
    Lost(String),
    /// A message of it can't be written.
    Undelivered(Undelivered),
}

impl Trouble {
    fn new(what: &str, error: &KafkaError) -> Self {
        let message = format!("{what}: {error}");
        match error {
            KafkaError::Transaction(error) if error.txn_requires_abort() => Self::Abort(message),
            _ => Self::Lost(message),
        }
    }
}

impl Connection {
    /// A producer whose id nobody else can use any more; what an earlier one left open is aborted, or committed if it was about to be.
    pub(super) fn connect(&self) -> Result<Client, String> {
        let producer: ThreadedProducer<Callbacks> =
            self.producer.create_with_context(Callbacks::default()).map_err(|error| error.to_string())?;
        let context = &producer.client().context().context;
        for topic in &self.topics {
            self.patience.wait(context, &format!("asking for topic `{topic}`"), |left| {
                let metadata = producer.client().fetch_metadata(Some(topic), left)?;
                match metadata.topics().iter().find_map(rdkafka::metadata::MetadataTopic::error) {
                    Some(error) => Err(KafkaError::MetadataFetch(error.into())),
                    None => Ok(()),
                }
            })?;
        }
        let Some(transactions) = &self.transactions else { return Ok(Client { producer, group: None }) };
        let id = &transactions.place.group;
        let begun = self.insist(&producer, |left| producer.init_transactions(left));
        begun.map_err(|error| match error.rdkafka_error_code() {
            Some(Code::InvalidTransactionTimeout) => {
                "`transaction_timeout` is more than the brokers allow: raise their \
                 `transaction.max.timeout.ms`, or lower it"
                    .to_owned()
            }
            Some(code) if is_fenced(code) => fenced(id),
            _ => self.explain(&producer, "beginning with transactions", &error),
        })?;
        let group = transactions.place.group(&self.reader)?;
        Ok(Client { producer, group: Some(group) })
    }

    /// Makes a producer in place of one that is of no use any more, unless another instance of the query has taken over.
    pub(super) fn reconnect(&self) -> Result<(Client, Option<Marker>), String> {
        let Some(Transactions { place, run, .. }) = &self.transactions else {
            return Ok((self.connect()?, None));
        };
        let read = |read| match place.read(&self.reader, &self.patience, read)? {
            Some(marker) if marker.run != *run => Err(fenced(&place.group)),
            marker => Ok(marker),
        };
        read(Read::Committed)?;
        let client = self.connect()?;
        // Another instance may have come in between: its batch isn't this run's.
        let marker = read(Read::Stable)?;
        Ok((client, marker))
    }

    /// What the brokers know of the batches that were written.
    pub(super) fn marker(&self) -> Result<Option<Marker>, String> {
        let Some(Transactions { place, .. }) = &self.transactions else { return Ok(None) };
        place.read(&self.reader, &self.patience, Read::Stable)
    }

    /// Begins a batch.
    pub(super) fn begin(&self, client: &Client) -> Result<(), Trouble> {
        client.producer.client().context().begin();
        if self.transactions.is_none() {
            return Ok(());
        }
        client.producer.begin_transaction().map_err(|error| Trouble::new("beginning a transaction", &error))
    }

    /// Waits until all messages of the batch have arrived, and commits them, with the id of the batch that comes next.
    pub(super) fn finish(&self, client: &Client, next: u64) -> Result<(), Trouble> {
        let producer = &client.producer;
        if let (Some(Transactions { place, run, .. }), Some(group)) = (&self.transactions, &client.group) {
            let what = "adding the batch's id to its transaction";
            let offsets = place.offsets(Marker { next, run: *run });
            let offsets = offsets.map_err(|error| Trouble::new(what, &error))?;
            self.insist(producer, |left| producer.send_offsets_to_transaction(&offsets, group, left))
                .map_err(|error| Self::trouble(client, what, &error))?;
        }
        self.wait_for_delivery(client)?;
        if self.transactions.is_some() {
            self.insist(producer, |left| producer.commit_transaction(left))
                .map_err(|error| Self::trouble(client, "committing a transaction", &error))?;
        }
        Ok(())
    }

    /// Takes back what the batch has written.
    pub(super) fn abort(&self, client: &Client) -> Result<(), String> {
        if self.transactions.is_none() {
            return Ok(());
        }
        self.insist(&client.producer, |left| client.producer.abort_transaction(left))
            .map_err(|error| format!("aborting a transaction: {error}"))
    }

    fn wait_for_delivery(&self, client: &Client) -> Result<(), Trouble> {
        loop {
            // Each message arrives or fails within `message.timeout.ms`. What has failed is told of before it stops being in flight.
            let in_flight = client.producer.in_flight_count();
            if let Some(trouble) = client.trouble() {
                return Err(trouble);
            }
            if in_flight == 0 {
                return Ok(());
            }
            if self.is_closed() {
                return Err(Trouble::Lost("the query has ended".to_owned()));
            }
            thread::sleep(LOOK);
        }
    }

    /// What an error of the transaction means: a message that failed is behind it, if one has.
    fn trouble(client: &Client, what: &str, error: &KafkaError) -> Trouble {
        match client.producer.client().context().failed() {
            Some(undelivered) => Trouble::Undelivered(undelivered),
            None => Trouble::new(what, error),
        }
    }

    /// Calls `attempt` until it succeeds, fails for good, or time is up.
    fn insist(
        &self,
        producer: &ThreadedProducer<Callbacks>,
        mut attempt: impl FnMut(Duration) -> KafkaResult<()>,
    ) -> KafkaResult<()> {
        let begun = Instant::now();
        loop {
            let left = self.patience.timeout.saturating_sub(begun.elapsed());
            let error = match attempt(left.clamp(Duration::from_millis(100), ATTEMPT)) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let again = matches!(&error, KafkaError::Transaction(error) if error.is_retriable());
            let over = begun.elapsed() >= self.patience.timeout;
            if !again || over || self.is_closed() || producer.client().fatal_error().is_some() {
                return Err(error);
            }
            thread::sleep(PAUSE);
        }
    }

    /// An error with what the client has complained of last.
    fn explain(&self, producer: &ThreadedProducer<Callbacks>, what: &str, error: &KafkaError) -> String {
        let last = producer.client().context().context.last_error();
        let last = last.map(|last| format!(" ({last})")).unwrap_or_default();
        let servers = &self.patience.servers;
        format!(
            "{what}: `{servers}`: {error}{last}; see that the brokers run and give them more time with `request_timeout`"
        )
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whoever waits for the brokers may stop waiting.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}

impl Client {
    /// What has gone wrong since the batch began, if anything has.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        let client = self.producer.client();
        let undelivered = client.context().failed().map(Trouble::Undelivered);
        undelivered.or_else(|| client.fatal_error().map(|(_, message)| Trouble::Lost(message)))
    }

    /// Whether another producer with the same id has begun.
    pub(super) fn is_fenced(&self) -> bool {
        self.producer.client().fatal_error().is_some_and(|(code, _)| is_fenced(code))
    }
}

fn is_fenced(code: Code) -> bool {
    matches!(code, Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch)
}

pub(super) fn fenced(id: &str) -> String {
    format!(
        "another instance of the query has taken over (transactional id `{id}`): a query and its checkpoint run once at a time; end one of \
         the two"
    )
}
