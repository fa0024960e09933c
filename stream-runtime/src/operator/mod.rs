//! The operators that a query is compiled into.

pub mod event_time;
pub mod groups;
pub mod windowing;
