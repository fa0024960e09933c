//! `#[derive(ProcessorState)]`: shows the operator each variable of a processor's state, its name and its TTL.

#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Expr, Field, Fields, Meta, Token, WherePredicate, parse_quote};

use crate::report::Report;
use crate::schema::mentions;

/// Expands the derive. A mistake in an attribute doesn't keep the rest from being generated.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let mut report = Report::default();
    let generated = match syn::parse2(input) {
        Ok(input) => generate(input, &mut report),
        Err(error) => {
            report.push(error);
            None
        }
    };
    let errors = report.finish();
    quote!(#generated #errors)
}

fn generate(input: DeriveInput, report: &mut Report) -> Option<TokenStream> {
    let DeriveInput { attrs, ident, mut generics, data, .. } = input;
    for attribute in attrs.iter().filter(|attribute| attribute.path().is_ident("state")) {
        report.error(attribute, "`#[state(…)]` stands on a field: it says something of one variable");
    }
    let fields = match data {
        Data::Struct(data) => data.fields,
        Data::Enum(_) | Data::Union(_) => {
            report.error(&ident, "a processor's state is a struct, with a field for each variable");
            return None;
        }
    };
    if let Fields::Unnamed(_) = fields {
        report.error(
            &ident,
            "a state variable is kept under its field's name: write a struct with named fields",
        );
        return None;
    }
    let parameters: Vec<_> = generics.type_params().map(|parameter| parameter.ident.clone()).collect();
    let generic = fields.iter().map(|field| &field.ty);
    let generic = generic.filter(|ty| parameters.iter().any(|parameter| mentions(ty, parameter)));
    let bounds: Vec<WherePredicate> = generic.map(|ty| parse_quote!(#ty: __private::StateVariable)).collect();
    if !bounds.is_empty() {
        generics.make_where_clause().predicates.extend(bounds);
    }
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let variables = fields.iter().filter_map(|field| variable(field, report)).collect::<TokenStream>();
    Some(quote! {
        const _: () = {
            use ::stream_runtime::__private;
            #[automatically_derived]
            impl #impl_generics __private::ProcessorState for #ident #type_generics #where_clause {
                fn each_variable(&mut self, __visit: &mut __private::VariableVisitor<'_>) {
                    #variables
                }
            }
        };
    })
}

/// Shows one variable. What is no variable is reported at its type.
fn variable(field: &Field, report: &mut Report) -> Option<TokenStream> {
    let ident = field.ident.as_ref()?;
    let name = ident.unraw().to_string();
    let shown = |ttl: TokenStream| quote_spanned!(field.ty.span()=> __visit(#name, &mut self.#ident, #ttl););
    let Some(ttl) = ttl(&field.attrs, report) else { return Some(shown(quote!(__private::None))) };
    let visit = shown(quote!(__private::Some(__TTL)));
    let positive = quote_spanned! {ttl.span()=>
        const __TTL: __private::Duration = #ttl;
        const _: () = ::core::assert!(__TTL.as_micros() > 0, "the TTL of a state variable is more than zero");
    };
    Some(quote!({ #positive #visit }))
}

/// `#[state(ttl = …)]`.
fn ttl(attributes: &[Attribute], report: &mut Report) -> Option<Expr> {
    let mut found = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("state")) {
        let items = match attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) {
            Ok(items) => items,
            Err(error) => {
                report.push(error);
                continue;
            }
        };
        for item in items {
            match item {
                Meta::NameValue(item) if item.path.is_ident("ttl") => {
                    if found.is_some() {
                        report.error(&item, "`ttl` is given twice");
                    }
                    found = Some(item.value);
                }
                Meta::Path(path) | Meta::List(syn::MetaList { path, .. }) if path.is_ident("ttl") => {
                    report.error(path, "a TTL is a duration: write `ttl = hours(1)`");
                }
                other => report.error(other, "unknown; a state variable takes `ttl = hours(1)`"),
            }
        }
    }
    found
}
