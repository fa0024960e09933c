//! SQL over results, while queries run: feature `sql`.
//!
//! A [`SqlSession`] holds tables by name: those of [`TableSink`](crate::sink::TableSink) and
//! [`MemorySink`](crate::sink::MemorySink), of one query or of several. [`SqlSession::query`] asks them, as
//! `spark.sql("SELECT … FROM my_table")` does, and the [`SqlResult`] gives typed rows, Arrow's record batches, or a table to look at.
//! The engine is [DataFusion](https://datafusion.apache.org), which a service with a context of its own finds as
//! [`stream_runtime::datafusion`](crate::datafusion).
//!
//! ```
//! use stream_runtime::prelude::*;
//!
//! #[derive(Schema)]
//! struct Click {
//!     page: String,
//!     user: String,
//! }
//!
//! #[derive(Schema)]
//! struct Views {
//!     page: String,
//!     user: String,
//!     views: u64,
//! }
//!
//! stream_query! {
//!     query PageViews(clicks: Click) -> Views {
//!         from click in clicks;
//!         group by click.page, click.user unbounded;
//!         select Views { page: click.page, user: click.user, views: count() };
//!         output update;
//!     }
//! }
//!
//! #[derive(Debug, PartialEq, Schema)]
//! struct Total {
//!     page: String,
//!     views: u64,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> stream_runtime::Result<()> {
//! let (table, sink) = TableSink::by(|row: &Views| (row.page.clone(), row.user.clone()));
//! let (clicks, source) = MemorySource::new();
//! let query = PageViews::query().clicks(source).to(sink).start().await?;
//! let sql = SqlSession::new().table("page_views", &table)?;
//!
//! let click = |page: &str, user: &str| Click { page: page.to_owned(), user: user.to_owned() };
//! clicks.add([click("/", "ada"), click("/help", "ada"), click("/", "bob")]);
//! assert!(table.wait_for_batch(0).await);
//!
//! let result = sql
//!     .query("SELECT page, sum(views) AS views FROM page_views GROUP BY page ORDER BY views DESC")
//!     .await?;
//! let total = |page: &str, views| Total { page: page.to_owned(), views };
//! assert_eq!(result.rows::<Total>()?, [total("/", 2), total("/help", 1)]);
//! println!("{result}");
//! query.stop().await
//! # }
//! ```
//!
//! # What a statement sees
//!
//! When it begins, it takes the snapshot of each table that it names: that of the last commit. It keeps to these
//! snapshots, however often it names a table and whatever is committed meanwhile. Taking one copies no row. Two tables of two queries
//! are each consistent in themselves: queries commit independently of each other, so one table may be a batch ahead of the other.
//!
//! The columns that a statement names, and no others, are made into Arrow's arrays, 8192 rows at a time, while DataFusion takes them in. It filters
//! and aggregates all rows of the table: there is no index. A single key is found faster by [`ResultTable::get`](crate::sink::ResultTable::get).
//!
//! # Columns
//!
//! | column | SQL |
//! |---|---|
//! | `bool` | `BOOLEAN` |
//! | `i8` … `i64`, `u8` … `u64`, `isize`, `usize` | integers of their width; those of 64 bits are `BIGINT` and `BIGINT UNSIGNED` |
//! | `i128`, `u128` | `DECIMAL(39, 0)`, which holds each of them exactly |
//! | `f32`, `f64` | `REAL`, `DOUBLE` |
//! | `String`, `Vec<u8>` | `VARCHAR`, `BYTEA` |
//! | `Timestamp` | timestamps in microseconds, UTC |
//! | `Duration`, `Date` | durations in microseconds; `DATE` |
//! | `Window` | a struct of the timestamps `start` and `end` |
//! | `Option`, `Vec`, nested structs | nullable columns, lists, structs |
//!
//! - **Parts of structs**: `window.start AS start`, or `page_views.window.start`; without `AS` the result's column is named `page_views.window[start]`.
//! - **Lists**: `tags[1]` is the first element; `unnest(tags)`, `array_length(tags)`, `array_has(tags, 'new')`.
//! - **Names** are lower case unless they are quoted: a column `userId` is `"userId"`, a table `PageViews` is `"PageViews"`.
//! - **Times**: `window.start >= '2026-01-01T00:00:00Z'`, `date_trunc('hour', window.start)`, `window.start + INTERVAL '5 minutes'`.
//!
//! [DataFusion's manual](https://datafusion.apache.org/user-guide/sql/) has the rest of the language, and its functions: of dates and
//! times, numbers, text, lists and regular expressions. `SHOW TABLES`, `DESCRIBE page_views` and `EXPLAIN SELECT …` are answered, too.
//!
//! # Statements of strangers
//!
//! Statements may come from outside: they read and nothing else, and one is refused that may be too deep for the stack, with more than 256 operators and
//! keywords, or too large to plan: with more than 64 tables, with more than 1000 queries and tables once each name of `WITH` is what it stands for, with `WITH` within
//! eight others, or with an expression of more than 16384 columns once `coalesce`, `BETWEEN`, comparisons and the columns of subqueries are written out. What they hold is bounded by [`SqlSession::memory_limit`], and what they answer by [`SqlSession::max_rows`].
//! The functions whose value is as large as a number in their arguments says aren't there: `repeat`, `lpad`, `rpad`, `array_repeat`, `array_resize`, and `range` and
//! `generate_series` as values; `FROM generate_series(1, 10)` makes rows, a batch at a time.
//!
//! Two things are left. Values that are made of other values aren't counted while they are made: text that is joined with itself over and over, or whose
//! every letter is replaced by a long text, takes any memory. And time isn't bounded: a join can go through any number of rows. A service that lets
//! strangers ask sets `tokio::time::timeout` around [`SqlSession::query`]. It ends a statement that runs, after some batches of rows. A statement that is being planned
//! ends for its caller, too; its planning goes on to its end on a thread for blocking work, and can't be cut short: the bounds above are for what is known to
//! make it long.
//!
//! All of this is so in [`SqlSession::query`], and in no context of the service's own.
//!
//! # Threads
//!
//! Statements run on the tokio runtime of whoever asks, in up to as many tasks as there are cores. They give way between batches of rows; what
//! DataFusion does at once is longer where it sorts many rows. A service whose answers mustn't wait for large statements asks them on a runtime of their own.

mod depth;
mod names;
mod problem;
mod result;
mod scan;
mod session;
mod size;
mod table;
mod turns;

pub use result::SqlResult;
pub use session::SqlSession;
pub use table::SqlTable;
