//! Where a query begins that has no checkpoint yet.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::{At, Cluster};
use super::options::{NoMatch, Options};
use crate::kafka::{KafkaOffsets, Partition, PartitionOffsets};
use crate::time::Timestamp;

/// The first offset of each partition. Blocks.
pub(super) fn starts(
    cluster: &Cluster,
    options: &Options,
    partitions: &BTreeSet<Partition>,
) -> Result<PartitionOffsets, String> {
    if let Some(time) = options.starting_timestamp {
        return at_time(cluster, options.no_match, partitions, millis_ceil(time));
    }
    match &options.starting {
        KafkaOffsets::Earliest => cluster.offsets(partitions.clone(), At::Beginning),
        KafkaOffsets::Latest => cluster.offsets(partitions.clone(), At::End),
        KafkaOffsets::PerPartition(given) => resolve(cluster, "starting_offsets", given, partitions, false),
    }
}

/// Kafka's times have milliseconds: the first of them that isn't before.
fn millis_ceil(time: Timestamp) -> i64 {
    let millis = time.as_millis();
    if Timestamp::from_millis(millis) < time { millis + 1 } else { millis }
}

/// Where a bounded run ends; `None` if it isn't bounded. Partitions that were found after the query `has_begun` needn't have an end.
/// Blocks.
pub(super) fn ends(
    cluster: &Cluster,
    options: &Options,
    partitions: &BTreeSet<Partition>,
    has_begun: bool,
) -> Result<Option<PartitionOffsets>, String> {
    match &options.ending {
        None => Ok(None),
        Some(KafkaOffsets::PerPartition(given)) => {
            resolve(cluster, "ending_offsets", given, partitions, has_begun).map(Some)
        }
        Some(_) => cluster.offsets(partitions.clone(), At::End).map(Some),
    }
}

fn at_time(
    cluster: &Cluster,
    no_match: NoMatch,
    partitions: &BTreeSet<Partition>,
    millis: i64,
) -> Result<PartitionOffsets, String> {
    // Negative times would ask for the beginning or the end.
    let mut found = cluster.offsets(partitions.clone(), At::Time(millis.max(0)))?;
    let without: Vec<Partition> =
        partitions.iter().filter(|partition| found.get(partition).is_none()).cloned().collect();
    if let Some(first) = without.first() {
        match no_match {
            NoMatch::Error => {
                return Err(format!(
                    "{first} has no message of the starting time or later; choose an earlier one, or \
                     `starting_offsets_by_timestamp_strategy(NoMatch::Latest)`"
                ));
            }
            NoMatch::Latest => found.extend(cluster.offsets(without, At::End)?.iter()),
        }
    }
    Ok(found)
}

/// Offsets as the service gives them, with those that stand for an edge replaced.
///
/// # Errors
/// Partitions that aren't listed, unless `may_lack` some, or don't exist.
fn resolve(
    cluster: &Cluster,
    option: &str,
    given: &BTreeMap<String, BTreeMap<i32, i64>>,
    partitions: &BTreeSet<Partition>,
    may_lack: bool,
) -> Result<PartitionOffsets, String> {
    let given: PartitionOffsets = given
        .iter()
        .flat_map(|(topic, offsets)| {
            offsets.iter().map(|(&number, &offset)| (Partition { topic: topic.clone(), number }, offset))
        })
        .collect();
    if let Some((unknown, _)) = given.iter().find(|(partition, _)| !partitions.contains(partition)) {
        return Err(format!("`{option}` names {unknown}, which doesn't exist or isn't read"));
    }
    let missing = || partitions.iter().find(|partition| given.get(partition).is_none());
    if !may_lack && let Some(missing) = missing() {
        return Err(format!(
            "`{option}` has to list every partition that is read, and {missing} is missing; −2 stands for its earliest offset and \
             −1 for its latest"
        ));
    }
    let edge = |offset| {
        let those = given.iter().filter(move |(_, each)| *each == offset);
        those.map(|(partition, _)| partition).collect::<Vec<_>>()
    };
    let mut resolved = given.clone();
    resolved.extend(cluster.offsets(edge(KafkaOffsets::EARLIEST), At::Beginning)?.iter());
    resolved.extend(cluster.offsets(edge(KafkaOffsets::LATEST), At::End)?.iter());
    if let Some((partition, offset)) = resolved.iter().find(|&(_, offset)| offset < 0) {
        return Err(format!("`{option}` gives {offset} for {partition}, which is no offset"));
    }
    Ok(resolved)
}
