//! The checkpoint: what a query needs to go on exactly where it stopped.
//!
//! Of each batch it holds the plan (offsets and watermark, durable before any sink sees a row) and the commit
//! (state changes and next watermark, in one atomic write).
//!
//! A service names a directory with [`QueryBuilder::checkpoint`](crate::engine::QueryBuilder::checkpoint), and that is
//! a [`SledStore`]; [`MemoryStore`] is what queries without one have, and tests.

mod directory;
mod fingerprint;
mod fold;
mod generation;
#[cfg(feature = "object-store")]
mod image;
mod key;
mod live;
mod memory;
#[cfg(feature = "object-store")]
mod mirror;
mod overlay;
mod packed;
#[cfg(feature = "object-store")]
mod rebuild;
mod record;
mod sequence;
mod sled_store;
mod switch;
mod tip;
mod writer;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::engine::{MirrorProgress, WatermarkPolicy};
use crate::error::Result;
use crate::plan::{OperatorChanges, StateEntry};
use crate::source::{LogEntry, Offset};

pub use memory::MemoryStore;
#[cfg(feature = "object-store")]
pub(crate) use mirror::MirroredStore;
#[cfg(feature = "object-store")]
pub use mirror::{Mirror, OnMirrorFailure, Restored, restore_from};
pub use sled_store::SledStore;
#[doc(hidden)]
pub use sled_store::{Options, Step};

/// What is fixed when a checkpoint is first used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The query's id, kept over restarts.
    pub query_id: Uuid,
    /// The seed of the keys' hash.
    pub hash_seed: u64,
    /// The number of key groups.
    pub key_groups: u16,
    /// What the query's state looks like.
    pub fingerprint: Fingerprint,
    /// What the watermarks of several inputs come to; the smallest in a checkpoint that doesn't say.
    #[serde(default)]
    pub watermark_policy: WatermarkPolicy,
}

/// What a restarted query has to have in common with the one that wrote the checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The output mode.
    pub mode: String,
    /// The inputs in order: name and row type.
    pub inputs: Vec<String>,
    /// The stateful operators in order.
    pub operators: Vec<OperatorFingerprint>,
    /// What may change from run to run, for the log: delays, filters, the select clause.
    pub changeable: BTreeMap<String, String>,
}

/// One stateful operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorFingerprint {
    /// Spark's name of the operator.
    pub name: String,
    /// The clause as written.
    pub clause: String,
    /// Its durations, evaluated.
    pub durations: String,
    /// The aggregates as written.
    pub aggregates: Vec<String>,
    /// The Rust types of key and state.
    pub types: String,
    /// The columns that the query reads of other queries in front of it, `stats.total`, and what they are there. Which these are may change;
    /// what one is may not.
    pub reads: BTreeMap<String, String>,
}

/// The plan of a batch: written before it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchPlan {
    /// The batch's id.
    pub batch: u64,
    /// Where each source's part ends; `None` for a source without any data so far.
    pub ends: Vec<Option<Offset>>,
    /// The watermark that the batch runs with, in ms.
    pub watermark_ms: i64,
    /// The batch's time, in ms since the epoch.
    pub time_ms: i64,
}

/// The commit of a batch: written after the sinks have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The batch's id.
    pub batch: u64,
    /// The watermark for the next batch, in ms.
    pub next_watermark_ms: i64,
    /// The latest event time less the delay, in ms, of the input that has got furthest; 0 as long as none has got past 1970.
    pub furthest_ms: i64,
}

/// What a checkpoint says at start.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    /// The last planned batches, oldest first: at least the last two, if there are two.
    pub plans: Vec<BatchPlan>,
    /// The last commit.
    pub commit: Option<Commit>,
    /// Each source's own log.
    pub source_logs: Vec<Vec<Vec<u8>>>,
}

/// Durable storage of one checkpoint. All calls block; the engine makes them off tokio's threads.
///
/// Batches are planned and committed in order and without gaps, from 0 on, after the metadata has been written.
/// A write that fails leaves what was written before as it is.
///
/// # Errors
/// Each method fails with [`Error::Checkpoint`](crate::Error::Checkpoint) for what is damaged, in use or out of turn,
/// and with [`Error::Io`](crate::Error::Io) for what can't be read or written. An error ends the query.
pub trait StateStore: Send + Sync {
    /// The checkpoint, for messages: its directory, or a name for one in memory.
    fn location(&self) -> PathBuf;

    /// Whether `write_commit` keeps state changes. If not, it needn't be given any.
    fn keeps_state(&self) -> bool {
        true
    }

    /// What the checkpoint holds; `None` if it is new.
    fn metadata(&self) -> Result<Option<Metadata>>;

    /// Writes the metadata of a new checkpoint, durably.
    fn initialize(&self, metadata: &Metadata) -> Result<()>;

    /// Takes in compatible changes of the fingerprint, durably.
    fn update_fingerprint(&self, fingerprint: &Fingerprint) -> Result<()>;

    /// Plans, commit and source logs.
    fn recover(&self) -> Result<Recovered>;

    /// Calls `visit` with each live entry of an operator's state, as of the last commit.
    fn load(&self, operator: usize, visit: &mut dyn FnMut(StateEntry<'_>) -> Result<()>) -> Result<()>;

    /// Writes a batch's plan and its sources' log entries (by source index) in one atomic write, durable on return.
    /// Fails if a plan of this batch with other content exists: another process uses the checkpoint.
    fn write_plan(&self, plan: &BatchPlan, logs: &[(usize, LogEntry)]) -> Result<()>;

    /// Writes a batch's state changes (one for each operator) and its commit in one atomic write, durable on return.
    fn write_commit(&self, commit: &Commit, changes: Vec<OperatorChanges>) -> Result<()>;

    /// Bytes on disk.
    fn disk_bytes(&self) -> u64;

    /// How far a copy elsewhere has come; `None` without one.
    fn mirror(&self) -> Option<MirrorProgress> {
        None
    }

    /// Called after the last batch of a run: waits for what is still under way.
    fn close(&self) -> Result<()> {
        Ok(())
    }
}
