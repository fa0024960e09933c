//! The compiler behind `stream_query!` and `#[derive(Schema)]`.
//!
//! Use both through `stream-runtime`: what they generate names its types.

mod message;
mod query;
mod report;
mod schema;
mod state;

#[doc = include_str!("stream_query.md")]
#[proc_macro]
pub fn stream_query(tokens: proc_macro::TokenStream) -> proc_macro::TokenStream {
    query::expand(tokens.into()).into()
}

/// Derives `Schema` for a struct: its borrowed view, the table of its columns, and its JSON and CSV forms.
///
/// On the struct:
///
/// - `#[schema(rename_all = "camelCase")]` makes every column's external name from its field's. It takes serde's
///   cases: `lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`, `snake_case`, `SCREAMING_SNAKE_CASE`,
///   `kebab-case`, `SCREAMING-KEBAB-CASE`.
///
/// On a field:
///
/// - `#[schema(rename = "user-id")]` sets its external name, which `rename_all` then leaves alone.
/// - `#[schema(default)]` fills it with `Default::default()` when a row doesn't have it, and
///   `#[schema(default = "path")]` with what the function `path` returns. A `null` is not a missing value.
/// - `#[schema(skip)]` makes it no column: it isn't in the view, nor read, nor written, and a row that is read
///   has `Default::default()` there, or what `default = "path"` says.
/// - `#[schema(timestamp = "millis")]` reads and writes its timestamps as numbers since the epoch: `seconds`,
///   `millis` or `micros`; `rfc3339` is what it does without.
/// - `#[schema(kafka = "key")]` takes it from another part of a Kafka message than its JSON value, and puts it there: `key` and `value` (the
///   value as a whole, instead of columns of it), any column, bytes as they are, text or JSON by its type; `topic`, a `String` or
///   `Option<String>`; `partition`, an `i32` or `Option<i32>`; `timestamp`, a `Timestamp` or `Option<Timestamp>`; `headers`, a `Vec<Header>`;
///   and, only to be read, `offset`, an `i64`, and `timestamp_type` (0: when it was made, 1: when it was written), an `i32`. Everywhere else it
///   is a column like any other.
///
/// A generic struct gets the bound `Column` on its columns' types. The view is a struct of its own, `ClickView<'a>` for
/// `Click`, with the same visibility.
///
/// A struct has at least one column and at most 128; a field whose type derives `Schema` itself is one column. The trait's page
/// has an example.
#[proc_macro_derive(Schema, attributes(schema))]
pub fn derive_schema(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    schema::expand(input.into()).into()
}

/// Derives `ProcessorState` for a struct whose fields are state variables: `ValueState<T>`, `ListState<T>` or
/// `MapState<K, V>`.
///
/// `#[state(ttl = hours(1))]` on a field sets how long a value of the variable is kept after its last update, by the
/// time of the batches: a constant `Duration`, more than zero.
///
/// The trait's page has an example.
#[proc_macro_derive(ProcessorState, attributes(state))]
pub fn derive_processor_state(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    state::expand(input.into()).into()
}
