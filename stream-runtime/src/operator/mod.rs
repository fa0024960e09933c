//! The operators that a query is compiled into.

pub mod dedup;
pub mod event_time;
pub mod groups;
pub(crate) mod route;
pub mod sessions;
pub mod windowing;
