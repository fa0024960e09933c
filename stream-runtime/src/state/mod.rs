//! State in memory: keys, tables, and the buckets of time that hold them.

pub mod key;

mod hasher;

pub(crate) mod codec;

pub(crate) mod buckets;
pub(crate) mod table;
