//! The micro-batch engine: triggers, batches, watermarks, workers, progress, and the handle of a running query.

mod builder;
pub(crate) mod clock;
mod execution;
mod handle;
mod listener;
mod panics;
mod progress;
mod run;
mod shares;
mod stages;
mod start;
mod step;
mod terminal;
mod trigger;
mod watermark;
mod workers;

pub use builder::QueryBuilder;
pub use clock::{Clock, SystemClock};
pub(crate) use execution::Execution;
pub use handle::StreamingQuery;
pub use listener::QueryListener;
pub use progress::{
    EventTimeProgress, Progress, QueryStatus, SinkProgress, SourceProgress, StateOperatorProgress,
};
pub use step::{Step, StepHook};
pub use trigger::Trigger;
