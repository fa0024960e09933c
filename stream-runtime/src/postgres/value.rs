//! [`ValueType`]: the types of PostgreSQL's columns, and which of a row's columns go with which.

use tokio_postgres::types::{Kind as PgKind, Type};

use crate::schema::{DataType, Kind};

/// A type that values are read from or written to, domains and aliases resolved.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ValueType {
    Bool,
    Int2,
    Int4,
    Int8,
    Numeric,
    Float4,
    Float8,
    /// Every type whose binary form is its text.
    Text,
    Json,
    Jsonb,
    Uuid,
    Bytea,
    Timestamptz,
    /// Taken as UTC.
    Timestamp,
    Date,
    Interval,
    /// Its element, and the type number that stands in front of the elements.
    Array(Box<ValueType>, u32),
}

impl ValueType {
    /// The type as values are encoded; `None` for those that no column of a row goes with.
    pub(crate) fn of(ty: &Type) -> Option<Self> {
        match ty.kind() {
            PgKind::Domain(base) => return Self::of(base),
            PgKind::Enum(_) => return Some(Self::Text),
            PgKind::Array(element) => {
                let inner = Self::of(element)?;
                return match inner {
                    Self::Array(..) => None,
                    _ => Some(Self::Array(Box::new(inner), element.oid())),
                };
            }
            _ => {}
        }
        Some(match *ty {
            Type::BOOL => Self::Bool,
            Type::INT2 => Self::Int2,
            Type::INT4 => Self::Int4,
            Type::INT8 => Self::Int8,
            Type::NUMERIC => Self::Numeric,
            Type::FLOAT4 => Self::Float4,
            Type::FLOAT8 => Self::Float8,
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME => Self::Text,
            Type::JSON => Self::Json,
            Type::JSONB => Self::Jsonb,
            Type::UUID => Self::Uuid,
            Type::BYTEA => Self::Bytea,
            Type::TIMESTAMPTZ => Self::Timestamptz,
            Type::TIMESTAMP => Self::Timestamp,
            Type::DATE => Self::Date,
            Type::INTERVAL => Self::Interval,
            // An extension's type has no number of its own everywhere.
            _ if ty.name() == "citext" => Self::Text,
            _ => return None,
        })
    }

    /// Whether every value of such a column can be written here, or is checked when it is.
    pub(crate) fn takes(&self, column: &DataType) -> bool {
        use ValueType as V;
        match (column.kind(), self) {
            (Kind::Nullable(inner), _) => self.takes(inner),
            (Kind::Bool, V::Bool)
            | (Kind::I8 | Kind::U8 | Kind::I16, V::Int2 | V::Int4 | V::Int8 | V::Numeric)
            | (Kind::U16 | Kind::I32, V::Int4 | V::Int8 | V::Numeric)
            | (Kind::U32 | Kind::I64 | Kind::U64, V::Int8 | V::Numeric)
            | (Kind::I128 | Kind::U128, V::Numeric)
            | (Kind::F32, V::Float4 | V::Float8)
            | (Kind::F64, V::Float8)
            | (Kind::Text, V::Text | V::Uuid)
            | (Kind::Binary, V::Bytea)
            | (Kind::Time, V::Timestamptz | V::Timestamp)
            | (Kind::Day, V::Date)
            | (Kind::Span, V::Interval)
            | (Kind::Text | Kind::Struct | Kind::ListOf(_) | Kind::TimeWindow, V::Json | V::Jsonb) => true,
            (Kind::ListOf(element), V::Array(to, _)) => element_of(element).is_some() && to.takes(element),
            _ => false,
        }
    }

    /// Whether such a column can be read from here. Integers of all widths can: each value is checked.
    pub(crate) fn gives(&self, column: &DataType) -> bool {
        use ValueType as V;
        match (column.kind(), self) {
            (Kind::Nullable(inner), _) => self.gives(inner),
            (kind, V::Int2 | V::Int4 | V::Int8 | V::Numeric) => is_integer(kind),
            (Kind::F64, V::Float4) => true,
            (Kind::F32, V::Float8) => false,
            (Kind::ListOf(element), V::Array(from, _)) => {
                element_of(element).is_some() && from.gives(element)
            }
            _ => self.takes(column),
        }
    }
}

/// What an array holds for the elements of a list: one value each, which may be null.
fn element_of(element: &DataType) -> Option<&DataType> {
    match element.kind() {
        Kind::Nullable(inner) => element_of(inner),
        Kind::TimeWindow | Kind::Struct | Kind::ListOf(_) => None,
        _ => Some(element),
    }
}

fn is_integer(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::I8
            | Kind::I16
            | Kind::I32
            | Kind::I64
            | Kind::I128
            | Kind::U8
            | Kind::U16
            | Kind::U32
            | Kind::U64
            | Kind::U128
    )
}

/// The type that a table is created with for such a column, and that a report says is missing.
pub(crate) fn created_as(column: &DataType) -> String {
    match column.kind() {
        Kind::Nullable(inner) => created_as(inner),
        Kind::Bool => "boolean".to_owned(),
        Kind::I8 | Kind::U8 | Kind::I16 => "smallint".to_owned(),
        Kind::U16 | Kind::I32 => "integer".to_owned(),
        Kind::U32 | Kind::I64 => "bigint".to_owned(),
        Kind::U64 => "numeric(20)".to_owned(),
        Kind::I128 | Kind::U128 => "numeric(39)".to_owned(),
        Kind::F32 => "real".to_owned(),
        Kind::F64 => "double precision".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Binary => "bytea".to_owned(),
        Kind::Time => "timestamptz".to_owned(),
        Kind::Day => "date".to_owned(),
        Kind::Span => "interval".to_owned(),
        Kind::TimeWindow | Kind::Struct => "jsonb".to_owned(),
        Kind::ListOf(element) => match element_of(element) {
            Some(element) => format!("{}[]", created_as(element)),
            None => "jsonb".to_owned(),
        },
    }
}

/// Whether a row may have a null there.
pub(crate) fn is_nullable(column: &DataType) -> bool {
    matches!(column.kind(), Kind::Nullable(_))
}

/// The column without its `Option`s.
pub(crate) fn innermost(column: &DataType) -> &DataType {
    match column.kind() {
        Kind::Nullable(inner) => innermost(inner),
        _ => column,
    }
}
