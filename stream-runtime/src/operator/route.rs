//! [`Router`]: which worker a row belongs to, for operators whose state a single worker has to own.
//!
//! With several workers a batch's rows are read in pass 0 by whoever has the split, and only their keys are looked at;
//! each row then goes, packed, to the owner of its key, who applies it in pass 1, in input order. A second such
//! operator behind the first routes in pass 1 and applies in pass 2, and so on. A lone worker owns every key and
//! applies each row at once. The same row function runs in every pass: the operator asks its router what to do.

use crate::plan::owner;

/// What a row function is run for, as one operator sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Duty {
    /// The only worker applies each row as it comes.
    #[default]
    ApplyAll,
    /// Rows are sent to the owners of their keys.
    Route { workers: usize },
    /// Worker `worker` applies the rows that were sent to it.
    Apply { worker: usize, workers: usize },
    /// The row has been applied in an earlier pass, and went on from there.
    LetThrough,
}

/// What becomes of a row at an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is applied here and now.
    Apply,
    /// It was applied before, and goes on.
    GoOn,
    /// It isn't this worker's, or not in this pass.
    Leave,
}

/// Sends rows to their owners, or lets them through.
#[derive(Debug, Default)]
pub struct Router {
    duty: Duty,
    /// Who gets the row in hand: more than one worker if an `explode` gave it several keys.
    owners: Vec<usize>,
}

impl Router {
    /// Starts a pass, for router `index` of the plan in worker `worker` of `workers`.
    pub(crate) fn start(&mut self, pass: usize, index: usize, worker: usize, workers: usize) {
        self.duty = if workers == 1 {
            Duty::ApplyAll
        } else if index + 1 < pass {
            Duty::LetThrough
        } else if index + 1 == pass {
            Duty::Apply { worker, workers }
        } else {
            Duty::Route { workers }
        };
    }

    /// What becomes of a row with this key hash.
    #[inline]
    pub(crate) fn verdict(&mut self, hash: u64) -> Verdict {
        match self.duty {
            Duty::ApplyAll => Verdict::Apply,
            Duty::Apply { worker, workers } if owner(hash, workers) == worker => Verdict::Apply,
            Duty::Apply { .. } => Verdict::Leave,
            Duty::LetThrough => Verdict::GoOn,
            Duty::Route { workers } => {
                let owner = owner(hash, workers);
                if !self.owners.contains(&owner) {
                    self.owners.push(owner);
                }
                Verdict::Leave
            }
        }
    }

    /// Who gets the row that the row function has just looked at.
    pub(crate) fn take_owners(&mut self) -> std::vec::Drain<'_, usize> {
        self.owners.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the routers of a two-operator plan say to a row in each pass of its owner.
    #[test]
    fn each_router_routes_then_applies_then_lets_through() {
        let hash = 0;
        let duties = |index| {
            [0, 1, 2].map(|pass| {
                let mut router = Router::default();
                router.start(pass, index, owner(hash, 2), 2);
                (router.verdict(hash), router.take_owners().count())
            })
        };
        assert_eq!(duties(0), [(Verdict::Leave, 1), (Verdict::Apply, 0), (Verdict::GoOn, 0)]);
        assert_eq!(duties(1), [(Verdict::Leave, 1), (Verdict::Leave, 1), (Verdict::Apply, 0)]);
    }
}
