//! [`Schema`] and [`Column`]: what a row is, and what may stand in it.
//!
//! `#[derive(Schema)]` writes everything here for a service's struct. Operators never see the struct itself
//! but its *view*: a `Copy` struct that borrows text and bytes from the input buffer, so that a row costs no
//! allocation. A column that a query doesn't name is skipped by the decoder at compile time.

mod column;
pub(crate) mod columnar;
mod data_type;
pub(crate) mod derive;
mod float;
mod into_column;
mod list;
pub(crate) mod message;
mod number;
pub(crate) mod pack;
pub(crate) mod place;
mod text;
mod times;
mod window;

pub use crate::format::{Arena, RowError};
pub(crate) use column::Seed;
pub use column::{Column, Decoding, Element, HoldsTimestamps, TimestampFormat};
pub use data_type::{DataType, Kind};
pub use into_column::IntoColumn;
pub use list::{List, ListIter};
pub use message::{InMessage, MessagePart};
/// Derives [`Schema`] (the trait) for a struct whose fields are [`Column`]s.
pub use stream_macros::Schema;

use crate::format::message::Message;
use crate::format::message_writer::MessageWriter;

/// The columns that a query names: bit *i* stands for field *i* of the schema.
pub type ColumnSet = u128;

/// A row type: the columns of a source, or of a query's result.
///
/// Derive it; don't implement it by hand. [`Column`] lists the types that its fields may have, and the derive's own
/// page the attributes that they take.
///
/// ```
/// use stream_runtime::prelude::*;
/// use stream_runtime::schema::Arena;
///
/// #[derive(Schema)]
/// #[schema(rename_all = "camelCase")]
/// struct Click {
///     user_id: String,
///     amount: Option<f64>,
///     #[schema(timestamp = "millis")]
///     timestamp: Timestamp,
/// }
///
/// let arena = Arena::default();
/// let line = r#"{"userId":"u1","timestamp":1767225600000}"#;
/// let click: ClickView<'_> = Click::decode_json::<{ u128::MAX }>(line, &arena)?;
/// assert_eq!(click.user_id, "u1");
/// assert_eq!(click.amount, None);
/// assert_eq!(click.timestamp, "2026-01-01T00:00:00Z".parse()?);
///
/// let mut json = Vec::new();
/// Click::from_view(click).encode_json(&mut json);
/// assert_eq!(json, line.as_bytes());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no row type",
    label = "doesn't derive `Schema`",
    note = "rows are structs with `#[derive(Schema)]`"
)]
pub trait Schema: Sized + Send + Sync + 'static {
    /// The borrowed, `Copy` form of a row: `String` is `&str`, `Vec<u8>` is `&[u8]`, numbers are themselves.
    type View<'a>: Copy + Send;

    /// The columns out of a batch of columns.
    #[doc(hidden)]
    type Columns<'a>: Send + Sync;

    /// The struct's name.
    const NAME: &'static str;
    /// The columns in declared order, under their external names.
    const FIELDS: &'static [Field];

    /// The types of the columns, in declared order.
    fn data_types() -> Vec<DataType>;

    /// Borrows the row.
    fn view(&self) -> Self::View<'_>;

    /// Copies a view into a row of its own.
    fn from_view(view: Self::View<'_>) -> Self;

    /// Decodes one line of JSON, reading only the fields in `COLUMNS`; the others hold placeholders.
    fn decode_json<'a, const COLUMNS: u128>(
        line: &'a str,
        arena: &'a Arena,
    ) -> Result<Self::View<'a>, RowError>;

    /// Decodes one line of JSON of a file whose directories hold some of the columns.
    #[doc(hidden)]
    fn decode_json_in<'a, const COLUMNS: u128>(
        line: &'a str,
        partition: &'a crate::format::partition::PartitionValues,
        arena: &'a Arena,
    ) -> Result<Self::View<'a>, RowError>;

    /// Decodes a message of a topic, reading only the fields in `COLUMNS`: columns with `#[schema(kafka = "…")]` from where that says,
    /// the others from its value, which is a JSON object.
    fn decode_message<'a, const COLUMNS: u128>(
        message: &Message<'a>,
        arena: &'a Arena,
    ) -> Result<Self::View<'a>, RowError> {
        Self::decode_json::<COLUMNS>(message.value_text()?, arena)
    }

    /// Decodes one CSV record, reading only the fields in `COLUMNS`.
    fn decode_csv<'a, const COLUMNS: u128>(
        record: crate::format::csv::Record<'a>,
        arena: &'a Arena,
    ) -> Result<Self::View<'a>, RowError>;

    /// Finds the columns in `COLUMNS` in a batch of columns, and notes what doesn't fit.
    #[doc(hidden)]
    fn bind_columns<'a, const COLUMNS: u128>(
        fields: &'a [crate::format::columns::ColumnField<'a>],
        differences: &mut crate::format::columns::Differences,
    ) -> Self::Columns<'a>;

    /// A row of a batch of columns, bound with the same `COLUMNS`; the others hold placeholders.
    #[doc(hidden)]
    fn read_columns<'a, const COLUMNS: u128>(
        columns: &Self::Columns<'a>,
        row: usize,
        arena: &'a Arena,
    ) -> Result<Self::View<'a>, RowError>;

    /// Appends the row as one JSON object, without a line end.
    fn encode_json(&self, out: &mut Vec<u8>);

    /// Writes the row as a message: columns with `#[schema(kafka = "…")]` where that says, the others as a JSON object, its value.
    fn encode_message(&self, message: &mut MessageWriter) {
        message.write_value(|out| self.encode_json(out));
    }

    /// Appends each column's text, as CSV and the console print it.
    fn encode_text(&self, columns: &mut crate::format::TextRow);

    /// Appends the row as state keeps it: only the columns in `COLUMNS`, in declared order, each in the packed
    /// form that [`Column`] lists.
    ///
    /// Neither the columns nor their types stand in the bytes. What tells one form from another is the fingerprint
    /// of the checkpoint that holds them.
    ///
    /// ```
    /// use stream_runtime::prelude::*;
    /// use stream_runtime::schema::Arena;
    ///
    /// #[derive(Schema)]
    /// struct Click {
    ///     user_id: String,
    ///     page: String,
    ///     amount: u16,
    /// }
    ///
    /// const NAMED: u128 = 0b101; // `user_id` and `amount`
    /// let click = Click { user_id: "u1".into(), page: "/cart".into(), amount: 7 };
    /// let mut packed = Vec::new();
    /// Click::pack::<NAMED>(click.view(), &mut packed);
    /// assert_eq!(packed, b"\x02u1\x07\0");
    ///
    /// let (arena, mut bytes) = (Arena::default(), packed.as_slice());
    /// let view = Click::unpack::<NAMED>(&mut bytes, &arena).ok_or("damaged")?;
    /// assert_eq!((view.user_id, view.page, view.amount), ("u1", "", 7));
    /// assert!(bytes.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn pack<const COLUMNS: u128>(view: Self::View<'_>, out: &mut Vec<u8>);

    /// Takes a row that [`pack`](Schema::pack) wrote with the same `COLUMNS` off the front of `bytes`, so that the
    /// next row can be taken; the other columns hold placeholders.
    ///
    /// The view borrows text and binary data from `bytes`; lists go to the arena. `None` if no such row stands
    /// there; where `bytes` begins is then unspecified. Lists within lists are read down to the 128th level, which
    /// no row from JSON goes beyond.
    fn unpack<'a, const COLUMNS: u128>(bytes: &mut &'a [u8], arena: &'a Arena) -> Option<Self::View<'a>>;

    /// Hands over the rows by column.
    #[doc(hidden)]
    fn write_columns<'a, C: columnar::Columns, I>(rows: I, columns: &mut C) -> Result<(), C::Error>
    where
        I: Iterator<Item = Option<Self::View<'a>>> + Clone;
}

/// A column of a [`Schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name in files and messages.
    pub name: &'static str,
    /// The Rust type as the service wrote it.
    pub type_name: &'static str,
    /// Whether the column may be null (`Option`).
    pub nullable: bool,
    /// Whether a row may leave the column out (`#[schema(default)]`).
    pub has_default: bool,
    /// The part of a message that the column is (`#[schema(kafka = "…")]`).
    pub part: Option<MessagePart>,
}
