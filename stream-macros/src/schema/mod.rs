//! `#[derive(Schema)]`: parse the struct and its attributes, then write its view, decoders and encoders.

mod attributes;
mod case;
mod column_impl;
mod columns;
mod message;
mod object;
mod row;
mod schema_impl;
#[cfg(test)]
mod tests;
mod view;

use proc_macro2::TokenStream;
use quote::quote;

use crate::report::Report;
use row::Row;
pub(crate) use row::mentions;

/// Expands the derive. A mistake in an attribute doesn't keep the rest from being generated, so that it is
/// reported once and not once more at each use of the struct.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let mut report = Report::default();
    let generated = match syn::parse2(input) {
        Ok(input) => Row::parse(input, &mut report).map(|row| generate(&row)),
        Err(error) => {
            report.push(error);
            None
        }
    };
    let errors = report.finish();
    quote!(#generated #errors)
}

fn generate(row: &Row) -> TokenStream {
    let view = view::expand(row);
    let schema = schema_impl::expand(row);
    let column = column_impl::expand(row);
    let columns = columns::expand(row);
    quote! {
        #view
        const _: () = {
            use ::stream_runtime::__private;
            #columns
            #schema
            #column
        };
    }
}
