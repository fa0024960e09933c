//! [`Phase`]: the unit in which a batch is computed.
//!
//! A query is a tree: inputs at the leaves, row functions between them, joins where branches meet, the result at the root. A phase is
//! one row function over all of its rows. It is run by all workers at once, each with its share of the rows; then rows or
//! partial results are exchanged between the workers, in rounds; then one thread finishes the phase, which gives the rows of a
//! later one, or the result.

use std::any::Any;

/// A phase of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// The inputs whose splits are read, one after the other; none if an earlier phase has made the rows.
    pub inputs: Vec<usize>,
    /// How many rounds of exchange follow, if there are several workers.
    pub rounds: usize,
}

/// What a worker has for another one.
#[derive(Debug)]
pub enum Packet {
    /// Packed rows in input order, each behind its place.
    Rows(Vec<u8>),
    /// A partial result, which its operator alone knows the type of.
    Part(Box<dyn Any + Send>),
}

impl Packet {
    /// The packed rows, if it has any.
    pub(super) fn rows(&self) -> Option<&[u8]> {
        match self {
            Self::Rows(rows) => Some(rows),
            Self::Part(_) => None,
        }
    }
}
