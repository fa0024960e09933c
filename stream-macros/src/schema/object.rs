//! `RowFields`: the columns out of a JSON object.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::row::{Column, Row};
use super::schema_impl::marker;

/// The `impl` of `RowFields`.
pub(super) fn row_fields(row: &Row) -> TokenStream {
    let ident = &row.ident;
    let (impl_generics, type_generics, where_clause) = row.generics.split_for_impl();
    let positions = row.columns.iter().map(|Column { index, name, .. }| quote!(#name => #index));
    let of_object = functions(row, &format_ident!("scan_object"), &format_ident!("read_object"), |_| true);
    // The value of a message is an object without the columns that are other parts of it.
    let of_value = row.has_parts().then(|| {
        functions(row, &format_ident!("scan_value"), &format_ident!("read_value"), |column| {
            column.kafka.is_none()
        })
    });
    quote! {
        #[automatically_derived]
        impl #impl_generics __private::RowFields for #ident #type_generics #where_clause {
            fn position(name: &__private::str) -> __private::Option<__private::usize> {
                __private::Some(match name {
                    #(#positions,)*
                    _ => return __private::None,
                })
            }

            #of_object

            #of_value
        }
    }
}

/// Two functions that read an object: one in the order of the columns, and one in any order. Columns that aren't in the object are
/// placeholders.
fn functions(row: &Row, scan: &Ident, read: &Ident, is_in_object: impl Fn(&Column) -> bool) -> TokenStream {
    let (view, view_ident) = (row.view_type(&quote!('a)), &row.view_ident);
    let in_object: Vec<_> = row.columns.iter().filter(|column| is_in_object(column)).collect();
    let locals = in_object.iter().map(|column| &column.place);
    let reads = in_object.iter().map(|Column { index, place, .. }| {
        quote!(#index if __private::names(__COLUMNS, #index) => #place = object.read(Self::#place)?)
    });
    let scanned = row.columns.iter().map(|column| {
        let Column { ident, place, .. } = column;
        match (is_in_object(column), column.default_function()) {
            (false, _) => quote!(#ident: Self::#place.placeholder()),
            (true, None) => quote!(#ident: object.next(Self::#place)?),
            (true, Some(default)) => quote!(#ident: object.next_or(Self::#place, Self::#default)?),
        }
    });
    let finished = row.columns.iter().map(|column| {
        let Column { ident, place, .. } = column;
        match (is_in_object(column), column.default_function()) {
            (false, _) => quote!(#ident: Self::#place.placeholder()),
            (true, None) => quote!(#ident: object.finish(Self::#place, #place)?),
            (true, Some(default)) => quote!(#ident: object.finish_or(Self::#place, #place, Self::#default)),
        }
    });
    let marker = marker(row);
    quote! {
        #[inline]
        fn #scan<'a, const __COLUMNS: __private::ColumnSet>(
            scanner: &mut __private::Scanner<'a>,
        ) -> __private::Option<#view> {
            let mut object = scanner.object::<__COLUMNS>()?;
            let view = #view_ident { #(#scanned,)* #marker };
            object.end()?;
            __private::Some(view)
        }

        fn #read<'a, const __COLUMNS: __private::ColumnSet, __A: __private::MapAccess<'a>>(
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
