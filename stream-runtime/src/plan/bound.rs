//! The state of a query's builder before its input has a source.

/// An input without a source.
#[derive(Clone, Copy, Debug)]
pub struct Missing;

/// The builder that a query has once its source is given.
///
/// Never implemented: the macro makes a subtrait for each query, whose error says which input was forgotten.
/// As the builder's type is part of the unmet bound, the calls that follow aren't reported as well.
pub trait Forgotten {
    /// What the next method would be called on.
    type Builder;
    /// Would take the method's argument.
    fn builder<T>(value: T) -> Self::Builder;
}
