//! [`Explain`]: a plan to print.

use std::fmt;

use super::PlanInfo;

/// A query's plan as text.
#[derive(Clone, Debug)]
pub struct Explain(PlanInfo);

impl Explain {
    /// The plan's text form.
    pub const fn new(info: PlanInfo) -> Self {
        Self(info)
    }
}

impl fmt::Display for Explain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.query)
    }
}
