//! [`Fetcher`]: the client that fetches, with a [`Reader`] for each partition and a thread that serves the client's events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::{ClientConfig, Offset};
use tokio::sync::Notify;

use super::reader::Reader;
use crate::kafka::{Context, Partition, PartitionOffsets};

/// How long the thread waits for events before it looks whether it is still needed.
const SERVE: Duration = Duration::from_millis(100);

/// A source's client.
pub(super) struct Fetcher {
    pub(super) consumer: Arc<BaseConsumer<Context>>,
    readers: BTreeMap<Partition, Arc<Reader>>,
    arrivals: Arc<Arrivals>,
    /// How long a broker may wait for messages before it answers that there are none.
    fetch_wait: Duration,
}

/// Whether anything has been fetched since somebody asked.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    any: AtomicBool,
    wake: Notify,
}

impl Arrivals {
    fn tell(&self) {
        self.any.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Whether anything has come since the last call.
    pub(super) fn take(&self) -> bool {
        self.any.swap(false, Ordering::AcqRel)
    }

    /// Ends when something has come that [`take`](Self::take) hasn't told of. Loses nothing if it is dropped.
    pub(super) async fn wait(&self) {
        while !self.any.load(Ordering::Acquire) {
            self.wake.notified().await;
        }
    }
}

impl Fetcher {
    /// Makes the client and starts its thread; asks nobody anything.
    pub(super) fn start(config: &ClientConfig, name: &str) -> Result<Self, String> {
        let consumer: BaseConsumer<Context> =
            config.create_with_context(Context::default()).map_err(|error| error.to_string())?;
        let consumer = Arc::new(consumer);
        let served = Arc::clone(&consumer);
        thread::Builder::new()
            .name(name.replace('\0', ""))
            .spawn(move || serve(&served))
            .map_err(|error| format!("starting a thread failed: {error}"))?;
        // The client has checked it.
        let fetch_wait = config.get("fetch.wait.max.ms").and_then(|millis| millis.parse().ok()).unwrap_or(0);
        let fetch_wait = Duration::from_millis(fetch_wait);
        Ok(Self { consumer, readers: BTreeMap::new(), arrivals: Arc::default(), fetch_wait })
    }

    pub(super) fn arrivals(&self) -> &Arc<Arrivals> {
        &self.arrivals
    }

    /// Begins to fetch the partitions that aren't fetched yet, from the offsets given.
    pub(super) fn fetch(&mut self, from: &PartitionOffsets) -> KafkaResult<()> {
        let mut added = TopicPartitionList::new();
        for (partition, offset) in from.iter() {
            if self.readers.contains_key(&partition) {
                continue;
            }
            // Before the assignment, or messages could end up in the client's common queue.
            let Some(mut queue) = self.consumer.split_partition_queue(&partition.topic, partition.number)
            else {
                continue;
            };
            let arrivals = Arc::clone(&self.arrivals);
            queue.set_nonempty_callback(move || arrivals.tell());
            added.add_partition_offset(&partition.topic, partition.number, Offset::Offset(offset))?;
            let reader =
                Reader::new(partition.clone(), Arc::clone(&self.consumer), queue, self.fetch_wait, offset);
            self.readers.insert(partition, Arc::new(reader));
        }
        if added.count() == 0 { Ok(()) } else { self.consumer.incremental_assign(&added) }
    }

    /// Stops to fetch a partition that is gone.
    pub(super) fn forget(&mut self, partition: &Partition) {
        if self.readers.remove(partition).is_some() {
            let mut gone = TopicPartitionList::new();
            gone.add_partition(&partition.topic, partition.number);
            if let Err(error) = self.consumer.incremental_unassign(&gone) {
                tracing::debug!("{partition}: {error}");
            }
        }
    }

    pub(super) fn readers(&self) -> impl Iterator<Item = &Arc<Reader>> {
        self.readers.values()
    }

    pub(super) fn reader(&self, partition: &Partition) -> Option<&Arc<Reader>> {
        self.readers.get(partition)
    }
}

impl Drop for Fetcher {
    fn drop(&mut self) {
        // The thread, too, holds the client, and closes it where waiting for brokers harms nobody.
        self.consumer.context().close();
    }
}

/// Serves the client's events until nobody else needs the client.
fn serve(consumer: &Arc<BaseConsumer<Context>>) {
    while !(consumer.context().is_closed() && Arc::strong_count(consumer) == 1) {
        match consumer.poll(SERVE) {
            Some(Ok(message)) => {
                // Every partition has a queue of its own; a message here would be missing there.
                tracing::error!(
                    "topic `{}`, partition {}: message {} came outside of its queue",
                    message.topic(),
                    message.partition(),
                    message.offset()
                );
                consumer.context().fail();
            }
            Some(Err(error)) => tracing::debug!("{error}"),
            None => {}
        }
    }
}
