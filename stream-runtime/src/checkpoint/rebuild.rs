//! [`Rebuild`]: a checkpoint that is put together again from its records.
//!
//! Nothing points to it before it is whole, durable, and has been read from end to end; what an interrupted one leaves can
//! only be rebuilt again.

use std::path::Path;

use crate::error::{Error, Result};

use super::directory::Directory;
use super::generation::{Generation, damaged};
use super::live::LiveState;
use super::sequence::Shown;
use super::sled_store::RETAINED_PLANS;
use super::writer::Writer;
use super::{Metadata, key, record};

/// A checkpoint's first generation, before it is one.
pub(super) struct Rebuild {
    generation: Generation,
    // Dropped last: the lock outlives every use of the files.
    directory: Directory,
}

impl Rebuild {
    /// Takes the directory, which must not hold a checkpoint.
    pub(super) fn begin(root: &Path) -> Result<Self> {
        let directory = Directory::lock(root)?;
        if directory.current()?.is_some() {
            return Err(Error::checkpoint(
                root,
                "holds a checkpoint already; restore into a directory that doesn't exist, or remove this one first",
            ));
        }
        directory.remove_generation(0)?;
        let generation = Generation::open(root, directory.generation(0), 0)?;
        Ok(Self { generation, directory })
    }

    /// Adds a record, under the key of its first part. A later one of the same key takes its place.
    pub(super) fn put(&self, first: &[u8], payload: &[u8]) -> Result<()> {
        let stem = &first[..first.len().saturating_sub(size_of::<u32>())];
        if first.first() == Some(&key::METADATA) {
            // That of another size may have had more parts.
            self.remove(vec![key::METADATA], vec![key::METADATA + 1])?;
        }
        let mut staged = Ok(());
        record::for_each_part(payload, |part, bytes| {
            if staged.is_ok() {
                staged = self.generation.stage([stem, &part.to_be_bytes()].concat(), bytes);
            }
        });
        staged
    }

    /// Removes what a source's log holds so far.
    pub(super) fn supersede_log(&self, source: u16) -> Result<()> {
        self.remove(key::log(source, 0, 0, 0), key::log(source, u64::MAX, u16::MAX, u32::MAX))
    }

    fn remove(&self, from: Vec<u8>, to: Vec<u8>) -> Result<()> {
        let mut batch = sled::Batch::default();
        for entry in self.generation.scan(from, to) {
            batch.remove(entry?.0);
        }
        self.generation.apply(batch)
    }

    /// Makes it the directory's checkpoint, if its records belong together and are all there.
    /// It has to end with this plan and this commit.
    pub(super) fn finish(self, planned: Option<u64>, committed: Option<u64>) -> Result<Metadata> {
        let Self { generation, directory } = self;
        let mut writer = Writer::read(directory.root(), generation)?;
        let found = writer.sequence.committed.map(|commit| commit.batch);
        if (writer.sequence.planned, found) != (planned, committed) {
            return Err(damaged(
                directory.root(),
                format!("{} is the last commit, where {} was to be", Shown(found), Shown(committed)),
            ));
        }
        if let Some(before) = planned.and_then(|plan| plan.checked_sub(RETAINED_PLANS)) {
            let mut batch = sled::Batch::default();
            writer.remove_keys(&mut batch, key::plan(0, 0), key::plan(before + 1, 0))?;
            writer.write(directory.root(), batch)?;
        }
        let Some(metadata) = writer.metadata.take() else {
            return Err(damaged(directory.root(), "its metadata is missing"));
        };
        let live = LiveState::new(&writer.generation, &writer.snapshot, metadata.key_groups, committed)?;
        for operator in 0..live.operators() {
            live.for_each(operator, &mut |_, _| Ok(()))?;
        }
        drop(live);
        writer.generation.sync()?;
        directory.prepare_current(0)?;
        directory.switch_current()?;
        Ok(metadata)
    }
}
