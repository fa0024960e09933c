//! Inputs and hand-written loops that the benchmarks compare queries with.

pub(crate) mod cpu_time;
pub(crate) mod hand_written;
pub(crate) mod input;
pub(crate) mod median;
pub(crate) mod queries;
pub(crate) mod shared_rows;
