//! The operators that a query is compiled into.
//!
//! Not for services: `stream_query!` writes what calls them. They have a page because compile errors name them.

pub mod dedup;
pub mod event_time;
pub mod groups;
pub mod join;
pub mod process;
pub(crate) mod route;
pub mod sessions;
pub mod windowing;
