//! The micro-batch engine: triggers, batches, watermarks, workers, progress, and the handle of a running query.

mod builder;

pub use builder::QueryBuilder;
