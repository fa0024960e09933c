//! The steps of a batch, by name: where a test lets a query crash.

/// A point between two actions of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Nothing of the batch is written yet.
    Starting,
    /// The batch's offsets are durable; no sink has seen a row.
    Planned,
    /// All rows went through the operators; no sink has seen a row.
    Computed,
    /// All sinks have the batch; it isn't committed.
    Written,
    /// The batch is committed; its sources don't know yet.
    Committed,
    /// The batch is over.
    Finished,
}

impl Step {
    /// All steps in order.
    pub const ALL: [Self; 6] =
        [Self::Starting, Self::Planned, Self::Computed, Self::Written, Self::Committed, Self::Finished];
}

/// Is called at each step of each batch; `false` makes the query fail there, as if the process had died.
pub type StepHook = std::sync::Arc<dyn Fn(u64, Step) -> bool + Send + Sync>;
