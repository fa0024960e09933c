//! [`Sequence`]: which plan and which commit may come next.
//!
//! Batch ids start at 0 and have no gaps; a batch is planned before it is committed. The rules are the same for
//! every store, and each text is what a checkpoint's error says.

use super::{BatchPlan, Commit};

/// The last plan and the last commit of a checkpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Sequence {
    pub(super) planned: Option<u64>,
    pub(super) committed: Option<Commit>,
}

/// What is to be done with a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admitted {
    /// It is the next batch's.
    New,
    /// The batch has a plan already; it is fine if that is the same one.
    Existing,
}

impl Sequence {
    pub(super) fn admit_plan(&self, batch: u64) -> Result<Admitted, String> {
        let next = self.planned.map_or(0, |last| last + 1);
        if batch > next {
            return Err(format!("batch {batch} is planned, but the last plan is {}", Shown(self.planned)));
        }
        Ok(if batch == next { Admitted::New } else { Admitted::Existing })
    }

    pub(super) fn admit_commit(&self, batch: u64) -> Result<(), String> {
        let last = self.committed.map(|commit| commit.batch);
        if batch != last.map_or(0, |last| last + 1) {
            return Err(format!("batch {batch} is committed, but the last commit is {}", Shown(last)));
        }
        if self.planned.is_none_or(|planned| planned < batch) {
            return Err(format!("batch {batch} is committed without a plan"));
        }
        Ok(())
    }
}

/// What to say to a write before the metadata is there.
pub(super) const NOT_INITIALIZED: &str = "has no metadata yet; initialize it before the first plan";

/// What to say to a plan whose batch has another one.
pub(super) fn other_plan(plan: &BatchPlan) -> String {
    format!(
        "batch {} has been planned differently already: another process uses this checkpoint; stop one of the two, or give each query a checkpoint of its own",
        plan.batch
    )
}

/// A batch id, or the lack of one.
pub(super) struct Shown(pub(super) Option<u64>);

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(batch) => write!(f, "batch {batch}"),
            None => f.write_str("none"),
        }
    }
}
