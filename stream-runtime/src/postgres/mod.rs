//! PostgreSQL: how a server is reached, and transactions that happen once for each batch. With the feature `postgres`.
//!
//! [`PostgresSink`](crate::sink::PostgresSink) writes results to a table, [`StaticPostgres`](crate::static_input::StaticPostgres) is a
//! table to join with, and [`BatchTable`] makes the transactions of a service's own
//! [`for_each_batch`](crate::engine::QueryBuilder::for_each_batch) exactly once.
//!
//! # Types
//!
//! | column of a row | created as | also written to |
//! |---|---|---|
//! | `bool` | `boolean` | |
//! | `i8`, `i16`, `u8` | `smallint` | `integer`, `bigint`, `numeric` |
//! | `i32`, `u16` | `integer` | `bigint`, `numeric` |
//! | `i64`, `isize`, `u32` | `bigint` | `numeric` |
//! | `u64`, `usize` | `numeric(20)` | `bigint`: a value above its largest is an error |
//! | `i128`, `u128` | `numeric(39)` | |
//! | `f32`, `f64` | `real`, `double precision` | `f32` to `double precision` |
//! | `String` | `text` | `varchar`, `char`, `citext`, `name`, enums, `json`, `jsonb`, `uuid` |
//! | `Vec<u8>` | `bytea` | |
//! | `Timestamp` | `timestamptz` | `timestamp`, as UTC |
//! | `Date`, `Duration` | `date`, `interval` | |
//! | `Window` | two columns, `<name>_start` and `<name>_end`, of `timestamptz` | `timestamp`, as UTC |
//! | `Option` | may be null | |
//! | `Vec` of the above | an array | `json`, `jsonb` |
//! | structs, `Vec` of structs, of windows and of lists | `jsonb` | `json` |
//!
//! Domains count as what they are made of. The columns of a table that a row doesn't have get their defaults. Columns are told
//! by name, as `#[schema(rename = "…")]` gives it.
//!
//! The ends of [`Timestamp`](crate::time::Timestamp) and [`Date`](crate::time::Date) are `infinity` and `-infinity`. Text with a NUL
//! character can't be stored, nor a time before 4713 BC: such a row is an error that names it.
//!
//! Read are the same pairs, and integers of any width into those of any other, each value checked.

mod batches;
mod config;
mod connect;
mod decode;
mod encode;
pub(crate) mod failure;
pub(crate) mod layout;
mod numeric;
pub(crate) mod table;
#[cfg(feature = "postgres-tls")]
mod tls;
pub(crate) mod value;

pub use batches::{BatchTable, NewCheckpoint};
pub use config::PostgresConfig;
/// The client, for [`BatchTable`]: the version that this crate uses.
pub use tokio_postgres;
