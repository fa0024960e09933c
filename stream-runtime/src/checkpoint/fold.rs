//! [`Fold`]: the thread that gathers a generation's snapshot and deltas into the next generation's snapshot.
//!
//! It only reads the current generation, and writes a database that nothing points to yet. A crash or an error at any
//! point therefore leaves the checkpoint as it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use crate::error::{Error, Result};
use crate::state::codec;

use super::directory::Directory;
use super::generation::Generation;
use super::live::{Extent, LiveState, RANGES, Snapshot};
use super::packed::Packer;
use super::{Commit, key, record};

/// The next generation is ready once it lacks at most this many batches; what is left is carried over in a commit.
const CLOSE_ENOUGH: u64 = 8;
/// How often the thread catches up before it leaves the rest to a commit, if batches come faster than it copies.
const CATCH_UPS: usize = 8;

/// A fold in progress.
pub(super) struct Fold {
    thread: JoinHandle<Result<Folded>>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    cancelled: AtomicBool,
    /// One more than the last batch that is durably committed.
    committed: AtomicU64,
}

/// What is folded, and into what.
pub(super) struct Job {
    pub(super) directory: Arc<Directory>,
    pub(super) source: Arc<Generation>,
    pub(super) snapshot: Snapshot,
    pub(super) key_groups: u16,
    /// The last commit: the fold is of the state that it left.
    pub(super) through: Commit,
}

/// A generation that lacks only what the source has got since `copied`.
pub(super) struct Folded {
    pub(super) generation: Generation,
    pub(super) snapshot: Snapshot,
    /// The last batch whose changes it holds.
    pub(super) copied: u64,
}

impl Fold {
    /// Starts the thread.
    pub(super) fn start(job: Job) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        shared.committed.store(job.through.batch + 1, Ordering::Release);
        let root = job.directory.root().to_owned();
        let thread = std::thread::Builder::new()
            .name("checkpoint-fold".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || run(&job, &shared)
            })
            .map_err(|error| Error::io("starting the fold of", root, error))?;
        Ok(Self { thread, shared })
    }

    /// Lets the thread know how far it may catch up.
    pub(super) fn committed(&self, batch: u64) {
        self.shared.committed.store(batch + 1, Ordering::Release);
    }

    /// Makes the thread give up soon.
    pub(super) fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Release);
    }

    /// Whether the thread has come to an end.
    pub(super) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the thread.
    pub(super) fn finish(self) -> Result<Folded> {
        self.thread.join().unwrap_or_else(|_| Err(Error::Other("the checkpoint's fold panicked".into())))
    }
}

fn run(job: &Job, shared: &Shared) -> Result<Folded> {
    let number = job.source.number + 1;
    job.directory.remove_generation(number)?;
    let target = Generation::open(job.directory.root(), job.directory.generation(number), number)?;
    let mut snapshot = Snapshot { through: Some(job.through), operators: Vec::new() };
    {
        let live = LiveState::new(&job.source, &job.snapshot, job.key_groups, Some(job.through.batch))?;
        for operator in 0..live.operators() {
            snapshot.operators.push(write_operator(&live, operator, &target, shared)?);
        }
    }
    let described = codec::encode(&snapshot)?;
    stage_record(&target, &described, key::snapshot)?;
    let mut copied = job.through.batch;
    for _ in 0..CATCH_UPS {
        let committed = shared.committed.load(Ordering::Acquire).saturating_sub(1);
        if committed <= copied + CLOSE_ENOUGH {
            break;
        }
        carry_over(&job.source, &target, copied, committed)?;
        copied = committed;
        give_up_if_cancelled(shared)?;
    }
    target.sync()?;
    Ok(Folded { generation: target, snapshot, copied })
}

/// Copies the changes and commits of the batches after `copied`, up to `through`.
pub(super) fn carry_over(source: &Generation, target: &Generation, copied: u64, through: u64) -> Result<()> {
    source.copy_into(target, key::delta(copied + 1, 0, 0, 0), key::delta(through + 1, 0, 0, 0))?;
    source.copy_into(target, key::commit(copied + 1, 0), key::commit(through + 1, 0))
}

/// Writes an operator's state; gives how much it was.
fn write_operator(
    live: &LiveState<'_>,
    operator: usize,
    target: &Generation,
    shared: &Shared,
) -> Result<Extent> {
    let number = operator as u16;
    let mut packers: Vec<(Packer, u32)> = (0..RANGES).map(|_| (Packer::default(), 0)).collect();
    let mut extent = Extent::default();
    let room = live.bytes(operator) / u64::from(RANGES) / record::PAYLOAD_BYTES as u64 + 1;
    let places =
        |range, from| (from..room as u32).map(move |sequence| key::state(number, range, sequence, 0));
    target.reserve((0..RANGES).flat_map(|range| places(range, 0)))?;
    let mut put = |range: usize, sequence: &mut u32, packed: &[u8]| {
        give_up_if_cancelled(shared)?;
        extent.records += 1;
        extent.bytes += packed.len() as u64;
        stage_record(target, packed, |part| key::state(number, range as u16, *sequence, part))?;
        *sequence += 1;
        Ok(())
    };
    live.for_each(operator, &mut |range, entry| {
        let range = usize::from(range);
        let (packer, sequence) = &mut packers[range];
        packer.push(entry, |packed| put(range, sequence, packed))
    })?;
    for (range, (packer, sequence)) in packers.iter_mut().enumerate() {
        packer.finish(|packed| put(range, sequence, packed))?;
    }
    target.release(packers.iter().zip(0..RANGES).flat_map(|((_, used), range)| places(range, *used)))?;
    Ok(extent)
}

fn stage_record(target: &Generation, payload: &[u8], key: impl Fn(u32) -> Vec<u8>) -> Result<()> {
    let mut staged = Ok(());
    record::for_each_part(payload, |number, part| {
        if staged.is_ok() {
            staged = target.stage(key(number), part);
        }
    });
    staged
}

fn give_up_if_cancelled(shared: &Shared) -> Result<()> {
    if shared.cancelled.load(Ordering::Acquire) {
        return Err(Error::Other("the checkpoint's fold was cancelled".into()));
    }
    Ok(())
}
