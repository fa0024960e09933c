//! The micro-batch engine: triggers, batches, watermarks, workers, progress, and the handle of a running query.
//!
//! A query's sources give a [`QueryBuilder`]; [`QueryBuilder::start`] gives a [`StreamingQuery`]. Of each batch the plan
//! is durable before a sink sees a row, and state and commit follow in one atomic write, so that a batch which was cut
//! short runs again with the same input.

mod builder;
pub(crate) mod clock;
mod computed;
mod execution;
mod fingerprint;
mod handle;
mod inputs;
mod late;
mod listener;
mod nested;
mod outputs;
mod panics;
mod phases;
mod planning;
mod policy;
mod progress;
mod reporting;
mod run;
mod shares;
mod silence;
mod stages;
mod start;
mod step;
mod terminal;
mod together;
mod trigger;
mod watermark;
mod workers;

pub use builder::QueryBuilder;
pub use clock::{Clock, SystemClock};
pub(crate) use execution::Execution;
pub use handle::StreamingQuery;
pub use listener::QueryListener;
pub use policy::WatermarkPolicy;
pub use progress::{
    EventTimeProgress, MirrorProgress, Progress, QueryStatus, SinkProgress, SourceProgress,
    StateOperatorProgress,
};
pub use step::{Step, StepHook};
pub use trigger::Trigger;
