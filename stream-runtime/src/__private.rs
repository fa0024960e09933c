//! What generated code names. Not part of the public interface: it changes without notice.

// For `stream_query!`.
pub use crate::engine::{QueryBuilder, StreamingQuery};
pub use crate::error::Error;
pub use crate::expr;
pub use crate::operator::dedup::Deduplicated;
pub use crate::operator::groups::Groups;
pub use crate::operator::join::JoinKey;
pub use crate::operator::process::Processing;
pub use crate::operator::sessions::Sessions;
pub use crate::operator::windowing::{Instants, Sliding, Tumbling, Unwindowed, event_time};
pub use crate::plan::{
    AggregateWorker, AnyConstant, Append, Bounds, Claimed, Complete, Constant, Contains, Emitter, Explain,
    FullOuter, Here, Inner, InputInfo, JoinInfo, Left, LeftAnti, LeftOuter, LeftSemi, Missing, Mode,
    OperatorInfo, Plan, PlanInfo, Prune, PruneOp, PruneValue, QueryInfo, Reading, Reads, Right, RightOuter,
    RowsInfo, SessionWorker, TimeRange, Unbound, Update, WatermarkInfo, Yields, compare, from, from_query,
    within,
};
pub use crate::sink::{MessageWriter, Sink, Takes};
pub use crate::source::{Message, Source};
pub use crate::static_input::{
    KeySlot, Lookup, Lookups, Matches, StaticSource, StaticTable, lookup, or_null,
};
pub use crate::time::{Duration, Timestamp};

// For `#[derive(ProcessorState)]`.
pub use crate::process::{ProcessorState, StateVariable, VariableVisitor};

// For `#[derive(Schema)]`.
pub use crate::format::columns::{Bound, ColumnField, Differences, Values, bind_nested};
pub use crate::format::csv::{Cells, Record};
pub use crate::format::json::{
    Object, ObjectWriter, RowFields, Scanner, decode_in_any_order, decode_json_cell, decode_line,
    decode_line_in, decode_nested, decode_value, write_json_cell,
};
pub use crate::format::partition::PartitionValues;
pub use crate::format::{Arena, RowError, TextRow};
pub use crate::schema::columnar::{ColumnWriter, Columns};
pub use crate::schema::derive::{column_set, names};
pub use crate::schema::message::part;
pub use crate::schema::place::Place;
pub use crate::schema::{
    Column, ColumnSet, DataType, Decoding, Element, Field, HoldsTimestamps, InMessage, IntoColumn, Kind,
    MessagePart, Schema, TimestampFormat,
};
pub use core::clone::Clone;
pub use core::default::Default;
pub use core::iter::Iterator;
pub use core::option::Option::{self, None, Some};
pub use core::primitive::{str, u8, usize};
pub use core::result::Result::{self, Err, Ok};
pub use serde::de::{Deserializer, MapAccess};
pub use std::string::String;
pub use std::vec::Vec;

/// Whether a query's rows, once put out, stay as they are.
pub const fn is_append(info: &PlanInfo) -> bool {
    matches!(info.mode, Mode::Append)
}

/// Whether a column is among those named.
pub const fn names_column(names: &[&str], column: &str) -> bool {
    let mut number = 0;
    while number < names.len() {
        let (name, column) = (names[number].as_bytes(), column.as_bytes());
        let mut at = 0;
        while at < name.len() && at < column.len() && name[at] == column[at] {
            at += 1;
        }
        if at == name.len() && at == column.len() {
            return true;
        }
        number += 1;
    }
    false
}

/// The same span of time the other way.
pub const fn negative(duration: Duration) -> Duration {
    Duration::from_micros(duration.as_micros().saturating_neg())
}
