//! [`InUse`]: a transactional id that a sink of this process writes with.
//!
//! A second producer with the same id would fence the first; within a process that is a mistake that can be told from a new instance of the
//! query.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

static IDS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Holds an id until it is dropped.
#[derive(Debug)]
pub(super) struct InUse(String);

impl InUse {
    /// Takes the id.
    ///
    /// # Errors
    /// Another sink has it.
    pub(super) fn take(id: &str) -> Result<Self, String> {
        if IDS.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned()) {
            return Ok(Self(id.to_owned()));
        }
        Err(format!(
            "another sink of this process writes with the transactional id `{id}`: give one of two sinks that write to one topic a \
             `transactional_id` of its own, and let a query run once at a time"
        ))
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        IDS.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}
