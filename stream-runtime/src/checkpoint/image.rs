//! [`Image`]: a checkpoint as of a commit, to read record by record while the query goes on.
//!
//! It is taken between two writes, and takes nothing but references and what doesn't grow with the state; later
//! commits don't change what it gives.

use std::sync::Arc;

use crate::error::Result;
use crate::state::codec;

use super::directory::Directory;
use super::generation::Generation;
use super::live::{Extent, LiveState, RANGES, Snapshot};
use super::packed::Packer;
use super::sled_store::SledStore;
use super::{Commit, key};

/// Takes a record: the key of its first part, and its payload.
type Put<'a> = dyn FnMut(&[u8], &[u8]) -> Result<()> + 'a;

/// A checkpoint as of a commit.
pub(super) struct Image {
    generation: Arc<Generation>,
    snapshot: Snapshot,
    key_groups: u16,
    committed: Option<Commit>,
    /// Metadata, plans and the sources' logs: key of the first part, and payload.
    carried: Vec<(Vec<u8>, Vec<u8>)>,
    // Dropped last: the lock outlives every use of the files.
    _directory: Arc<Directory>,
}

impl SledStore {
    /// The checkpoint as it is now; `None` before it has metadata.
    pub(super) fn image(&self) -> Result<Option<Image>> {
        let writer = self.writer();
        let Some(key_groups) = writer.metadata.as_ref().map(|metadata| metadata.key_groups) else {
            return Ok(None);
        };
        let mut carried = Vec::new();
        for kind in [key::METADATA, key::PLAN, key::LOG] {
            for record in writer.generation.records_of(kind) {
                let (at, payload) = record?;
                let first = key::first_part(&at);
                let first =
                    first.ok_or_else(|| writer.generation.damaged(&at, "has a key that can't be read"))?;
                carried.push((first, payload));
            }
        }
        Ok(Some(Image {
            generation: Arc::clone(&writer.generation),
            snapshot: writer.snapshot.clone(),
            key_groups,
            committed: writer.sequence.committed,
            carried,
            _directory: Arc::clone(&self.directory),
        }))
    }
}

impl Image {
    /// Calls `put` with each record of a generation that holds just this.
    pub(super) fn for_each_record(&self, put: &mut Put<'_>) -> Result<()> {
        for (key, payload) in &self.carried {
            put(key, payload)?;
        }
        let mut snapshot = Snapshot { through: self.committed, operators: Vec::new() };
        let through = self.committed.map(|commit| commit.batch);
        let live = LiveState::new(&self.generation, &self.snapshot, self.key_groups, through)?;
        for operator in 0..live.operators() {
            snapshot.operators.push(put_operator(&live, operator, put)?);
        }
        put(&key::snapshot(0), &codec::encode(&snapshot)?)
    }
}

/// Gives an operator's live state in records; says how much it was.
fn put_operator(live: &LiveState<'_>, operator: usize, put: &mut Put<'_>) -> Result<Extent> {
    let number = operator as u16;
    let mut packers: Vec<(Packer, u32)> = (0..RANGES).map(|_| (Packer::default(), 0)).collect();
    let mut extent = Extent::default();
    let mut put = |range: u16, sequence: &mut u32, packed: &[u8]| {
        extent.records += 1;
        extent.bytes += packed.len() as u64;
        put(&key::state(number, range, *sequence, 0), packed)?;
        *sequence += 1;
        Ok(())
    };
    live.for_each(operator, &mut |range, entry| {
        let (packer, sequence) = &mut packers[usize::from(range)];
        packer.push(entry, |packed| put(range, sequence, packed))
    })?;
    for (range, (packer, sequence)) in (0..).zip(&mut packers) {
        packer.finish(|packed| put(range, sequence, packed))?;
    }
    Ok(extent)
}
