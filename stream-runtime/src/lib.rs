//! Structured streaming, compiled: queries over unbounded tables, with event time, watermarks and output modes as in
//! Spark Structured Streaming, checked while the service is built and run inside it in exactly-once micro-batches.
//!
//! A row is a struct with [`#[derive(Schema)]`](derive@Schema); a query is written in [`stream_query!`], whose page is
//! the manual of the query language. The macro makes a type of the query: give it a source and a sink, and start it.
//!
//! ```
//! use stream_runtime::prelude::*;
//!
//! #[derive(Schema)]
//! struct Click {
//!     page: String,
//!     user: String,
//!     timestamp: Timestamp,
//! }
//!
//! #[derive(Schema, Debug, PartialEq)]
//! struct PageStat {
//!     window: Window,
//!     page: String,
//!     views: u64,
//!     visitors: u64,
//! }
//!
//! stream_query! {
//!     /// Views and visitors of each page, by five minutes.
//!     query PageStats(clicks: Click) -> PageStat {
//!         from click in clicks watermark(click.timestamp, minutes(2));
//!         group by window(click.timestamp, minutes(5)) as w, click.page;
//!         select PageStat {
//!             window: w,
//!             page: click.page,
//!             views: count(),
//!             visitors: count_distinct(click.user),
//!         };
//!         output append;
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> stream_runtime::Result<()> {
//!     let at = |minute: i64| Timestamp::from_secs(minute * 60);
//!     let click = |minute, user: &str| Click {
//!         page: "/home".to_owned(),
//!         user: user.to_owned(),
//!         timestamp: at(minute),
//!     };
//!     let (input, source) = MemorySource::new();
//!     let (results, sink) = MemorySink::new();
//!     input.add([click(1, "ada"), click(2, "bob"), click(4, "ada")]);
//!     // Moves the watermark to minute 6, which closes the first window.
//!     input.add([click(8, "eve")]);
//!
//!     let query = PageStats::query()
//!         .clicks(source)
//!         .to(sink)
//!         .trigger(Trigger::AvailableNow)
//!         .start()
//!         .await?;
//!     query.await_termination().await?;
//!
//!     let window = Window { start: at(0), end: at(5) };
//!     let row = PageStat { window, page: "/home".to_owned(), views: 3, visitors: 2 };
//!     assert_eq!(*results.last().expect("there were batches").rows, [row]);
//!     Ok(())
//! }
//! ```
//!
//! # Where to find things
//!
//! | | |
//! |---|---|
//! | [`prelude`] | what a service imports |
//! | [`stream_query!`] | the query language: clauses, output modes, aggregates, limits |
//! | [`schema`] | rows: [`Schema`] and its derive, and the types that a [`Column`](schema::Column) may have |
//! | [`time`] | [`Timestamp`](time::Timestamp), [`Duration`](time::Duration), [`Date`](time::Date), [`Window`](time::Window) |
//! | [`source`] | [`FileSource`](source::FileSource), `KafkaSource` (feature `kafka`), [`SocketSource`](source::SocketSource), [`RateSource`](source::RateSource), [`MemorySource`](source::MemorySource), malformed rows, and the trait [`Source`](source::Source) |
//! | [`static_input`] | tables to join with: [`StaticFile`](static_input::StaticFile), `StaticPostgres` (feature `postgres`), [`MemoryTable`](static_input::MemoryTable), `Vec`, and the trait [`StaticSource`](static_input::StaticSource) |
//! | [`sink`] | [`FileSink`](sink::FileSink), `KafkaSink` (feature `kafka`), [`ConsoleSink`](sink::ConsoleSink), [`MemorySink`](sink::MemorySink), [`TableSink`](sink::TableSink), [`ForeachSink`](sink::ForeachSink), [`ForeachBatchSink`](sink::ForeachBatchSink), `PostgresSink` (feature `postgres`), and the trait [`Sink`](sink::Sink) |
//! | `sql` (feature `sql`) | `SqlSession`: SQL over the tables of [`TableSink`](sink::TableSink) and [`MemorySink`](sink::MemorySink) while queries run |
//! | [`engine`] | [`QueryBuilder`](engine::QueryBuilder), [`Trigger`](engine::Trigger), the handle [`StreamingQuery`](engine::StreamingQuery), [`Progress`](engine::Progress), [`QueryListener`](engine::QueryListener), [`Clock`](engine::Clock) |
//! | [`expr`] | what each aggregate computes, and the trait [`Aggregate`](expr::Aggregate) for your own |
//! | [`process`] | the trait [`KeyedProcessor`](process::KeyedProcessor): your own operator, with state for each key, and timers |
//! | [`testing`] | [`TestQuery`](testing::TestQuery) and [`ManualClock`](testing::ManualClock) for a service's own tests |
//! | [`error`](mod@error) | the one [`Error`] |
//! | [`checkpoint`] | what a checkpoint holds, and the trait [`StateStore`](checkpoint::StateStore) |
//! | [`plan`], [`mode`] | a query's plan: [`Explain`](plan::Explain); output modes, as values and as types |
//! | [`format`](mod@format), [`state`], [`operator`] | what is underneath: JSON and CSV, what can be a key, windows. Services need them rarely, if ever |
//!
//! A query runs on the tokio runtime that it is started on; the work on rows has threads of its own. The library logs
//! with [`tracing`](https://docs.rs/tracing).
//!
//! # Cargo features
//!
//! | | |
//! |---|---|
//! | `kafka` | `source::KafkaSource` and `sink::KafkaSink`; builds librdkafka, which wants a C compiler, `make` and zlib |
//! | `kafka-ssl` | `kafka` over TLS, and with SASL/SCRAM and OAUTHBEARER; wants OpenSSL |
//! | `kafka-zstd` | `kafka` with topics that are compressed with zstd |
//! | `postgres` | `sink::PostgresSink`, `static_input::StaticPostgres`, and `postgres::BatchTable` for transactions of a service's own |
//! | `postgres-tls` | `postgres` over TLS, by rustls; wants a C compiler |
//! | `parquet` | files of Parquet: `FileSource`, `StaticFile`, `FileSink`; wants a C compiler |
//! | `orc` | ORC files as sources and tables; wants a C compiler |
//! | `compression` | JSON and CSV files compressed with gzip or Zstandard; wants a C compiler |
//! | `arrow` | `Chunk::Columns`, batches of columns from a source of the service's own; `parquet` and `orc` have it |
//! | `sql` | `sql::SqlSession`: SQL over results, by DataFusion; wants Rust 1.94 and a C compiler |
//! | `object-store` | object stores, in directories and in memory: `FileSource`, `StaticFile` and `FileSink` there, and `checkpoint::Mirror`, copies of checkpoints; see `object_store` |
//! | `object-store-s3` | … on S3, and on what speaks its protocol: `object_store::aws` |

// The derive writes `::stream_runtime::…`, also for the rows of this crate.
extern crate self as stream_runtime;

pub mod checkpoint;
pub mod engine;
pub mod error;
pub mod expr;
pub mod format;
#[cfg(feature = "kafka")]
mod kafka;
pub mod mode;
pub mod operator;
pub mod plan;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod process;
pub mod schema;
pub mod sink;
pub mod source;
#[cfg(feature = "sql")]
pub mod sql;
pub mod state;
pub mod static_input;
mod storage;
pub mod testing;
pub mod time;

#[doc(hidden)]
pub mod __private;

/// The engine of SQL over results, in the version that [`sql`] uses.
#[cfg(feature = "sql")]
pub use datafusion;
pub use error::{Error, Result};
/// The crate whose stores this one takes.
#[cfg(feature = "object-store")]
pub use object_store;
pub use schema::Schema;
pub use stream_macros::stream_query;
pub use uuid::Uuid;

/// What a service that runs queries imports: `use stream_runtime::prelude::*;`.
///
/// `Result` and `Error` aren't here, because they would hide those of the standard library.
pub mod prelude {
    pub use crate::engine::{Progress, QueryListener, StreamingQuery, Trigger, WatermarkPolicy};
    pub use crate::expr::Aggregate;
    pub use crate::schema::Schema;
    #[cfg(feature = "kafka")]
    pub use crate::sink::KafkaSink;
    #[cfg(feature = "postgres")]
    pub use crate::sink::PostgresSink;
    pub use crate::sink::{ConsoleSink, FileSink, ForeachSink, ForeachWriter, MemorySink, TableSink};
    #[cfg(feature = "kafka")]
    pub use crate::source::KafkaSource;
    pub use crate::source::{
        CleanSource, FileSource, Line, MemorySource, OnMalformed, RateRow, RateSource, SocketSource,
        SourceExt,
    };
    #[cfg(feature = "sql")]
    pub use crate::sql::SqlSession;
    #[cfg(feature = "postgres")]
    pub use crate::static_input::StaticPostgres;
    pub use crate::static_input::{MemoryTable, StaticFile, StaticSourceExt};
    pub use crate::stream_query;
    pub use crate::time::{
        Date, Duration, Timestamp, Window, days, hours, microseconds, milliseconds, minutes, seconds, weeks,
    };
}

/// The documents beside the code, whose examples are compiled and run as doctests.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../README.md")]
    struct Readme;

    #[doc = include_str!("../../stream-macros/src/stream_query.md")]
    struct QueryLanguage;
}
