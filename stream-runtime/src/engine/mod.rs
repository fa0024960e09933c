//! The micro-batch engine: triggers, batches, watermarks, workers, progress, and the handle of a running query.

mod builder;
pub mod clock;

pub use builder::QueryBuilder;
