//! `impl Column`: the struct as a column of another one, and its JSON form.

use proc_macro2::TokenStream;
use quote::quote;

use super::columns;
use super::row::{Column, Row};
use super::schema_impl::marker;

pub(crate) fn expand(row: &Row) -> TokenStream {
    let ident = &row.ident;
    let view_ident = &row.view_ident;
    let (impl_generics, type_generics, where_clause) = row.generics.split_for_impl();
    let (view, any_view) = (row.view_type(&quote!('a)), row.view_type(&quote!('_)));
    let kept = row
        .columns
        .iter()
        .map(|Column { ident, place, .. }| quote!(#ident: Self::#place.keep(view.#ident, arena)));
    let placeholders =
        row.columns.iter().map(|Column { ident, place, .. }| quote!(#ident: Self::#place.placeholder()));
    let written =
        row.columns.iter().map(|Column { ident, place, .. }| quote!(object.write(Self::#place, view.#ident)));
    let marker = marker(row);
    let into_columns = into_columns(row);
    let columns = columns::column_items(row);
    quote! {
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #impl_generics __private::Column for #ident #type_generics #where_clause {
            type View<'a> = #view;

            fn data_type() -> __private::DataType {
                __private::DataType::new::<Self>(__private::Kind::Struct)
            }

            fn view(&self) -> #any_view {
                <Self as __private::Schema>::view(self)
            }

            fn from_view(view: #any_view) -> Self {
                <Self as __private::Schema>::from_view(view)
            }

            fn keep<'a>(view: #any_view, arena: &'a __private::Arena) -> #view {
                #view_ident { #(#kept,)* #marker }
            }

            fn placeholder<'a>() -> <Self as __private::Column>::View<'a> {
                #view_ident { #(#placeholders,)* #marker }
            }

            fn decode_json<'a, __D: __private::Deserializer<'a>>(
                value: __D,
                decoding: __private::Decoding<'a>,
            ) -> __private::Result<#view, __D::Error> {
                __private::decode_nested::<Self, __D>(value, decoding)
            }

            fn scan_json<'a>(
                scanner: &mut __private::Scanner<'a>,
                _: __private::Decoding<'a>,
            ) -> __private::Option<#view> {
                <Self as __private::RowFields>::scan_object::<{ __private::ColumnSet::MAX }>(scanner)
            }

            fn decode_text<'a>(
                text: &'a __private::str,
                decoding: __private::Decoding<'a>,
            ) -> __private::Result<#view, __private::RowError> {
                __private::decode_json_cell::<Self>(text, decoding)
            }

            #columns

            fn encode_json(
                view: #any_view,
                _: __private::TimestampFormat,
                out: &mut __private::Vec<__private::u8>,
            ) {
                let mut object = __private::ObjectWriter::new(out);
                #(#written;)*
                object.end();
            }

            fn encode_text(
                view: #any_view,
                timestamps: __private::TimestampFormat,
                out: &mut __private::String,
            ) {
                __private::write_json_cell::<Self>(view, timestamps, out);
            }

            fn pack(view: #any_view, out: &mut __private::Vec<__private::u8>) {
                <Self as __private::Schema>::pack::<{ __private::ColumnSet::MAX }>(view, out);
            }

            fn unpack<'a>(
                bytes: &mut &'a [__private::u8],
                arena: &'a __private::Arena,
            ) -> __private::Option<#view> {
                <Self as __private::Schema>::unpack::<{ __private::ColumnSet::MAX }>(bytes, arena)
            }

            fn write_column<'a, __W: __private::ColumnWriter, __I>(
                values: __I,
                writer: &mut __W,
            ) -> __private::Result<__W::Column, __W::Error>
            where
                __I: __private::Iterator<Item = __private::Option<#view>> + __private::Clone,
            {
                writer.rows::<Self, __I>(values)
            }
        }

        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #impl_generics __private::Element for #ident #type_generics #where_clause {}

        #into_columns
    }
}

/// What lets a query's `select` fill a nested column from a view.
fn into_columns(row: &Row) -> TokenStream {
    let ident = &row.ident;
    let view = row.view_type(&quote!('a));
    let (_, type_generics, _) = row.generics.split_for_impl();
    let mut generics = row.generics.clone();
    generics.params.insert(0, syn::parse_quote!('a));
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #impl_generics __private::IntoColumn<#ident #type_generics> for #view #where_clause {
            fn into_column(self) -> #ident #type_generics {
                <#ident #type_generics as __private::Schema>::from_view(self)
            }
        }

        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #impl_generics __private::IntoColumn<__private::Option<#ident #type_generics>> for #view #where_clause {
            fn into_column(self) -> __private::Option<#ident #type_generics> {
                __private::Some(<#ident #type_generics as __private::Schema>::from_view(self))
            }
        }
    }
}
