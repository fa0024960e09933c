//! `impl Schema`: the field table, and decoding into the view.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use super::row::{Column, Row};

pub(crate) fn expand(row: &Row) -> TokenStream {
    let ident = &row.ident;
    let name = ident.unraw().to_string();
    let (impl_generics, type_generics, where_clause) = row.generics.split_for_impl();
    let view_ident = &row.view_ident;
    let (view, any_view) = (row.view_type(&quote!('a)), row.view_type(&quote!('_)));
    let fields = row.columns.iter().map(field);
    let views = row.columns.iter().map(|column| {
        let (ident, ty) = (&column.ident, &column.ty);
        quote!(#ident: <#ty as __private::Column>::view(&self.#ident))
    });
    let owned = row.columns.iter().map(|column| {
        let (ident, ty) = (&column.ident, &column.ty);
        quote!(#ident: <#ty as __private::Column>::from_view(view.#ident))
    });
    let skipped = row.skipped.iter().map(|field| {
        let (ident, ty) = (&field.ident, &field.ty);
        match &field.default {
            Some(default) => {
                let function = default.function(ty);
                quote!(#ident: #function())
            }
            None => quote_spanned!(ty.span()=> #ident: <#ty as __private::Default>::default()),
        }
    });
    let cells = row.columns.iter().map(cell);
    let texts = row.columns.iter().map(|column| {
        let (ident, ty, format) = (&column.ident, &column.ty, column.timestamp_format());
        quote!(columns.push::<#ty>(<#ty as __private::Column>::view(&self.#ident), #format))
    });
    let marker = marker(row);
    let rust_names: Vec<_> = row.columns.iter().map(|column| column.ident.unraw().to_string()).collect();
    let row_fields = row_fields(row);
    quote! {
        #[automatically_derived]
        impl #impl_generics #ident #type_generics #where_clause {
            /// The set of the columns with these Rust names.
            #[doc(hidden)]
            pub const fn __columns(names: &[&__private::str]) -> __private::ColumnSet {
                __private::column_set(&[#(#rust_names),*], names)
            }
        }

        #[automatically_derived]
        impl #impl_generics __private::Schema for #ident #type_generics #where_clause {
            type View<'a> = #view;

            const NAME: &'static __private::str = #name;

            const FIELDS: &'static [__private::Field] = &[#(#fields),*];

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

            fn decode_csv<'a, const __COLUMNS: __private::ColumnSet>(
                record: __private::Record<'a>,
                arena: &'a __private::Arena,
            ) -> __private::Result<#view, __private::RowError> {
                let cells = __private::Cells::new(record, arena);
                __private::Ok(#view_ident { #(#cells,)* #marker })
            }

            fn encode_json(&self, out: &mut __private::Vec<__private::u8>) {
                let view = <Self as __private::Schema>::view(self);
                <Self as __private::Column>::encode_json(view, __private::TimestampFormat::Rfc3339, out);
            }

            fn encode_text(&self, columns: &mut __private::TextRow) {
                #(#texts;)*
            }
        }

        #row_fields
    }
}

/// The view's field for parameters that no column mentions.
pub(crate) fn marker(row: &Row) -> Option<TokenStream> {
    (!row.unused_parameters().is_empty()).then(|| quote!(__parameters: ::core::marker::PhantomData))
}

fn field(column: &Column) -> TokenStream {
    let (name, type_name, ty) = (&column.name, column.type_name(), &column.ty);
    quote! {
        __private::Field {
            name: #name,
            type_name: #type_name,
            nullable: <#ty as __private::Column>::NULLABLE,
        }
    }
}

/// A column out of a CSV record.
fn cell(column: &Column) -> TokenStream {
    let Column { index, ident, ty, name, .. } = column;
    let format = column.timestamp_format();
    match &column.default {
        None => quote!(#ident: cells.read::<#ty, __COLUMNS>(#index, #name, #format)?),
        Some(default) => {
            let function = default.function(ty);
            quote!(#ident: cells.read_or::<#ty, __COLUMNS>(#index, #name, #format, #function)?)
        }
    }
}

/// The columns out of a JSON object.
fn row_fields(row: &Row) -> TokenStream {
    let ident = &row.ident;
    let (impl_generics, type_generics, where_clause) = row.generics.split_for_impl();
    let (view, view_ident) = (row.view_type(&quote!('a)), &row.view_ident);
    let positions = row.columns.iter().map(|Column { index, name, .. }| quote!(#name => #index));
    let locals: Vec<_> = row.columns.iter().map(|column| &column.local).collect();
    let reads = row.columns.iter().map(|column| {
        let Column { index, local, ty, name, .. } = column;
        let format = column.timestamp_format();
        quote! {
            #index if __private::names(__COLUMNS, #index) => {
                #local = __private::Some(object.read::<#ty>(#name, #format)?);
            }
        }
    });
    let finished = row.columns.iter().map(|column| {
        let Column { index, ident, local, ty, name, .. } = column;
        let wanted = quote!(__private::names(__COLUMNS, #index));
        match &column.default {
            None => quote!(#ident: __private::or_missing::<#ty, __A::Error>(#local, #wanted, #name)?),
            Some(default) => {
                let function = default.function(ty);
                quote!(#ident: __private::or_default::<#ty>(#local, #wanted, object.arena(), #function))
            }
        }
    });
    let timestamps = row.columns.iter().filter(|column| column.has_timestamp_format).map(|column| {
        let ty = &column.ty;
        quote_spanned!(ty.span()=> __private::requires_timestamps::<#ty>())
    });
    let marker = marker(row);
    quote! {
        #[automatically_derived]
        impl #impl_generics __private::RowFields for #ident #type_generics #where_clause {
            fn position(name: &__private::str) -> __private::Option<__private::usize> {
                __private::Some(match name {
                    #(#positions,)*
                    _ => return __private::None,
                })
            }

            fn read_object<'a, const __COLUMNS: __private::ColumnSet, __A: __private::MapAccess<'a>>(
                mut object: __private::Object<'a, __A>,
            ) -> __private::Result<#view, __A::Error> {
                #(#timestamps;)*
                #(let mut #locals = __private::None;)*
                while let __private::Some(column) = object.next_column::<Self>()? {
                    match column {
                        #(#reads)*
                        _ => object.skip()?,
                    }
                }
                __private::Ok(#view_ident { #(#finished,)* #marker })
            }
        }
    }
}
