//! Inputs and hand-written loops that the benchmarks compare queries with.

pub mod hand_written;
pub mod input;
pub mod queries;
pub mod shared_rows;
