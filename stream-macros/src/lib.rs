//! The compiler behind `stream_query!` and `#[derive(Schema)]`.

mod message;
mod query;
mod report;

use proc_macro::TokenStream;

/// Compiles a streaming query.
#[proc_macro]
pub fn stream_query(tokens: TokenStream) -> TokenStream {
    query::expand(tokens.into()).into()
}
