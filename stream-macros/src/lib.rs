//! The compiler behind `stream_query!` and `#[derive(Schema)]`.
