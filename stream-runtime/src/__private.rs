//! What generated code names. Not part of the public interface: it changes with the macros.

// What `stream_query!` names.
pub use crate::engine::QueryBuilder;
pub use crate::operator::groups::Groups;
pub use crate::operator::windowing::{Instants, Sliding, Tumbling, Unwindowed};
pub use crate::plan::{
    Append, Complete, Emitter, Explain, Forgotten, InputInfo, Missing, Mode, OperatorInfo, Plan, PlanInfo, Update,
    WatermarkInfo, from,
};
pub use crate::schema::{IntoColumn, Schema};
pub use crate::source::Source;
pub use crate::time::Duration;

pub use crate::expr;
