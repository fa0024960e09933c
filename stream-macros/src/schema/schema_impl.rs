//! `impl Schema`: the columns' table, decoding into the view, and the packed form.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;

use super::attributes::DefaultValue;
use super::columns;
use super::message;
use super::object;
use super::row::{Column, Row};

pub(crate) fn expand(row: &Row) -> TokenStream {
    let places = places(row);
    let schema = schema(row);
    let row_fields = object::row_fields(row);
    quote!(#places #schema #row_fields)
}

/// The view's field for parameters that no column mentions.
pub(crate) fn marker(row: &Row) -> Option<TokenStream> {
    (!row.unused_parameters().is_empty()).then(|| quote!(__parameters: ::core::marker::PhantomData))
}

/// The columns, each under the name that the rest of the generated code uses.
fn places(row: &Row) -> TokenStream {
    let ident = &row.ident;
    let (impl_generics, type_generics, where_clause) = row.generics.split_for_impl();
    let places = row.columns.iter().map(Column::place);
    let names = row.columns.iter().map(|column| column.ident.unraw().to_string());
    let defaults = row.columns.iter().filter_map(|column| {
        let (name, ty) = (column.default_function()?, &column.ty);
        let call = column.default.as_ref()?.call(ty);
        Some(quote! {
            fn #name() -> #ty {
                #call
            }
        })
    });
    quote! {
        #[automatically_derived]
        #[allow(non_upper_case_globals)]
        impl #impl_generics #ident #type_generics #where_clause {
            #(#places)*

            #(#defaults)*

            /// The set of the columns with these Rust names.
            #[doc(hidden)]
            pub const fn __columns(names: &[&__private::str]) -> __private::ColumnSet {
                __private::column_set(&[#(#names),*], names)
            }
        }
    }
}

fn schema(row: &Row) -> TokenStream {
    let ident = &row.ident;
    let name = ident.unraw().to_string();
    let (impl_generics, type_generics, where_clause) = row.generics.split_for_impl();
    let view_ident = &row.view_ident;
    let (view, any_view) = (row.view_type(&quote!('a)), row.view_type(&quote!('_)));
    let fields = row.columns.iter().map(|column| {
        let (place, type_name, has_default) = (&column.place, column.type_name(), column.default.is_some());
        quote!(Self::#place.field(#type_name, #has_default))
    });
    let data_types = row.columns.iter().map(|Column { place, .. }| quote!(Self::#place.data_type()));
    let views =
        row.columns.iter().map(|Column { ident, .. }| quote!(#ident: __private::Column::view(&self.#ident)));
    let owned = row
        .columns
        .iter()
        .map(|Column { ident, .. }| quote!(#ident: __private::Column::from_view(view.#ident)));
    let skipped = row.skipped.iter().map(|field| {
        let (ident, ty) = (&field.ident, &field.ty);
        let call = field.default.as_ref().unwrap_or(&DefaultValue::OfType).call(ty);
        quote!(#ident: #call)
    });
    let cells = row.columns.iter().map(|column| {
        let Column { ident, place, .. } = column;
        match column.default_function() {
            None => quote!(#ident: cells.read(Self::#place)?),
            Some(default) => quote!(#ident: cells.read_or(Self::#place, Self::#default)?),
        }
    });
    let texts = row
        .columns
        .iter()
        .map(|Column { ident, place, .. }| quote!(columns.push(Self::#place, &self.#ident)));
    let marker = marker(row);
    let decode_message = row.has_parts().then(|| message::decode_message(row));
    let (packed, columns) = (packed_form(row), columns::schema_items(row));
    let write_columns = write_columns(row);
    let encode_message = row.has_parts().then(|| message::encode_message(row));
    quote! {
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #impl_generics __private::Schema for #ident #type_generics #where_clause {
            type View<'a> = #view;

            const NAME: &'static __private::str = #name;

            const FIELDS: &'static [__private::Field] = &[#(#fields),*];

            fn data_types() -> __private::Vec<__private::DataType> {
                __private::Vec::from([#(#data_types),*])
            }

            fn view(&self) -> #any_view {
                #view_ident { #(#views,)* #marker }
            }

            fn from_view(view: #any_view) -> Self {
                Self { #(#owned,)* #(#skipped,)* }
            }

            fn decode_json<'a, const __COLUMNS: __private::ColumnSet>(
                line: &'a __private::str,
                arena: &'a __private::Arena,
            ) -> __private::Result<#view, __private::RowError> {
                __private::decode_line::<Self, __COLUMNS>(line, arena)
            }

            fn decode_json_in<'a, const __COLUMNS: __private::ColumnSet>(
                line: &'a __private::str,
                partition: &'a __private::PartitionValues,
                arena: &'a __private::Arena,
            ) -> __private::Result<#view, __private::RowError> {
                __private::decode_line_in::<Self, __COLUMNS>(line, partition, arena)
            }

            #decode_message

            fn decode_csv<'a, const __COLUMNS: __private::ColumnSet>(
                record: __private::Record<'a>,
                arena: &'a __private::Arena,
            ) -> __private::Result<#view, __private::RowError> {
                let cells = __private::Cells::<__COLUMNS>::new(record, arena);
                __private::Ok(#view_ident { #(#cells,)* #marker })
            }

            #columns

            fn encode_json(&self, out: &mut __private::Vec<__private::u8>) {
                let view = __private::Schema::view(self);
                <Self as __private::Column>::encode_json(view, __private::TimestampFormat::Rfc3339, out);
            }

            #encode_message

            fn encode_text(&self, columns: &mut __private::TextRow) {
                #(#texts;)*
            }

            #packed

            #write_columns
        }
    }
}

/// The row as state keeps it.
fn packed_form(row: &Row) -> TokenStream {
    let (view, any_view) = (row.view_type(&quote!('a)), row.view_type(&quote!('_)));
    let view_ident = &row.view_ident;
    let packed = row
        .columns
        .iter()
        .map(|Column { ident, place, .. }| quote!(Self::#place.pack::<__COLUMNS>(view.#ident, out)));
    let unpacked = row
        .columns
        .iter()
        .map(|Column { ident, place, .. }| quote!(#ident: Self::#place.unpack::<__COLUMNS>(bytes, arena)?));
    let marker = marker(row);
    quote! {
        fn pack<const __COLUMNS: __private::ColumnSet>(
            view: #any_view,
            out: &mut __private::Vec<__private::u8>,
        ) {
            #(#packed;)*
        }

        fn unpack<'a, const __COLUMNS: __private::ColumnSet>(
            bytes: &mut &'a [__private::u8],
            arena: &'a __private::Arena,
        ) -> __private::Option<#view> {
            __private::Some(#view_ident { #(#unpacked,)* #marker })
        }
    }
}

/// Rows one column after another.
fn write_columns(row: &Row) -> TokenStream {
    let view = row.view_type(&quote!('a));
    let by_column = row.columns.iter().map(
        |Column { ident, place, .. }| quote!(columns.column(Self::#place, rows.clone().map(|row| row.map(|row| row.#ident)))?),
    );
    quote! {
        fn write_columns<'a, __C: __private::Columns, __I>(
            rows: __I,
            columns: &mut __C,
        ) -> __private::Result<(), __C::Error>
        where
            __I: __private::Iterator<Item = __private::Option<#view>> + __private::Clone,
        {
            #(#by_column;)*
            __private::Ok(())
        }
    }
}
