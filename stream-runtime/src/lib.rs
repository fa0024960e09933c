//! Structured streaming, compiled.

// The derive writes `::stream_runtime::…`, also for the rows of this crate.
extern crate self as stream_runtime;

pub mod checkpoint;
pub mod engine;
pub mod error;
pub mod expr;
pub mod format;
pub mod operator;
pub mod plan;
pub mod schema;
pub mod sink;
pub mod source;
pub mod state;
pub mod testing;
pub mod time;

#[doc(hidden)]
pub mod __private;

pub use error::{Error, Result};
pub use schema::Schema;
pub use stream_macros::stream_query;

/// What a service that runs queries imports.
pub mod prelude {
    pub use crate::engine::{QueryListener, StreamingQuery, Trigger};
    pub use crate::schema::Schema;
    pub use crate::sink::{ConsoleSink, FileSink, ForeachSink, MemorySink};
    pub use crate::source::{
        FileSource, Line, MemorySource, OnMalformed, RateRow, RateSource, SocketSource, SourceExt,
    };
    pub use crate::stream_query;
    pub use crate::time::{
        Date, Duration, Timestamp, Window, days, hours, microseconds, milliseconds, minutes, seconds, weeks,
    };
}
