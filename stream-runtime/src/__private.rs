//! What generated code names. Not part of the public interface: it changes without notice.

// For `stream_query!`.
pub use crate::engine::{QueryBuilder, StreamingQuery};
pub use crate::error::Error;
pub use crate::expr;
pub use crate::operator::dedup::Deduplicated;
pub use crate::operator::groups::Groups;
pub use crate::operator::process::Processing;
pub use crate::operator::sessions::Sessions;
pub use crate::operator::windowing::{Instants, Sliding, Tumbling, Unwindowed, event_time};
pub use crate::plan::{
    AggregateWorker, Append, Complete, Emitter, Explain, Forgotten, InputInfo, Missing, Mode, OperatorInfo,
    Plan, PlanInfo, SessionWorker, Unbound, Update, WatermarkInfo, from,
};
pub use crate::source::Source;
pub use crate::time::{Duration, Timestamp};

// For `#[derive(ProcessorState)]`.
pub use crate::process::{ProcessorState, StateVariable, VariableVisitor};

// For `#[derive(Schema)]`.
pub use crate::format::csv::{Cells, Record};
pub use crate::format::json::{
    Object, ObjectWriter, RowFields, Scanner, decode_in_any_order, decode_json_cell, decode_line,
    decode_nested, write_json_cell,
};
pub use crate::format::{Arena, RowError, TextRow};
pub use crate::schema::derive::{column_set, names};
pub use crate::schema::place::Place;
pub use crate::schema::{
    Column, ColumnSet, Decoding, Element, Field, HoldsTimestamps, IntoColumn, Schema, TimestampFormat,
};
pub use core::default::Default;
pub use core::option::Option::{self, None, Some};
pub use core::primitive::{str, u8, usize};
pub use core::result::Result::{self, Err, Ok};
pub use serde::de::{Deserializer, MapAccess};
pub use std::string::String;
pub use std::vec::Vec;
