//! [`Writer`]: what a store knows of its current generation, and the writes to it.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::error::{Error, Result};
use crate::plan::OperatorChanges;
use crate::source::LogEntry;
use crate::state::codec;

use super::directory::Directory;
use super::fold::Fold;
use super::generation::{Generation, damaged};
use super::live::{CommitRecord, Extent, OperatorDelta, Snapshot, read_commits};
use super::packed::Packer;
use super::sequence::{Sequence, Shown};
use super::{BatchPlan, Commit, Metadata, key, record};

/// How many places for records are reserved at a time.
const RESERVED_PLACES: u64 = 256;
/// Smaller changes aren't worth it.
const RESERVING_BYTES: u64 = 8 * 1024;

/// The current generation and what has been done to it. One thread writes at a time.
pub(super) struct Writer {
    pub(super) generation: Arc<Generation>,
    pub(super) snapshot: Snapshot,
    pub(super) metadata: Option<Metadata>,
    pub(super) sequence: Sequence,
    /// What each source's log holds, in bytes.
    pub(super) log_bytes: Vec<u64>,
    /// Bytes written since the snapshot.
    pub(super) changed_bytes: u64,
    /// Places are reserved for the batches before this one.
    pub(super) reserved: u64,
    pub(super) fold: Option<Fold>,
    pub(super) removals: Vec<JoinHandle<()>>,
    /// Why nothing can be written any more.
    pub(super) failed: Option<String>,
}

impl Writer {
    /// Reads what a generation holds, and makes sure that it belongs together.
    pub(super) fn read(root: &Path, generation: Generation) -> Result<Self> {
        let snapshot = match generation.records_of(key::SNAPSHOT).next() {
            Some(record) => {
                let (at, record) = record?;
                codec::decode::<Snapshot>(&record).map_err(|why| generation.damaged(&at, why))?
            }
            None => return Err(damaged(root, "the description of its snapshot is missing")),
        };
        let metadata = match generation.records_of(key::METADATA).next() {
            Some(record) => {
                let (at, record) = record?;
                Some(serde_json::from_slice(&record).map_err(|why| generation.damaged(&at, why))?)
            }
            None => None,
        };
        let mut writer = Self {
            generation: Arc::new(generation),
            snapshot,
            metadata,
            sequence: Sequence::default(),
            log_bytes: Vec::new(),
            changed_bytes: 0,
            reserved: 0,
            fold: None,
            removals: Vec::new(),
            failed: None,
        };
        let committed = writer.count_changes()?;
        let plans = writer.plans()?;
        let planned = plans.last().map(|plan| plan.batch);
        let last = committed.map(|commit| commit.batch);
        if last > planned {
            return Err(damaged(
                root,
                format!("{} is committed, but the last plan is {}", Shown(last), Shown(planned)),
            ));
        }
        let after = key::delta(last.map_or(0, |last| last + 1), 0, 0, 0);
        if let Some(changes) = writer.generation.scan(after, vec![key::DELTA + 1]).next() {
            return Err(writer.generation.damaged(&changes?.0, "is there, and its batch's commit isn't"));
        }
        let lacking =
            plans.first().is_some_and(|first| last.map_or(first.batch > 0, |last| first.batch > last));
        if lacking {
            return Err(damaged(root, format!("the plan of {} is missing", Shown(last.or(Some(0))))));
        }
        if writer.metadata.is_none() && planned.is_some() {
            return Err(damaged(root, "its metadata is missing"));
        }
        writer.sequence = Sequence { planned, committed };
        let sizes = |log: &Vec<Vec<u8>>| log.iter().map(|entry| entry.len() as u64).sum();
        writer.log_bytes = writer.source_logs()?.iter().map(sizes).collect();
        Ok(writer)
    }

    /// Sums up what has been committed since the snapshot; gives the last commit.
    pub(super) fn count_changes(&mut self) -> Result<Option<Commit>> {
        let commits = read_commits(&self.generation, &self.snapshot, None)?;
        self.changed_bytes = commits.iter().map(CommitRecord::bytes).sum();
        Ok(commits.last().map(|record| record.commit).or(self.snapshot.through))
    }

    /// The plans, oldest first; they have to be without gaps.
    pub(super) fn plans(&self) -> Result<Vec<BatchPlan>> {
        let mut plans: Vec<BatchPlan> = Vec::new();
        for record in self.generation.records_of(key::PLAN) {
            let (at, record) = record?;
            let plan: BatchPlan =
                serde_json::from_slice(&record).map_err(|why| self.generation.damaged(&at, why))?;
            if let Some(before) = plans.last()
                && plan.batch != before.batch + 1
            {
                return Err(self
                    .generation
                    .damaged(&at, format!("is there, and the plan of batch {} isn't", before.batch + 1)));
            }
            plans.push(plan);
        }
        Ok(plans)
    }

    pub(super) fn source_logs(&self) -> Result<Vec<Vec<Vec<u8>>>> {
        let mut logs: Vec<Vec<Vec<u8>>> = Vec::new();
        for record in self.generation.records_of(key::LOG) {
            let (at, record) = record?;
            let source = key::split_log(&at);
            let source = usize::from(
                source.ok_or_else(|| self.generation.damaged(&at, "has a key that can't be read"))?,
            );
            if logs.len() <= source {
                logs.resize_with(source + 1, Vec::new);
            }
            logs[source].push(record);
        }
        Ok(logs)
    }

    /// Reserves places for a batch's records, and for batches after it that turn out alike.
    pub(super) fn reserve(&mut self, record: &CommitRecord) -> Result<()> {
        let (first, operators) = (record.commit.batch, &record.operators);
        if first < self.reserved || record.bytes() < RESERVING_BYTES {
            return Ok(());
        }
        let records: u64 = operators.iter().map(|operator| operator.extent.records).sum();
        self.reserved = first + (RESERVED_PLACES / records.max(1)).clamp(1, 64);
        for batch in first..self.reserved {
            for (number, operator) in (0..).zip(operators) {
                let places = 0..operator.extent.records as u32;
                self.generation.reserve(places.map(|sequence| key::delta(batch, number, sequence, 0)))?;
            }
        }
        Ok(())
    }

    /// Bytes that the next generation will hold.
    pub(super) fn live_bytes(&self) -> u64 {
        self.snapshot.bytes() + self.log_bytes.iter().sum::<u64>()
    }

    /// Counts a log entry that has been written.
    pub(super) fn count_log(&mut self, source: usize, entry: &LogEntry) {
        if self.log_bytes.len() <= source {
            self.log_bytes.resize(source + 1, 0);
        }
        let (log, added) = match entry {
            LogEntry::Append(bytes) => (self.log_bytes[source], bytes.len() as u64),
            LogEntry::Replace(bytes) => (0, bytes.len() as u64),
        };
        self.log_bytes[source] = log + added;
        self.changed_bytes += added;
    }

    /// Writes durably. After a failure nobody knows what is on disk, so nothing more is written.
    pub(super) fn write(&mut self, root: &Path, batch: sled::Batch) -> Result<()> {
        if let Some(why) = &self.failed {
            return Err(Error::checkpoint(
                root,
                format!("can't be written since an earlier write failed ({why}); start the query again"),
            ));
        }
        let written = self.generation.write(batch);
        if let Err(error) = &written {
            self.failed = Some(error.to_string());
        }
        written
    }

    pub(super) fn remove_keys(&self, batch: &mut sled::Batch, from: Vec<u8>, to: Vec<u8>) -> Result<()> {
        for entry in self.generation.scan(from, to) {
            batch.remove(entry?.0);
        }
        Ok(())
    }

    pub(super) fn write_metadata(&mut self, root: &Path, metadata: Metadata) -> Result<()> {
        let encoded = serde_json::to_vec(&metadata).map_err(|error| {
            Error::Other(format!("the checkpoint's metadata can't be encoded: {error}").into())
        })?;
        let mut batch = sled::Batch::default();
        self.remove_keys(&mut batch, vec![key::METADATA], vec![key::METADATA + 1])?;
        record::for_each_part(&encoded, |part, bytes| batch.insert(key::metadata(part), bytes));
        self.write(root, batch)?;
        self.metadata = Some(metadata);
        Ok(())
    }

    /// Removes a generation off the commit's path. What can't be removed goes at the next open.
    pub(super) fn remove(&mut self, directory: &Arc<Directory>, generation: Arc<Generation>) {
        self.removals.retain(|removal| !removal.is_finished());
        let directory = Arc::clone(directory);
        let removal = std::thread::Builder::new().name("checkpoint-remove".to_owned()).spawn(move || {
            let number = generation.number;
            drop(generation);
            if let Err(error) = directory.remove_generation(number) {
                tracing::warn!(%error, "a superseded generation of the checkpoint stays until the next start");
            }
        });
        self.removals.extend(removal.ok());
    }
}

/// Takes a record of changes: the operator, its place among the operator's records, and its payload.
type Put<'a> = dyn FnMut(u16, u32, &[u8]) -> Result<(), String> + 'a;

/// Packs an operator's changes into records, each of which `put` is given with its place among them.
pub(super) fn pack(
    operator: usize,
    changes: &OperatorChanges,
    key_groups: u16,
    put: &mut Put<'_>,
) -> Result<OperatorDelta, String> {
    let number =
        u16::try_from(operator).map_err(|_| format!("can't keep the state of operator {operator}"))?;
    let mut extent = Extent::default();
    let mut packer = Packer::default();
    let mut put = |packed: &[u8]| {
        let sequence = u32::try_from(extent.records)
            .map_err(|_| format!("can't keep so many changes of operator {operator} in one batch"))?;
        put(number, sequence, packed)?;
        extent.records += 1;
        extent.bytes += packed.len() as u64;
        Ok::<_, String>(())
    };
    for change in changes.by_key_group() {
        if change.key_group >= key_groups {
            return Err(format!(
                "has {key_groups} key groups, and a change is of key group {}",
                change.key_group
            ));
        }
        packer.push(change, &mut put)?;
    }
    packer.finish(&mut put)?;
    Ok(OperatorDelta { dropped_through: changes.dropped_through, extent })
}
