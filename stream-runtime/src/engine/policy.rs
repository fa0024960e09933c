//! [`WatermarkPolicy`]: what the watermarks of several inputs come to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the watermarks of several inputs become the query's one (`spark.sql.streaming.multipleWatermarkPolicy`).
///
/// It is fixed in the checkpoint at the first start: a query whose inputs have several watermarks can't go on with another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WatermarkPolicy {
    /// The smallest: no row is late because its input is slower than another one. An input without rows holds every window open, unless it
    /// is [`idle_after`](crate::source::SourceExt::idle_after) a time.
    #[default]
    Min,
    /// The largest: windows close with the fastest input, and what the others bring after that is late.
    Max,
}

impl fmt::Display for WatermarkPolicy {
    /// As Spark's option spells it: `min` or `max`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Min => "min",
            Self::Max => "max",
        })
    }
}
