//! Moving a checkpoint to its next generation: when to fold, when to switch, and what to do at the end.
//!
//! Until `CURRENT` names the next generation, the current one is the checkpoint, whatever happens to the other.

use std::sync::Arc;

use crate::error::Result;

use super::fold::{Fold, Folded, Job, carry_over};
use super::key;
use super::sled_store::{SledStore, Step};
use super::writer::Writer;

/// While a fold is under way, changes may grow to this multiple of what starts one; then a commit waits for it.
const BACKLOG_FACTOR: u64 = 3;
/// sled's file may grow to this multiple of what is live, and by this much, before it is left for a new one.
const DISK_FACTOR: u64 = 6;
const DISK_BYTES: u64 = 24 << 20;

impl SledStore {
    /// Switches to the next generation if it is ready, or if the changes would otherwise outrun it for ever. An error of the fold comes out here, and the checkpoint
    /// stays with its generation.
    pub(super) fn switch_if_folded(&self, writer: &mut Writer) -> Result<()> {
        let backlog =
            writer.changed_bytes > BACKLOG_FACTOR * writer.live_bytes().max(self.options.fold_bytes);
        match writer.fold.take_if(|fold| backlog || fold.is_finished()) {
            Some(fold) => {
                let folded = fold.finish()?;
                self.observe(Step::Folded);
                self.switch(writer, folded)
            }
            None => Ok(()),
        }
    }

    fn switch(&self, writer: &mut Writer, folded: Folded) -> Result<()> {
        let Folded { generation: next, snapshot, copied } = folded;
        let current = Arc::clone(&writer.generation);
        if let Some(committed) = writer.sequence.committed.map(|commit| commit.batch) {
            carry_over(&current, &next, copied, committed)?;
        }
        for kind in [key::METADATA, key::PLAN, key::LOG] {
            current.copy_into(&next, vec![kind], vec![kind + 1])?;
        }
        next.sync()?;
        self.observe(Step::CarriedOver);
        self.directory.prepare_current(next.number)?;
        self.observe(Step::PointerWritten);
        if let Err(error) = self.directory.switch_current() {
            // Which of the two the next open finds is open; what is written from here on might be lost.
            writer.failed = Some(error.to_string());
            return Err(error);
        }
        self.observe(Step::Switched);
        self.tip().move_to(self.directory.generation(next.number));
        writer.generation = Arc::new(next);
        writer.snapshot = snapshot;
        writer.reserved = 0;
        writer.count_changes()?;
        writer.remove(&self.directory, current);
        Ok(())
    }

    pub(super) fn fold_if_due(&self, writer: &mut Writer) -> Result<()> {
        let (Some(metadata), Some(through), None) =
            (&writer.metadata, writer.sequence.committed, &writer.fold)
        else {
            return Ok(());
        };
        let (changed, live) = (writer.changed_bytes, writer.live_bytes());
        let outgrown = changed > live.max(self.options.fold_bytes);
        let sprawling =
            changed > live / 8 && writer.generation.disk_bytes() > DISK_FACTOR * live + DISK_BYTES;
        if outgrown || sprawling {
            self.observe(Step::FoldStarted);
            writer.fold = Some(Fold::start(Job {
                directory: Arc::clone(&self.directory),
                source: Arc::clone(&writer.generation),
                snapshot: writer.snapshot.clone(),
                key_groups: metadata.key_groups,
                through,
            })?);
        }
        Ok(())
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        let mut writer = self.writer();
        if let Some(fold) = writer.fold.take() {
            if writer.failed.is_some() {
                fold.cancel();
            }
            let switched = fold.finish().and_then(|folded| {
                self.observe(Step::Folded);
                self.switch(&mut writer, folded)
            });
            if let Err(error) = switched {
                tracing::warn!(%error, "the checkpoint couldn't be folded; it is as it was, and the next run tries again");
            }
        }
        for removal in writer.removals.drain(..) {
            // The thread reports its own failure.
            let _ = removal.join();
        }
        if writer.failed.is_some() {
            self.tip().distrust();
        }
    }
}
