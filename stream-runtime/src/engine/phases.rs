//! A batch's rows through a plan's phases, on the query's worker threads.
//!
//! A single worker runs all phases in one visit to its thread. Several run each phase at the same time, each with its stretch
//! of the phase's rows, and exchange rows or partial results between them in rounds.

use std::sync::Arc;

use crate::error::Result;
use crate::plan::{BatchContext, Emitted, Phase, Plan, Rejects};
use crate::time::Duration;

use super::clock::Clock;
use super::inputs::AnySplit;
use super::shares::{share_out, transpose};
use super::workers::WorkerPool;

/// A source's part of a batch: its splits, in row order.
pub(super) type Splits<P> = Vec<Box<dyn AnySplit<P>>>;

/// What there is to do in a batch.
pub(super) struct Work<'a, P: Plan> {
    pub(super) plan: &'a Arc<P>,
    pub(super) pool: &'a WorkerPool,
    pub(super) clock: &'a Arc<dyn Clock>,
    pub(super) batch: BatchContext,
    /// By source.
    pub(super) splits: Vec<Splits<P>>,
    /// By source, too; nothing counted yet.
    pub(super) rejects: Vec<Rejects>,
}

/// What has become of it.
pub(super) struct Done<P: Plan> {
    pub(super) workers: Vec<P::Worker>,
    pub(super) emitted: Emitted<P::Output>,
    /// What could not be decoded, with the number of its source; a source may occur several times.
    pub(super) rejects: Vec<(usize, Rejects)>,
    /// How long the plan took to end its phases.
    pub(super) finishing: Duration,
}

/// A worker's stretch of a phase's rows.
struct Share<P: Plan> {
    /// Each split with the place of its input among those of the phase.
    splits: Vec<(usize, Box<dyn AnySplit<P>>)>,
    /// By that place; none for a phase over rows that another one has made.
    rejects: Vec<Rejects>,
}

impl<P: Plan> Share<P> {
    /// Reads the rows, or takes those that are there.
    fn run(&mut self, plan: &P, worker: &mut P::Worker, phase: usize) -> Result<()> {
        if self.rejects.is_empty() {
            return plan.pull(worker, phase);
        }
        for (input, mut split) in self.splits.drain(..) {
            split.feed(plan, worker, input, &mut self.rejects[input])?;
        }
        Ok(())
    }
}

impl<P: Plan> Work<'_, P> {
    /// Runs all phases.
    ///
    /// # Errors
    /// What the plan or a split fails with. The workers are gone then: their state is half done.
    pub(super) async fn run(mut self, mut workers: Vec<P::Worker>) -> Result<Done<P>> {
        let phases = self.plan.phases();
        if workers.len() == 1
            && let Some(worker) = workers.pop()
        {
            return self.run_alone(phases, worker).await;
        }
        let mut done =
            Done { workers, emitted: Emitted::default(), rejects: Vec::new(), finishing: Duration::ZERO };
        for (index, phase) in phases.iter().enumerate() {
            self.read(index, phase, &mut done).await?;
            done = self.finish(index, done).await?;
        }
        Ok(done)
    }

    /// All phases on the only worker.
    async fn run_alone(mut self, phases: Vec<Phase>, mut worker: P::Worker) -> Result<Done<P>> {
        let shares: Vec<_> = phases.iter().flat_map(|phase| self.shares(phase, 1)).collect();
        let (plan, batch, clock) = (Arc::clone(self.plan), self.batch, Arc::clone(self.clock));
        self.pool
            .run_one(move || {
                let (mut emitted, mut rejects) = (Emitted::default(), Vec::new());
                let mut finishing = Duration::ZERO;
                plan.begin(&mut worker, &batch);
                for (index, (phase, mut share)) in phases.iter().zip(shares).enumerate() {
                    share.run(&plan, &mut worker, index)?;
                    rejects.extend(phase.inputs.iter().copied().zip(share.rejects));
                    let started = clock.elapsed();
                    plan.finish(&mut [&mut worker], index, &batch, &mut emitted)?;
                    finishing = finishing + (clock.elapsed() - started);
                }
                Ok(Done { workers: vec![worker], emitted, rejects, finishing })
            })
            .await?
    }

    /// A phase up to its end, on all workers at once.
    async fn read(&mut self, index: usize, phase: &Phase, done: &mut Done<P>) -> Result<()> {
        let (batch, exchanges) = (self.batch, phase.rounds > 0);
        let shares = self.shares(phase, done.workers.len());
        let tasks =
            std::mem::take(&mut done.workers).into_iter().zip(shares).map(|(mut worker, mut share)| {
                let plan = Arc::clone(self.plan);
                move || {
                    if index == 0 {
                        plan.begin(&mut worker, &batch);
                    }
                    let read = share.run(&plan, &mut worker, index);
                    let packets = match read {
                        Ok(()) if exchanges => plan.exchange(&mut worker, index, 0, Vec::new()),
                        read => read.map(|()| Vec::new()),
                    };
                    (worker, share.rejects, packets)
                }
            });
        let tasks: Vec<_> = tasks.collect();
        let mut packets = Vec::new();
        for (worker, rejects, given) in self.pool.run(tasks).await? {
            packets.push(given?);
            done.workers.push(worker);
            done.rejects.extend(phase.inputs.iter().copied().zip(rejects));
        }
        for round in 1..=phase.rounds {
            let count = done.workers.len();
            let taken = transpose(std::mem::take(&mut packets), count);
            let tasks =
                std::mem::take(&mut done.workers).into_iter().zip(taken).map(|(mut worker, taken)| {
                    let plan = Arc::clone(self.plan);
                    move || {
                        let given = plan.exchange(&mut worker, index, round, taken);
                        (worker, given)
                    }
                });
            for (worker, given) in self.pool.run(tasks.collect::<Vec<_>>()).await? {
                packets.push(given?);
                done.workers.push(worker);
            }
        }
        Ok(())
    }

    /// Ends a phase on one thread.
    async fn finish(&mut self, index: usize, mut done: Done<P>) -> Result<Done<P>> {
        let (plan, batch, clock) = (Arc::clone(self.plan), self.batch, Arc::clone(self.clock));
        self.pool
            .run_one(move || {
                let started = clock.elapsed();
                let mut workers: Vec<_> = done.workers.iter_mut().collect();
                plan.finish(&mut workers, index, &batch, &mut done.emitted)?;
                done.finishing = done.finishing + (clock.elapsed() - started);
                Ok(done)
            })
            .await?
    }

    /// Each worker's stretch of a phase's rows: all rows of an input come before those of the next one.
    fn shares(&mut self, phase: &Phase, workers: usize) -> Vec<Share<P>> {
        let splits = &mut self.splits;
        let of = |(place, &source): (usize, &usize)| {
            let splits = splits.get_mut(source).map(std::mem::take).unwrap_or_default();
            splits.into_iter().map(move |split| (place, split))
        };
        let all: Vec<_> = phase.inputs.iter().enumerate().flat_map(of).collect();
        let shares = share_out(all, workers, |(_, split)| split.weight());
        let rejects = || phase.inputs.iter().map(|&source| self.rejects[source].clone()).collect();
        let share = |splits| Share { splits, rejects: rejects() };
        shares.into_iter().map(share).collect()
    }
}
