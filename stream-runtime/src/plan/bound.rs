//! The state of a query's builder before its input has a source.

use crate::engine::StreamingQuery;
use crate::error::Result;

use super::Explain;

/// An input without a source.
#[derive(Clone, Copy, Debug)]
pub struct Missing;

/// The builder of a query without a source. It has no values; its methods exist so that a forgotten source is
/// one error, and not one more for each call after it.
///
/// The macro makes a trait for each query, which only this implements: its error says what was forgotten.
#[derive(Clone, Copy, Debug)]
pub enum Unbound {}

impl Unbound {
    /// Stands in for [`QueryBuilder::to`](crate::engine::QueryBuilder::to).
    pub fn to<T>(self, _sink: T) -> Self {
        self
    }

    /// Stands in for [`QueryBuilder::checkpoint`](crate::engine::QueryBuilder::checkpoint).
    pub fn checkpoint<T>(self, _directory: T) -> Self {
        self
    }

    /// Stands in for [`QueryBuilder::trigger`](crate::engine::QueryBuilder::trigger).
    pub fn trigger<T>(self, _trigger: T) -> Self {
        self
    }

    /// Stands in for [`QueryBuilder::name`](crate::engine::QueryBuilder::name).
    pub fn name<T>(self, _name: T) -> Self {
        self
    }

    /// Stands in for [`QueryBuilder::workers`](crate::engine::QueryBuilder::workers).
    pub fn workers<T>(self, _workers: T) -> Self {
        self
    }

    /// Stands in for [`QueryBuilder::listener`](crate::engine::QueryBuilder::listener).
    pub fn listener<T>(self, _listener: T) -> Self {
        self
    }

    /// Stands in for [`QueryBuilder::clock`](crate::engine::QueryBuilder::clock).
    pub fn clock<T>(self, _clock: T) -> Self {
        self
    }

    /// Stands in for [`QueryBuilder::at_step`](crate::engine::QueryBuilder::at_step).
    pub fn at_step<T>(self, _hook: T) -> Self {
        self
    }

    /// Stands in for [`QueryBuilder::watermark_policy`](crate::engine::QueryBuilder::watermark_policy).
    pub fn watermark_policy<T>(self, _policy: T) -> Self {
        self
    }

    /// Stands in for [`QueryBuilder::flush_after`](crate::engine::QueryBuilder::flush_after).
    pub fn flush_after<T>(self, _silence: T) -> Self {
        self
    }

    /// Stands in for [`QueryBuilder::explain`](crate::engine::QueryBuilder::explain).
    pub fn explain(&self) -> Explain {
        match *self {}
    }

    /// Stands in for [`QueryBuilder::start`](crate::engine::QueryBuilder::start).
    #[allow(clippy::unused_async, reason = "the real one is awaited")]
    pub async fn start(self) -> Result<StreamingQuery> {
        match self {}
    }
}
