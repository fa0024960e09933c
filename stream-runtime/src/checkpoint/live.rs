//! [`LiveState`]: the entries of a generation's state that count as of a commit.
//!
//! State is worked through range by range of key groups: memory holds one pass's changes since the snapshot, never
//! the state itself.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::plan::ChangeRef;
use crate::state::codec;

use super::generation::Generation;
use super::overlay::{Deltas, Overlay};
use super::{Commit, key, packed};

/// Ranges of key groups, the unit in which snapshots are written and read. A power of two.
pub(super) const RANGES: u16 = 32;
/// About how many bytes of changes one pass holds in memory.
const PASS_BYTES: u64 = 32 << 20;
/// What a plan and a commit take, beside the changes.
const BATCH_BYTES: u64 = 256;

/// What a snapshot covers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    /// The last commit that it covers; `None` for that of a new checkpoint, which is empty.
    pub(super) through: Option<Commit>,
    pub(super) operators: Vec<Extent>,
}

/// How much there is of an operator: in a snapshot, or in a batch's changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Extent {
    pub(super) records: u64,
    pub(super) bytes: u64,
}

/// A commit as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CommitRecord {
    pub(super) commit: Commit,
    pub(super) operators: Vec<OperatorDelta>,
}

/// An operator's part in a commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OperatorDelta {
    pub(super) dropped_through: Option<i64>,
    pub(super) extent: Extent,
}

impl CommitRecord {
    /// About how many bytes the batch takes on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.operators.iter().map(|operator| operator.extent.bytes).sum::<u64>() + BATCH_BYTES
    }
}

impl Snapshot {
    /// Bytes of state.
    pub(super) fn bytes(&self) -> u64 {
        self.operators.iter().map(|operator| operator.bytes).sum()
    }
}

/// A generation's state as of a commit.
pub(super) struct LiveState<'a> {
    generation: &'a Generation,
    snapshot: &'a Snapshot,
    key_groups: u16,
    /// The commits since the snapshot, oldest first.
    commits: Vec<CommitRecord>,
}

impl<'a> LiveState<'a> {
    /// The state as of batch `through`, which has been committed.
    pub(super) fn new(
        generation: &'a Generation,
        snapshot: &'a Snapshot,
        key_groups: u16,
        through: Option<u64>,
    ) -> Result<Self> {
        let commits = read_commits(generation, snapshot, through)?;
        Ok(Self { generation, snapshot, key_groups, commits })
    }

    /// The number of operators that have ever had state.
    pub(super) fn operators(&self) -> usize {
        let in_commits = self.commits.iter().map(|commit| commit.operators.len()).max().unwrap_or(0);
        in_commits.max(self.snapshot.operators.len())
    }

    /// The most that an operator's live entries can take.
    pub(super) fn bytes(&self, operator: usize) -> u64 {
        let changed: u64 = self.deltas(operator).map(|(_, delta)| delta.extent.bytes).sum();
        changed + self.snapshot.operators.get(operator).map_or(0, |extent| extent.bytes)
    }

    /// Calls `visit` with each live entry of an operator once, and with the range that it is in.
    pub(super) fn for_each(
        &self,
        operator: usize,
        visit: &mut dyn FnMut(u16, ChangeRef<'_>) -> Result<()>,
    ) -> Result<()> {
        let Ok(number) = u16::try_from(operator) else { return Ok(()) };
        let changed: u64 = self.deltas(operator).map(|(_, delta)| delta.extent.bytes).sum();
        let passes = changed.div_ceil(PASS_BYTES).clamp(1, u64::from(RANGES)).next_power_of_two() as u16;
        let width = RANGES / passes;
        let mut found = Extent::default();
        for pass in 0..passes {
            let ranges = pass * width..(pass + 1) * width;
            let deltas = self.read_deltas(number, &self.groups(&ranges), pass == 0)?;
            self.visit_pass(number, ranges, &deltas, &mut found, visit)?;
        }
        let expected = self.snapshot.operators.get(operator).copied().unwrap_or_default();
        if found != expected {
            return Err(self.generation.damaged(
                &[key::STATE],
                format!(
                    "and those after it hold {} records of operator {operator}, where {} were written",
                    found.records, expected.records
                ),
            ));
        }
        Ok(())
    }

    fn visit_pass(
        &self,
        operator: u16,
        ranges: Range<u16>,
        deltas: &Deltas,
        found: &mut Extent,
        visit: &mut dyn FnMut(u16, ChangeRef<'_>) -> Result<()>,
    ) -> Result<()> {
        let overlay = Overlay::new(deltas, &self.groups(&ranges))
            .map_err(|why| self.generation.damaged(&[key::DELTA], why))?;
        let from = key::state(operator, ranges.start, 0, 0);
        for record in self.generation.records(from, key::state(operator, ranges.end, 0, 0)) {
            let (at, record) = record?;
            found.records += 1;
            found.bytes += record.len() as u64;
            for entry in packed::entries(&record) {
                let entry = entry.map_err(|why| self.generation.damaged(&at, why))?;
                if overlay.leaves(&entry) {
                    visit(range_of(entry.key_group, self.key_groups), entry)?;
                }
            }
        }
        for entry in overlay.live() {
            visit(range_of(entry.key_group, self.key_groups), entry)?;
        }
        Ok(())
    }

    /// The changes of an operator to keys of these groups. `check` counts all records on the way.
    fn read_deltas(&self, operator: u16, groups: &Range<u16>, check: bool) -> Result<Deltas> {
        let mut deltas = Deltas::default();
        for (batch, delta) in self.deltas(usize::from(operator)) {
            deltas.dropped(batch, delta.dropped_through);
        }
        let (Some(first), Some(last)) = (self.commits.first(), self.commits.last()) else {
            return Ok(deltas);
        };
        let mut counts = vec![0_u64; self.commits.len()];
        let from = key::delta(first.commit.batch, 0, 0, 0);
        for record in self.generation.records(from, key::delta(last.commit.batch + 1, 0, 0, 0)) {
            let (at, record) = record?;
            let found = key::split_delta(&at);
            let found = found.ok_or_else(|| self.generation.damaged(&at, "has a key that can't be read"))?;
            if found.operator == operator {
                counts[(found.batch - first.commit.batch) as usize] += 1;
                if packed::touches(&record, groups) {
                    deltas.push(found.batch, record);
                }
            }
        }
        let expected = self.deltas(usize::from(operator)).map(|(batch, delta)| (batch, delta.extent.records));
        for (batch, expected) in expected {
            let count = counts[(batch - first.commit.batch) as usize];
            if check && count != expected {
                return Err(self.generation.damaged(
                    &key::delta(batch, operator, 0, 0),
                    format!("and those after it hold {count} records of batch {batch}, where {expected} were written"),
                ));
            }
        }
        Ok(deltas)
    }

    fn deltas(&self, operator: usize) -> impl Iterator<Item = (u64, OperatorDelta)> {
        self.commits
            .iter()
            .filter_map(move |record| Some((record.commit.batch, *record.operators.get(operator)?)))
    }

    /// The key groups of some ranges.
    fn groups(&self, ranges: &Range<u16>) -> Range<u16> {
        let start =
            |range: u16| (u32::from(range) * u32::from(self.key_groups)).div_ceil(u32::from(RANGES)) as u16;
        start(ranges.start)..start(ranges.end)
    }
}

/// The range that a key group is in.
pub(super) fn range_of(key_group: u16, key_groups: u16) -> u16 {
    (u32::from(key_group) * u32::from(RANGES) / u32::from(key_groups.max(1))) as u16
}

/// The commits since the snapshot, up to `through`; they have to be without gaps.
pub(super) fn read_commits(
    generation: &Generation,
    snapshot: &Snapshot,
    through: Option<u64>,
) -> Result<Vec<CommitRecord>> {
    let first = snapshot.through.map_or(0, |commit| commit.batch + 1);
    let mut commits = Vec::new();
    for (next, record) in (first..).zip(generation.records_of(key::COMMIT)) {
        let (at, record) = record?;
        let record: CommitRecord = codec::decode(&record).map_err(|why| generation.damaged(&at, why))?;
        if through.is_some_and(|through| record.commit.batch > through) {
            break;
        }
        if record.commit.batch != next || key::split_batch(&at).is_none_or(|(batch, _)| batch != next) {
            return Err(generation.damaged(&at, format!("is there, and the commit of batch {next} isn't")));
        }
        commits.push(record);
    }
    Ok(commits)
}
