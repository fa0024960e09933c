//! [`Looking`]: what a source finds when it looks at its brokers before a batch: ends, new partitions, and what is lost.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::ON_LOSS;
use super::cluster::{At, Cluster};
use super::options::Options;
use super::start;
use super::subscription::Topics;
use crate::kafka::{Context, KafkaOffsets, Partition, PartitionOffsets, Patience};

/// A client that asks, beside the one that fetches: a broker answers one connection's requests in order, and a fetch waits for messages.
pub(super) struct Looking {
    cluster: Cluster,
    options: Options,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    /// The partitions that there are, and when the brokers said so.
    partitions: Option<(BTreeSet<Partition>, Instant)>,
    /// Whether `ending_offsets` have been resolved.
    ending_known: bool,
    /// Losses that have been warned of.
    warned: BTreeSet<Partition>,
}

/// What there is.
#[derive(Debug)]
pub(super) struct Look {
    /// Where the next batch begins in each partition.
    pub(super) starts: PartitionOffsets,
    /// Those of them that the last batch didn't have: they go to the source's log.
    pub(super) found: PartitionOffsets,
    /// Those of them that lie behind the partition's end, because the service said so: nothing can be fetched there yet.
    pub(super) ahead: BTreeSet<Partition>,
    /// Where each partition ends, or the next batch begins if that is further.
    pub(super) ends: PartitionOffsets,
    /// Where a bounded run ends, when that is found out.
    pub(super) ending: Option<PartitionOffsets>,
    /// Partitions that the last batch had and that are gone.
    pub(super) gone: Vec<Partition>,
}

impl Looking {
    pub(super) fn new(options: &Options, topics: Topics) -> Result<Self, String> {
        let config = options.asking().map_err(|error| error.to_string())?;
        let consumer: BaseConsumer<Context> =
            config.create_with_context(Context::default()).map_err(|error| error.to_string())?;
        let patience = Patience {
            servers: options.properties.servers().to_owned(),
            timeout: options.request_timeout.to_std(),
        };
        let cluster = Cluster { consumer: Arc::new(consumer), topics, patience };
        Ok(Self { cluster, options: options.clone(), memory: Mutex::default() })
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// Nobody waits for an answer any more.
    pub(super) fn close(&self) {
        self.cluster.consumer.context().close();
    }

    /// Looks at everything. `start` is where the last batch ended; `has_begun` whether there was any batch in this run or another.
    /// Blocks.
    pub(super) fn look(&self, start: Option<&PartitionOffsets>, has_begun: bool) -> Result<Look, String> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let mut partitions = self.partitions(&mut memory, false)?;
        let mut ends = self.cluster.offsets(partitions.clone(), At::End)?;
        let listed = start.into_iter().flat_map(PartitionOffsets::iter).map(|(partition, _)| partition);
        if listed.chain(partitions.iter().cloned()).any(|partition| ends.get(&partition).is_none()) {
            // Something has gone that was there a moment ago.
            partitions = self.partitions(&mut memory, true)?;
            ends = self.cluster.offsets(partitions.clone(), At::End)?;
        }
        let ending = if memory.ending_known {
            None
        } else {
            let ending = start::ends(&self.cluster, &self.options, &partitions, has_begun)?;
            memory.ending_known = true;
            ending
        };
        let Some(start) = start else {
            let starts = start::starts(&self.cluster, &self.options, &partitions)?;
            let ahead = raise(&mut ends, &starts);
            return Ok(Look { found: starts.clone(), starts, ahead, ends, ending, gone: Vec::new() });
        };
        let mut starts = PartitionOffsets::default();
        let (mut gone, mut anew) = (Vec::new(), Vec::new());
        for (partition, offset) in start.iter() {
            match ends.get(&partition) {
                Some(end) if offset <= end || self.is_told_to_begin(&partition, offset) => {
                    starts.set(partition, offset);
                }
                Some(end) => {
                    self.lose(&mut memory, &partition, || {
                        format!(
                            "{partition}: it ends at offset {end}, and the query has read up to {offset}; its topic was deleted and made \
                             anew, or its brokers have lost messages"
                        )
                    })?;
                    anew.push(partition);
                }
                None => {
                    self.lose(&mut memory, &partition, || {
                        format!("{partition}: it doesn't exist any more, or isn't subscribed")
                    })?;
                    gone.push(partition);
                }
            }
        }
        // One that is known all the same was gone for a while: it has been made anew.
        let new = partitions.into_iter().filter(|partition| start.get(partition).is_none());
        let found = self.cluster.offsets(new.chain(anew), At::Beginning)?;
        starts.extend(found.iter());
        ends.retain(|partition| starts.get(partition).is_some());
        let ahead = raise(&mut ends, &starts);
        Ok(Look { starts, found, ahead, ends, ending, gone })
    }

    /// Whether the service has named this very offset, which the partition may not have reached.
    fn is_told_to_begin(&self, partition: &Partition, offset: i64) -> bool {
        let KafkaOffsets::PerPartition(given) = &self.options.starting else { return false };
        self.options.starting_timestamp.is_none()
            && given.get(&partition.topic).and_then(|given| given.get(&partition.number)) == Some(&offset)
    }

    fn partitions(&self, memory: &mut Memory, now: bool) -> Result<BTreeSet<Partition>, String> {
        let due = |asked: &Instant| now || asked.elapsed() >= self.options.discovery.to_std();
        match &memory.partitions {
            Some((partitions, asked)) if !due(asked) => Ok(partitions.clone()),
            _ => {
                let partitions = self.cluster.partitions()?;
                if memory.partitions.is_none() {
                    self.cluster.topics.check_exist(&partitions)?;
                }
                memory.partitions = Some((partitions.clone(), Instant::now()));
                Ok(partitions)
            }
        }
    }

    /// Messages are lost: an error, or a warning the first time.
    fn lose(
        &self,
        memory: &mut Memory,
        partition: &Partition,
        what: impl FnOnce() -> String,
    ) -> Result<(), String> {
        if self.options.fail_on_data_loss {
            return Err(format!("{}; {ON_LOSS}", what()));
        }
        if memory.warned.insert(partition.clone()) {
            tracing::warn!("{}", what());
        }
        Ok(())
    }
}

/// Moves ends to the starts that lie behind them, and says where.
fn raise(ends: &mut PartitionOffsets, starts: &PartitionOffsets) -> BTreeSet<Partition> {
    let mut ahead = BTreeSet::new();
    for (partition, start) in starts.iter() {
        if ends.get(&partition).is_some_and(|end| end < start) {
            ends.set(partition.clone(), start);
            ahead.insert(partition);
        }
    }
    ahead
}

/// Ends that aren't behind a bound; a partition without one stays where it is.
pub(super) fn bounded(
    starts: &PartitionOffsets,
    ends: &PartitionOffsets,
    bound: &PartitionOffsets,
) -> PartitionOffsets {
    let end = |(partition, end): (Partition, i64)| {
        let start = starts.get(&partition);
        let end = match bound.get(&partition) {
            Some(bound) => Some(end.min(bound).max(start.unwrap_or(i64::MIN))),
            None => start,
        };
        end.map(|end| (partition, end))
    };
    ends.iter().filter_map(end).collect()
}
