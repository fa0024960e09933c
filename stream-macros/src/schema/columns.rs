//! Rows out of a batch of columns: each column bound once, then a view per row.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;

use super::row::{Column, Row};
use super::schema_impl::marker;

/// The struct of the bound columns. It is private to the derive, and named only through `Schema::Columns`.
pub(super) fn expand(row: &Row) -> TokenStream {
    let mut generics = row.generics.clone();
    generics.params.insert(0, syn::parse_quote!('a));
    let (params, where_clause) = (&generics.params, &generics.where_clause);
    let fields = row.columns.iter().map(|Column { ident, ty, .. }| {
        let bound = quote::quote_spanned!(ty.span()=> __private::Bound<'a, #ty>);
        quote!(#ident: #bound)
    });
    let unused = row.unused_parameters();
    let marker = (!unused.is_empty())
        .then(|| quote!(__parameters: ::core::marker::PhantomData<fn() -> (#(#unused,)*)>,));
    quote! {
        #[allow(unreachable_pub)]
        pub struct __Columns<#params> #where_clause {
            #(#fields,)*
            #marker
        }
    }
}

/// The type of the bound columns for a lifetime.
fn columns_type(row: &Row, lifetime: &TokenStream) -> TokenStream {
    let arguments = row.parameters();
    quote!(__Columns<#lifetime #(, #arguments)*>)
}

/// `Schema`'s items about batches of columns.
pub(super) fn schema_items(row: &Row) -> TokenStream {
    let (columns, view, view_ident) =
        (columns_type(row, &quote!('a)), row.view_type(&quote!('a)), &row.view_ident);
    let bound = row.columns.iter().map(|column| {
        let (ident, place, type_name) = (&column.ident, &column.place, column.type_name());
        let has_default = column.default.is_some();
        quote!(#ident: Self::#place.bind::<__COLUMNS>(fields, #type_name, #has_default, differences))
    });
    let values = row.columns.iter().map(|column| {
        let Column { ident, place, .. } = column;
        match column.default_function() {
            None => quote!(#ident: Self::#place.value::<__COLUMNS>(&columns.#ident, row, arena)?),
            Some(default) => quote! {
                #ident: Self::#place.value_or::<__COLUMNS>(&columns.#ident, row, arena, Self::#default)?
            },
        }
    });
    let marker = marker(row);
    quote! {
        type Columns<'a> = #columns;

        fn bind_columns<'a, const __COLUMNS: __private::ColumnSet>(
            fields: &'a [__private::ColumnField<'a>],
            differences: &mut __private::Differences,
        ) -> #columns {
            __Columns { #(#bound,)* #marker }
        }

        #[inline]
        fn read_columns<'a, const __COLUMNS: __private::ColumnSet>(
            columns: &#columns,
            row: __private::usize,
            arena: &'a __private::Arena,
        ) -> __private::Result<#view, __private::RowError> {
            __private::Ok(#view_ident { #(#values,)* #marker })
        }
    }
}

/// `Column`'s items about batches of columns.
pub(super) fn column_items(row: &Row) -> TokenStream {
    let (columns, view) = (columns_type(row, &quote!('a)), row.view_type(&quote!('a)));
    quote! {
        type Values<'a> = #columns;

        fn bind<'a>(
            values: &'a __private::Values<'a>,
            _: __private::TimestampFormat,
            differences: &mut __private::Differences,
        ) -> __private::Option<#columns> {
            __private::bind_nested::<Self>(values, differences)
        }

        fn value<'a>(
            values: &#columns,
            row: __private::usize,
            arena: &'a __private::Arena,
        ) -> __private::Result<#view, __private::RowError> {
            <Self as __private::Schema>::read_columns::<{ __private::ColumnSet::MAX }>(values, row, arena)
        }
    }
}
