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

/// The functions of `RowFields` that read a value: an object without the columns that are parts.
pub(crate) fn value_fields(row: &Row) -> TokenStream {
    let (view, view_ident) = (row.view_type(&quote!('a)), &row.view_ident);
    let in_value = || row.columns.iter().filter(|column| column.kafka.is_none());
    let locals = in_value().map(|column| &column.place);
    let reads = in_value().map(|Column { index, place, .. }| {
        quote!(#index if __private::names(__COLUMNS, #index) => #place = object.read(Self::#place)?)
    });
    let scanned = row.columns.iter().map(|column| {
        let Column { ident, place, kafka, .. } = column;
        match (kafka, column.default_function()) {
            (Some(_), _) => quote!(#ident: Self::#place.placeholder()),
            (None, None) => quote!(#ident: object.next(Self::#place)?),
            (None, Some(default)) => quote!(#ident: object.next_or(Self::#place, Self::#default)?),
        }
    });
    let finished = row.columns.iter().map(|column| {
        let Column { ident, place, kafka, .. } = column;
        match (kafka, column.default_function()) {
            (Some(_), _) => quote!(#ident: Self::#place.placeholder()),
            (None, None) => quote!(#ident: object.finish(Self::#place, #place)?),
            (None, Some(default)) => quote!(#ident: object.finish_or(Self::#place, #place, Self::#default)),
        }
    });
    let marker = marker(row);
    quote! {
        #[inline]
        fn scan_value<'a, const __COLUMNS: __private::ColumnSet>(
            scanner: &mut __private::Scanner<'a>,
        ) -> __private::Option<#view> {
            let mut object = scanner.object::<__COLUMNS>()?;
            let view = #view_ident { #(#scanned,)* #marker };
            object.end()?;
            __private::Some(view)
        }

        fn read_value<'a, const __COLUMNS: __private::ColumnSet, __A: __private::MapAccess<'a>>(
            mut object: __private::Object<'a, __A, __COLUMNS>,
        ) -> __private::Result<#view, __A::Error> {
            #(let mut #locals = __private::None;)*
            while let __private::Some(column) = object.next_column::<Self>()? {
                match column {
                    #(#reads,)*
                    _ => object.skip()?,
                }
            }
            __private::Ok(#view_ident { #(#finished,)* #marker })
        }
    }
}
