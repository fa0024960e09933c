//! State in memory: keys, tables, and the buckets of time that hold them.
//!
//! [`key`] says what rows can be grouped by; the rest is the library's own.

pub mod key;

mod hasher;

mod blocks;
mod calendar;
pub(crate) mod codec;
pub(crate) mod expiring;
pub(crate) mod join_rows;

pub(crate) mod buckets;
pub(crate) mod table;
