//! [`Reader`]: one partition's messages, in order, from one offset up to another one.
//!
//! librdkafka fetches ahead into a queue of the partition's own, within the source's byte budget, also between batches. Offsets within
//! a range may have no message (compaction, aborted transactions, the markers that end transactions), and the last one may be among
//! them: then the range is over once the client's position has passed it, or a fetch that began after the leader knew of all of it says
//! that nothing more is there. What a broker that lags behind says isn't enough.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _, OwnedMessage};
use rdkafka::topic_partition_list::TopicPartitionList;

use super::cluster::is_gone;
use crate::kafka::{Context, Partition};

/// How long to wait before looking at the client's position again.
const STEP: Duration = Duration::from_millis(5);
/// How long an empty queue may be taken for a slow broker before the partition is asked anew, besides what a broker may wait for more;
/// each time twice as long, because asking anew throws away what is on its way.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How long the client may take to begin a fetch anew; it doesn't ask anybody for that.
const RESTART: Duration = Duration::from_secs(10);
/// How long the leader may take to say where the partition ends.
const ANSWER: Duration = Duration::from_secs(5);
/// The most messages and bytes in a chunk.
const CHUNK: usize = 1_024;
const CHUNK_BYTES: usize = 1 << 20;

/// A partition that is being fetched.
pub(super) struct Reader {
    pub(super) partition: Partition,
    consumer: Arc<BaseConsumer<Context>>,
    queue: PartitionQueue<Context>,
    /// How long the partition may be silent before it is asked anew for the first time.
    ask_again: Duration,
    state: Mutex<State>,
}

/// What has been taken from the queue.
#[derive(Debug)]
struct State {
    /// The queue holds the messages from here on.
    next: i64,
    /// A message that was taken from the queue and lies behind the range that was read.
    carried: Option<OwnedMessage>,
}

/// Why a range can't be read to its end.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The messages from this offset on aren't there any more, or the whole partition isn't.
    Lost { from: i64, gone: bool },
    /// Nothing has come for so long.
    Silence { at: i64, last_error: Option<String> },
    /// The client has put messages where they are missed.
    Misplaced { at: i64 },
    /// The client says that it can't go on.
    Client { at: i64, error: KafkaError },
    /// Whoever takes the messages has failed.
    Taker(crate::Error),
}

/// Some messages in order, which end when this does.
pub(super) enum Taken<'a> {
    Fetched(&'a [BorrowedMessage<'a>]),
    Carried(&'a OwnedMessage),
}

impl Reader {
    pub(super) fn new(
        partition: Partition,
        consumer: Arc<BaseConsumer<Context>>,
        queue: PartitionQueue<Context>,
        fetch_wait: Duration,
        next: i64,
    ) -> Self {
        Self {
            partition,
            consumer,
            queue,
            ask_again: ASK_AGAIN + fetch_wait,
            state: Mutex::new(State { next, carried: None }),
        }
    }

    /// Hands over the messages with offsets from `from` up to `end`, a chunk at a time. Blocks for at most `patience` without one.
    pub(super) fn read(
        &self,
        from: i64,
        end: i64,
        patience: Duration,
        mut take: impl FnMut(Taken<'_>) -> crate::Result<()>,
    ) -> Result<(), Trouble> {
        // A reader that failed isn't read again before its next `fetch_from`.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.next != from {
            self.fetch_from(&mut state, from)?;
        }
        let mut next = from;
        if let Some(carried) = state.carried.take().filter(|carried| carried.offset() >= from) {
            if carried.offset() >= end {
                state.carried = Some(carried);
                next = end;
            } else {
                next = carried.offset() + 1;
                take(Taken::Carried(&carried)).map_err(Trouble::Taker)?;
            }
        }
        // Anything that goes wrong from here on leaves the position in doubt.
        state.next = i64::MIN;
        let mut waiting = Instant::now();
        let mut asked_anew: Option<Anew> = None;
        let mut ask_again = self.ask_again;
        while next < end {
            if self.consumer.context().has_failed() {
                return Err(Trouble::Misplaced { at: next });
            }
            let (chunk, event) = self.chunk(&mut next, end, &mut state.carried);
            if !chunk.is_empty() {
                take(Taken::Fetched(&chunk)).map_err(Trouble::Taker)?;
                (waiting, asked_anew, ask_again) = (Instant::now(), None, self.ask_again);
            }
            match event {
                _ if next >= end => {}
                Event::End | Event::Nothing if self.is_past(end) => next = end,
                // Asked again, because the leader may have changed in between to one that doesn't know all yet.
                Event::End if asked_anew.is_some_and(|anew| anew.is_known) && self.is_known(end) => {
                    next = end;
                }
                Event::Messages | Event::End => {}
                Event::Nothing if waiting.elapsed() >= patience => {
                    let last_error = self.consumer.context().last_error();
                    return Err(Trouble::Silence { at: next, last_error });
                }
                Event::Nothing => {
                    if asked_anew.map_or(waiting, |anew| anew.at).elapsed() >= ask_again {
                        let is_known = self.is_known(end);
                        self.fetch_from(&mut state, next)?;
                        asked_anew = Some(Anew { at: Instant::now(), is_known });
                        ask_again = ask_again.saturating_mul(2).min(patience / 3).max(self.ask_again);
                    }
                }
                Event::Error(error) => self.check(error, next)?,
            }
        }
        if state.carried.is_none() {
            state.carried = self.peek();
        }
        state.next = end;
        Ok(())
    }

    /// Takes messages below `end` from the queue, up to a chunk's worth, and says what stands behind them.
    fn chunk(
        &self,
        next: &mut i64,
        end: i64,
        carried: &mut Option<OwnedMessage>,
    ) -> (Vec<BorrowedMessage<'_>>, Event) {
        let mut chunk = Vec::with_capacity(256);
        let mut bytes = 0;
        let mut wait = STEP;
        while *next < end && chunk.len() < CHUNK && bytes < CHUNK_BYTES {
            match self.queue.poll(wait) {
                Some(Ok(message)) if message.offset() >= end => {
                    *carried = Some(message.detach());
                    *next = end;
                }
                Some(Ok(message)) if message.offset() < *next => {}
                Some(Ok(message)) => {
                    *next = message.offset() + 1;
                    bytes += message.payload_len() + message.key_len();
                    chunk.push(message);
                    wait = Duration::ZERO;
                }
                Some(Err(KafkaError::PartitionEOF(_))) => return (chunk, Event::End),
                Some(Err(error)) => return (chunk, Event::Error(error)),
                None => return (chunk, Event::Nothing),
            }
        }
        (chunk, Event::Messages)
    }

    /// Makes sure that the queue tells of the next message that arrives; whether one is there already.
    pub(super) fn has_more(&self) -> bool {
        // Whoever reads does the same at the end.
        let Ok(mut state) = self.state.try_lock() else { return false };
        if state.carried.is_none() {
            state.carried = self.peek();
        }
        state.carried.is_some()
    }

    /// Empties the queue of what isn't a message, so that it tells of the next one that arrives; a message is kept.
    fn peek(&self) -> Option<OwnedMessage> {
        loop {
            match self.queue.poll(Duration::ZERO) {
                Some(Ok(message)) => return Some(message.detach()),
                // Whatever is wrong is still wrong when the next range is asked for.
                Some(Err(_)) => {}
                None => return None,
            }
        }
    }

    /// The oldest offset that the leader still has, and where the partition ends; `None` if it is gone.
    pub(super) fn edges(&self, timeout: Duration) -> KafkaResult<Option<(i64, i64)>> {
        let Partition { topic, number } = &self.partition;
        match self.consumer.fetch_watermarks(topic, *number, timeout) {
            Err(error) if is_gone(&error) => Ok(None),
            edges => edges.map(Some),
        }
    }

    fn fetch_from(&self, state: &mut State, from: i64) -> Result<(), Trouble> {
        state.carried = None;
        let trouble = |error| Trouble::Client { at: from, error };
        let list = self.list(from).map_err(trouble)?;
        self.consumer
            .incremental_unassign(&list)
            .and_then(|()| self.consumer.incremental_assign(&list))
            .map_err(trouble)?;
        // The old position must not be taken for one that the new fetch has reached.
        let begun = Instant::now();
        while self.position() != Some(Offset::Invalid) {
            if begun.elapsed() > RESTART {
                return Err(trouble(KafkaError::Canceled));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        state.next = from;
        Ok(())
    }

    fn list(&self, at: i64) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(&self.partition.topic, self.partition.number, Offset::Offset(at))?;
        Ok(list)
    }

    /// The offset behind the last message or transaction marker that was taken from the queue; [`Offset::Invalid`] if none was.
    fn position(&self) -> Option<Offset> {
        let positions = self.consumer.position().ok()?;
        let Partition { topic, number } = &self.partition;
        Some(positions.find_partition(topic, *number)?.offset())
    }

    /// Whether the partition's leader says that it reaches to `end`.
    fn is_known(&self, end: i64) -> bool {
        matches!(self.edges(ANSWER), Ok(Some((_, known))) if known >= end)
    }

    fn is_past(&self, end: i64) -> bool {
        matches!(self.position(), Some(Offset::Offset(position)) if position >= end)
    }

    fn check(&self, error: KafkaError, at: i64) -> Result<(), Trouble> {
        use RDKafkaErrorCode as Code;
        match error.rdkafka_error_code() {
            Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => {
                Err(Trouble::Lost { from: at, gone: false })
            }
            _ if is_gone(&error) => Err(Trouble::Lost { from: at, gone: true }),
            Some(Code::TopicAuthorizationFailed | Code::GroupAuthorizationFailed) => {
                Err(Trouble::Client { at, error })
            }
            _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => {
                Err(Trouble::Client { at, error })
            }
            _ => {
                // The client goes on trying, and so do we until patience is at its end.
                tracing::warn!("{}: {error}", self.partition);
                Ok(())
            }
        }
    }
}

/// A fetch that was begun anew because nothing had come.
#[derive(Clone, Copy)]
struct Anew {
    at: Instant,
    /// Whether the leader had said before that the partition reaches to the end of the range.
    is_known: bool,
}

/// What stands in the queue behind the messages that were taken.
enum Event {
    /// More messages, perhaps.
    Messages,
    /// The end of the partition, as a fetch saw it that may be old.
    End,
    Nothing,
    Error(KafkaError),
}

#[cfg(test)]
mod tests {
    use rdkafka::ClientConfig;
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

    use super::*;
    use crate::source::kafka::fetcher::Fetcher;
    use crate::source::kafka::options::Options;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn read(reader: &Reader, from: i64, end: i64) -> Vec<i64> {
        let mut offsets = Vec::new();
        let taken = reader.read(from, end, PATIENCE, |taken| {
            match taken {
                Taken::Fetched(messages) => {
                    offsets.extend(messages.iter().map(rdkafka::Message::offset));
                }
                Taken::Carried(message) => offsets.push(message.offset()),
            }
            Ok(())
        });
        taken.expect("the range is there");
        offsets
    }

    fn reader(
        cluster: &MockCluster<'_, rdkafka::producer::DefaultProducerContext>,
    ) -> (Fetcher, Arc<Reader>) {
        let options = Options::new(cluster.bootstrap_servers());
        let mut fetcher = Fetcher::start(&options.config("g", 1).unwrap(), "test").unwrap();
        let partition = Partition { topic: "t".into(), number: 0 };
        fetcher.fetch(&[(partition.clone(), 0)].into_iter().collect()).unwrap();
        let reader = Arc::clone(fetcher.reader(&partition).unwrap());
        (fetcher, reader)
    }

    #[test]
    fn an_end_that_the_leader_does_not_know_does_not_end_a_range() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 1, 1).unwrap();
        let (_fetcher, reader) = reader(&cluster);
        let read = reader.read(0, 1, Duration::from_secs(3), |_| Ok(()));
        assert!(matches!(read, Err(Trouble::Silence { at: 0, .. })), "{read:?}");
    }

    #[test]
    fn an_old_end_of_the_partition_does_not_end_a_range() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 1, 1).unwrap();
        let servers = cluster.bootstrap_servers();
        let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &servers).create().unwrap();
        let produce = |count| {
            for _ in 0..count {
                producer
                    .send(BaseRecord::<(), str>::to("t").partition(0).payload("x"))
                    .map_err(|(e, _)| e)
                    .unwrap();
            }
            producer.flush(PATIENCE).unwrap();
        };
        produce(10);
        let (fetcher, reader) = reader(&cluster);
        assert_eq!(read(&reader, 0, 4), [0, 1, 2, 3]);
        assert_eq!(read(&reader, 4, 10), [4, 5, 6, 7, 8, 9]);
        // The queue is empty, and what comes into it next is the end at offset 10.
        fetcher.arrivals().take();
        let begun = Instant::now();
        while !fetcher.arrivals().take() {
            assert!(begun.elapsed() < PATIENCE, "the end of the partition isn't told");
            std::thread::sleep(Duration::from_millis(5));
        }
        produce(10);
        assert_eq!(read(&reader, 10, 20), (10..20).collect::<Vec<_>>());
        // Back, as after a restart in the middle.
        assert_eq!(read(&reader, 3, 5), [3, 4]);
    }
}
