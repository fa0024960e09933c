//! Rows of which some columns are parts of a Kafka message: the others are its value's.

use proc_macro2::TokenStream;
use quote::quote;

use super::row::{Column, Row};
use super::schema_impl::marker;

/// `Schema::decode_message`.
pub(crate) fn decode_message(row: &Row) -> TokenStream {
    let (view, view_ident) = (row.view_type(&quote!('a)), &row.view_ident);
    let parts = row.columns.iter().filter_map(|column| {
        let (Column { ident, place, .. }, part) = (column, column.part_type()?);
        Some(quote! {
            #ident: Self::#place.from_message::<__private::#part, __COLUMNS>(message, arena)?
        })
    });
    let rest = if row.columns.iter().all(|column| column.kafka.is_some()) {
        let marker = marker(row);
        quote!(#marker)
    } else {
        quote!(..__private::decode_value::<Self, __COLUMNS>(message, arena)?)
    };
    quote! {
        fn decode_message<'a, const __COLUMNS: __private::ColumnSet>(
            message: &__private::Message<'a>,
            arena: &'a __private::Arena,
        ) -> __private::Result<#view, __private::RowError> {
            __private::Ok(#view_ident { #(#parts,)* #rest })
        }
    }
}

/// `Schema::encode_message`.
pub(crate) fn encode_message(row: &Row) -> TokenStream {
    let parts = row.columns.iter().filter_map(|column| {
        let (Column { ident, place, .. }, part) = (column, column.part_type()?);
        Some(quote!(Self::#place.write_message::<__private::#part>(view.#ident, message)))
    });
    let mut in_value = row.columns.iter().filter(|column| column.kafka.is_none()).peekable();
    let value = in_value.peek().is_some().then(|| {
        let written =
            in_value.map(|Column { ident, place, .. }| quote!(object.write(Self::#place, view.#ident)));
        quote! {
            message.write_value(|out| {
                let mut object = __private::ObjectWriter::new(out);
                #(#written;)*
                object.end();
            });
        }
    });
    quote! {
        fn encode_message(&self, message: &mut __private::MessageWriter) {
            let view = __private::Schema::view(self);
            #(#parts;)*
            #value
        }
    }
}
