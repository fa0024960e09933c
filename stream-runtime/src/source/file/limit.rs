//! [`Limit`]: how much of what waits one batch takes.

use std::collections::VecDeque;

use super::log::SeenFile;

/// How much one batch takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    None,
    Files(usize),
    /// The first file is taken whatever its size.
    Bytes(u64),
}

impl Limit {
    /// Whether there is enough for a batch without listing again.
    pub(super) fn is_filled_by(self, pending: &VecDeque<SeenFile>) -> bool {
        match self {
            Self::None => false,
            Self::Files(files) => pending.len() >= files,
            Self::Bytes(bytes) => {
                let mut total = 0_u64;
                pending.iter().any(|file| {
                    total = total.saturating_add(file.size);
                    total >= bytes
                })
            }
        }
    }

    /// Takes the next batch's files.
    pub(super) fn take(self, pending: &mut VecDeque<SeenFile>) -> Vec<SeenFile> {
        let count = match self {
            Self::None => pending.len(),
            Self::Files(files) => pending.len().min(files),
            Self::Bytes(bytes) => {
                let mut total = 0_u64;
                let fitting = pending.iter().take_while(|file| {
                    total = total.saturating_add(file.size);
                    total <= bytes
                });
                fitting.count().max(1).min(pending.len())
            }
        };
        pending.drain(..count).collect()
    }
}
