//! [`Opened`]: a sink between `open` and `close`: its producer, and the first batch that isn't written.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::in_use::InUse;
use super::marker::{Marker, MarkerPlace};
use super::options::Options;
use super::producer::{Client, Connection, Transactions, Trouble, fenced};
use crate::error::Result;
use crate::sink::SinkContext;
use crate::sink::blocking::blocking;

/// How often a transaction that was aborted is begun anew.
pub(super) const ATTEMPTS: u32 = 3;

/// The age at which a marker is written again. Brokers forget an offset `offsets.retention.minutes` after its commit, days by default.
const MARKER_AGE: Duration = Duration::from_secs(60 * 60);

/// A sink in a run. Errors as text are for the user; the others are the runtime's.
pub(super) struct Opened {
    connection: Arc<Connection>,
    /// `None` after it has become of no use.
    client: Option<Arc<Client>>,
    /// Batches before this one are written.
    next: u64,
    /// When the marker was written last.
    marked: Instant,
    /// How long a transaction may last.
    pub(super) transaction_timeout: Duration,
}

impl Opened {
    /// Takes over from earlier runs, and finds out which batch comes next.
    pub(super) async fn open(options: &Options, context: &SinkContext) -> Result<Result<Self, String>> {
        let id = (!options.at_least_once).then(|| options.id(context.query_id));
        let in_use = match id.as_deref().map(InUse::take).transpose() {
            Ok(in_use) => in_use,
            Err(problem) => return Ok(Err(problem)),
        };
        let run = Uuid::new_v4();
        let connection = Arc::new(Connection {
            producer: options.producer(id.as_deref())?,
            reader: options.reader()?,
            patience: options.patience(),
            topics: options.topic.iter().chain(&options.dead_letters).cloned().collect(),
            transactions: id.map(|group| Transactions {
                place: MarkerPlace { group, topic: options.topic.clone() },
                run,
                _in_use: in_use,
            }),
            closed: AtomicBool::new(false),
        });
        let (first, is_replay) = (context.first_batch, context.first_is_replay);
        let opening = Arc::clone(&connection);
        let opened = blocking(move || Ok(take_over(&opening, first, is_replay))).await?;
        let transaction_timeout = options.transaction_timeout.to_std();
        Ok(opened.map(|(client, next)| Self {
            connection,
            client: Some(Arc::new(client)),
            next,
            marked: Instant::now(),
            transaction_timeout,
        }))
    }

    /// Whether the brokers have this batch.
    pub(super) fn has(&self, batch: u64) -> bool {
        batch < self.next
    }

    /// Notes that the brokers have the batches before `next`. Without transactions they don't, for long: one may have to be written again.
    pub(super) fn wrote(&mut self, next: u64) {
        if self.is_transactional() {
            self.next = next;
            self.marked = Instant::now();
        }
    }

    /// Whether a batch without rows has to write the marker, lest the brokers forget it under a running query.
    pub(super) fn is_marker_old(&self) -> bool {
        self.is_transactional() && self.marked.elapsed() > MARKER_AGE
    }

    pub(super) fn is_transactional(&self) -> bool {
        self.connection.transactions.is_some()
    }

    /// The producer; a new one if the last has become of no use. `None` if it turns out that the batch is written.
    pub(super) async fn client(&mut self, batch: u64) -> Result<Result<Option<Arc<Client>>, String>> {
        if let Some(client) = &self.client {
            return Ok(Ok(Some(Arc::clone(client))));
        }
        let connection = Arc::clone(&self.connection);
        Ok(match blocking(move || Ok(connection.reconnect())).await? {
            Ok((client, marker)) => {
                let client = Arc::new(client);
                self.client = Some(Arc::clone(&client));
                let is_written = marker.is_some_and(|marker| marker.next > batch);
                Ok((!is_written).then_some(client))
            }
            Err(problem) => Err(problem),
        })
    }

    pub(super) async fn begin(&self, client: &Arc<Client>) -> Result<Result<(), Trouble>> {
        let (connection, client) = (Arc::clone(&self.connection), Arc::clone(client));
        blocking(move || Ok(connection.begin(&client))).await
    }

    /// Commits a batch, once all of it has arrived; `next` is the first that isn't written then.
    pub(super) async fn finish(&self, client: &Arc<Client>, next: u64) -> Result<Result<(), Trouble>> {
        let (connection, client) = (Arc::clone(&self.connection), Arc::clone(client));
        blocking(move || Ok(connection.finish(&client, next))).await
    }

    /// Aborts a transaction; a producer that can't is given up.
    pub(super) async fn abort(&mut self, client: Arc<Client>) -> Result<()> {
        let (connection, aborting) = (Arc::clone(&self.connection), Arc::clone(&client));
        match blocking(move || Ok(connection.abort(&aborting))).await? {
            Ok(()) => Ok(()),
            Err(problem) => {
                tracing::warn!("Kafka: {problem}; going on with a new producer");
                self.give_up(client).await
            }
        }
    }

    /// Lets go of a producer that is of no use any more. It waits for its threads.
    pub(super) async fn give_up(&mut self, client: Arc<Client>) -> Result<()> {
        let held = (self.client.take(), client);
        blocking(move || {
            drop(held);
            Ok(())
        })
        .await
    }

    pub(super) async fn close(mut self) -> Result<()> {
        let client = self.client.take();
        blocking(move || {
            drop(client);
            Ok(())
        })
        .await
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.connection.close();
    }
}

/// Fences other instances, and tells them and later ones by a marker of this run's own.
fn take_over(connection: &Connection, first: u64, is_replay: bool) -> Result<(Client, u64), String> {
    let client = connection.connect()?;
    let Some(Transactions { place, .. }) = &connection.transactions else { return Ok((client, 0)) };
    let next = first_unwritten(&place.group, connection.marker()?, first, is_replay)?;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let trouble = match connection.begin(&client).and_then(|()| connection.finish(&client, next)) {
            Ok(()) => return Ok((client, next)),
            Err(trouble) => trouble,
        };
        match trouble {
            Trouble::Abort(_) if attempts < ATTEMPTS => connection.abort(&client)?,
            Trouble::Lost(_) if client.is_fenced() => return Err(fenced(&place.group)),
            Trouble::Abort(message) | Trouble::Lost(message) => return Err(message),
            Trouble::Undelivered(undelivered) => return Err(undelivered.message),
        }
    }
}

/// The first batch that the brokers don't have, going by what they and the checkpoint know.
fn first_unwritten(group: &str, marker: Option<Marker>, first: u64, is_replay: bool) -> Result<u64, String> {
    match marker.map(|marker| marker.next) {
        // The crash was between Kafka's commit and the checkpoint's.
        Some(next) if is_replay && next == first + 1 => Ok(next),
        Some(next) if next > first => Err(format!(
            "the topic has the query's results up to batch {}, and the checkpoint goes on with batch {first}: it is older than the topic, and \
             batches would get lost; restore the newest checkpoint, or start with a new one, which writes everything again",
            next - 1
        )),
        None if is_replay => Err(format!(
            "batch {first} was begun by an earlier run, and the brokers don't know whether the topic has it: the group `{group}` has no \
             offset, as it is forgotten `offsets.retention.minutes` after its last commit, and isn't there for a sink that is new to the \
             query; start the query once with `at_least_once()`, which writes the batch, perhaps for a second time"
        )),
        // Batches without rows don't move the marker, and a query that ends between two batches leaves nothing in doubt.
        _ => Ok(first),
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;

    use super::super::batch::Rows;
    use super::*;
    use crate::mode::Mode;
    use crate::sink::MessageWriter;

    fn first(next: Option<u64>, first: u64, is_replay: bool) -> Result<u64, String> {
        first_unwritten("g", next.map(|next| Marker { next, run: Uuid::nil() }), first, is_replay)
    }

    #[test]
    fn a_replayed_batch_that_the_brokers_have_isnt_written_again() {
        assert_eq!(first(Some(8), 7, true), Ok(8));
        assert_eq!(first(Some(7), 7, true), Ok(7));
    }

    #[test]
    fn batches_without_rows_may_be_missing_from_the_marker() {
        assert_eq!(first(Some(3), 7, true), Ok(7));
        assert_eq!(first(Some(3), 7, false), Ok(7));
    }

    #[test]
    fn a_checkpoint_that_is_older_than_the_topic_is_refused() {
        assert!(first(Some(9), 7, true).unwrap_err().contains("up to batch 8"));
        // The topic's batch 7 may have been another one: this checkpoint doesn't have its plan.
        assert!(first(Some(8), 7, false).unwrap_err().contains("older than the topic"));
    }

    #[test]
    fn a_marker_that_is_gone_matters_only_for_a_batch_that_was_begun() {
        assert_eq!(first(None, 0, false), Ok(0));
        assert_eq!(first(None, 7, false), Ok(7));
        assert!(first(None, 7, true).unwrap_err().contains("at_least_once"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_batch_without_rows_writes_a_marker_that_is_old_as_if_the_batch_before_were_the_last() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("output", 1, 1).unwrap();
        let mut options = Options::new(cluster.bootstrap_servers());
        options.topic = Some("output".to_owned());
        let context = SinkContext {
            query_id: Uuid::new_v4(),
            query_name: "test".to_owned(),
            mode: Mode::Append,
            first_batch: 5,
            first_is_replay: false,
        };
        let mut opened = Opened::open(&options, &context).await.unwrap().unwrap();
        for (age, expected) in [(Duration::ZERO, 5), (MARKER_AGE * 2, 7), (Duration::ZERO, 7)] {
            opened.marked -= age;
            let rows = Rows {
                id: if expected == 5 { 6 } else { 7 },
                topic: Some("output"),
                rows: &[] as &[()],
                encode: |(): &(), _: &mut MessageWriter| Ok(()),
                dead_letters: &[],
                dead_letter_topic: None,
            };
            assert_eq!(rows.write(&mut opened, &mut MessageWriter::default()).await.unwrap(), Ok(()));
            // The cluster doesn't keep offsets of transactions; the sink notes those that it has committed.
            assert_eq!(opened.next, expected);
            assert!(!opened.is_marker_old());
        }
    }
}
