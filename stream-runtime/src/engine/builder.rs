//! [`QueryBuilder`]: a compiled query with its sources bound, waiting for sinks and options.

use crate::plan::Plan;
use crate::sink::{Sink, Takes};
use crate::source::Source;

/// A query whose sources are bound. Give it at least one sink, then start it.
#[must_use = "a query does nothing until it is started"]
pub struct QueryBuilder<P: Plan> {
    plan: P,
    source: Box<dyn Source<P::Row>>,
    sinks: Vec<Box<dyn std::any::Any>>,
}

impl<P: Plan> QueryBuilder<P> {
    #[doc(hidden)]
    pub fn new(plan: P, source: impl Source<P::Row>) -> Self {
        Self { plan, source: Box::new(source), sinks: Vec::new() }
    }

    /// Adds a sink. A query may have several; each batch goes to all of them before it is committed.
    pub fn to<S: Sink<P::Output>>(self, _sink: S) -> Self
    where
        S::Modes: Takes<P::Mode>,
    {
        self
    }
}
