//! The view: the struct's borrowed, `Copy` form.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;

use super::row::Row;

pub(crate) fn expand(row: &Row) -> TokenStream {
    let Row { ident, view_ident, vis, generics, columns, .. } = row;
    let fields = columns.iter().map(|column| {
        let (docs, vis, ident, ty) = (&column.docs, &column.vis, &column.ident, column.view_type());
        quote!(#(#docs)* #vis #ident: #ty)
    });
    let unused = row.unused_parameters();
    let marker = (!unused.is_empty()).then(|| {
        quote! {
            #[doc(hidden)]
            __parameters: ::core::marker::PhantomData<fn() -> (#(#unused,)*)>
        }
    });
    let fields = fields.chain(marker);
    let params = &generics.params;
    let where_clause = &generics.where_clause;
    let doc = format!(" The borrowed form of a [`{ident}`], as a query's expressions see it.");
    let impls = impls(row);
    quote! {
        #[doc = #doc]
        #vis struct #view_ident<'a, #params> #where_clause {
            #(#fields,)*
        }
        #impls
    }
}

/// What `derive` can't write: it would ask the parameters of a generic struct to be `Copy` instead of its columns,
/// and report a type that isn't a column once for each trait.
fn impls(row: &Row) -> TokenStream {
    let view = row.view_type(&quote!('a));
    let mut generics = row.generics.clone();
    generics.params.insert(0, syn::parse_quote!('a));
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let name = row.view_ident.to_string();
    let (idents, keys): (Vec<_>, Vec<_>) =
        row.columns.iter().map(|column| (&column.ident, column.ident.unraw().to_string())).unzip();
    let (this, formatter, other) = (format_ident!("self"), format_ident!("f"), format_ident!("other"));
    quote! {
        #[automatically_derived]
        impl #impl_generics ::core::clone::Clone for #view #where_clause {
            fn clone(&self) -> Self {
                *self
            }
        }

        #[automatically_derived]
        impl #impl_generics ::core::marker::Copy for #view #where_clause {}

        #[automatically_derived]
        impl #impl_generics ::core::fmt::Debug for #view #where_clause {
            fn fmt(&self, #formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                #formatter.debug_struct(#name)#(.field(#keys, &#this.#idents))*.finish()
            }
        }

        #[automatically_derived]
        impl #impl_generics ::core::cmp::PartialEq for #view #where_clause {
            fn eq(&self, #other: &Self) -> ::core::primitive::bool {
                #(#this.#idents == #other.#idents)&&*
            }
        }
    }
}
