//! [`MemoryStore`]: a checkpoint that lasts as long as the process.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::plan::{OperatorChanges, StateEntry};
use crate::source::LogEntry;

use super::sequence::{Admitted, NOT_INITIALIZED, Sequence, other_plan};
use super::{BatchPlan, Commit, Fingerprint, Metadata, Recovered, StateStore};

/// As many plans as a checkpoint on disk keeps.
const RETAINED_PLANS: usize = 100;

/// A checkpoint in memory, with the contract of one on disk.
///
/// Clones share the data: a query that is started again with a clone goes on where the one before stopped.
///
/// ```
/// use stream_runtime::checkpoint::{BatchPlan, Commit, MemoryStore, StateStore};
/// # use stream_runtime::checkpoint::{Fingerprint, Metadata};
/// # let fingerprint = Fingerprint {
/// #     mode: "append".into(), inputs: vec![], operators: vec![], changeable: Default::default(),
/// # };
/// # let metadata = Metadata { query_id: Default::default(), hash_seed: 7, key_groups: 128, fingerprint, watermark_policy: Default::default() };
///
/// let store = MemoryStore::new();
/// let restarted = store.clone();
/// store.initialize(&metadata)?;
/// store.write_plan(&BatchPlan { batch: 0, ends: vec![], watermark_ms: 0, time_ms: 0 }, &[])?;
/// store.write_commit(&Commit { batch: 0, next_watermark_ms: 7, furthest_ms: 9 }, vec![])?;
/// assert_eq!(restarted.recover()?.commit, Some(Commit { batch: 0, next_watermark_ms: 7, furthest_ms: 9 }));
/// # Ok::<(), stream_runtime::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MemoryStore {
    shared: Arc<Mutex<Shared>>,
}

/// An operator's state: bucket and key to value.
type State = BTreeMap<(i64, Box<[u8]>), Box<[u8]>>;

#[derive(Debug)]
struct Shared {
    keeps_state: bool,
    metadata: Option<Metadata>,
    sequence: Sequence,
    plans: BTreeMap<u64, BatchPlan>,
    source_logs: Vec<Vec<Vec<u8>>>,
    operators: Vec<State>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty checkpoint.
    pub fn new() -> Self {
        Self::with_state(true)
    }

    /// An empty checkpoint for a query that is never started again: it checks and counts batches, but keeps no
    /// state, which the query's own tables hold already. [`load`](StateStore::load) finds nothing.
    pub fn transient() -> Self {
        Self::with_state(false)
    }

    fn with_state(keeps_state: bool) -> Self {
        Self {
            shared: Arc::new(Mutex::new(Shared {
                keeps_state,
                metadata: None,
                sequence: Sequence::default(),
                plans: BTreeMap::new(),
                source_logs: Vec::new(),
                operators: Vec::new(),
            })),
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn require_metadata(&self) -> Result<()> {
        if self.metadata.is_none() {
            return Err(refused(NOT_INITIALIZED));
        }
        Ok(())
    }
}

fn refused(message: impl std::fmt::Display) -> Error {
    Error::checkpoint("in memory", message)
}

impl StateStore for MemoryStore {
    fn location(&self) -> PathBuf {
        PathBuf::from("<memory>")
    }

    fn keeps_state(&self) -> bool {
        self.shared().keeps_state
    }

    fn metadata(&self) -> Result<Option<Metadata>> {
        Ok(self.shared().metadata.clone())
    }

    fn initialize(&self, metadata: &Metadata) -> Result<()> {
        let mut shared = self.shared();
        if shared.metadata.is_some() {
            return Err(refused("has been initialized already"));
        }
        shared.metadata = Some(metadata.clone());
        Ok(())
    }

    fn update_fingerprint(&self, fingerprint: &Fingerprint) -> Result<()> {
        match &mut self.shared().metadata {
            Some(metadata) => metadata.fingerprint = fingerprint.clone(),
            None => return Err(refused(NOT_INITIALIZED)),
        }
        Ok(())
    }

    fn recover(&self) -> Result<Recovered> {
        let shared = self.shared();
        Ok(Recovered {
            plans: shared.plans.values().cloned().collect(),
            commit: shared.sequence.committed,
            source_logs: shared.source_logs.clone(),
        })
    }

    fn load(&self, operator: usize, visit: &mut dyn FnMut(StateEntry<'_>) -> Result<()>) -> Result<()> {
        let shared = self.shared();
        for ((bucket, key), value) in shared.operators.get(operator).into_iter().flatten() {
            visit(StateEntry { bucket: *bucket, key, value })?;
        }
        Ok(())
    }

    fn write_plan(&self, plan: &BatchPlan, logs: &[(usize, LogEntry)]) -> Result<()> {
        let mut shared = self.shared();
        shared.require_metadata()?;
        if shared.sequence.admit_plan(plan.batch).map_err(refused)? == Admitted::Existing {
            return match shared.plans.get(&plan.batch) {
                Some(existing) if existing == plan => Ok(()),
                _ => Err(refused(other_plan(plan))),
            };
        }
        for (source, entry) in logs {
            if shared.source_logs.len() <= *source {
                shared.source_logs.resize_with(source + 1, Vec::new);
            }
            let log = &mut shared.source_logs[*source];
            match entry {
                LogEntry::Append(bytes) => log.push(bytes.clone()),
                LogEntry::Replace(bytes) => *log = vec![bytes.clone()],
            }
        }
        shared.plans.insert(plan.batch, plan.clone());
        if shared.plans.len() > RETAINED_PLANS {
            shared.plans.pop_first();
        }
        shared.sequence.planned = Some(plan.batch);
        Ok(())
    }

    fn write_commit(&self, commit: &Commit, changes: Vec<OperatorChanges>) -> Result<()> {
        let mut shared = self.shared();
        shared.require_metadata()?;
        shared.sequence.admit_commit(commit.batch).map_err(refused)?;
        if shared.keeps_state {
            if shared.operators.len() < changes.len() {
                shared.operators.resize_with(changes.len(), BTreeMap::new);
            }
            for (state, changes) in shared.operators.iter_mut().zip(&changes) {
                if let Some(through) = changes.dropped_through {
                    *state = match through.checked_add(1) {
                        Some(after) => state.split_off(&(after, Box::default())),
                        None => BTreeMap::new(),
                    };
                }
                for change in changes.iter() {
                    let key = (change.bucket, change.key.into());
                    match change.value {
                        Some(value) => state.insert(key, value.into()),
                        None => state.remove(&key),
                    };
                }
            }
        }
        shared.sequence.committed = Some(*commit);
        Ok(())
    }

    fn disk_bytes(&self) -> u64 {
        0
    }
}
