//! What a query is to the service: `PageStats::query()`, `PageStats::explain()`, and the builder that waits for
//! a source.

use proc_macro2::TokenStream;
use quote::{format_ident, quote_spanned};
use syn::Attribute;

use super::{at, local, mixed, runtime};
use crate::query::ast::{Input, Mode, Query};

/// What the public items depend on. A query with mistakes has the same ones.
pub(crate) struct Surface<'a> {
    pub(crate) query: &'a Query,
    pub(crate) inputs: &'a [&'a Input],
    pub(crate) mode: Mode,
}

/// The items of a query: `constants` become associated constants beside its plan, `checks` stand beside its
/// types.
pub(crate) fn lower_surface(
    surface: &Surface,
    constants: &TokenStream,
    plan: &TokenStream,
    checks: &TokenStream,
) -> TokenStream {
    let runtime = runtime(mixed());
    let Query { attrs, vis, name, output, .. } = surface.query;
    let (sources, mode) = (format_ident!("{name}Sources"), local(surface.mode.type_name()));
    let Some(input) = surface.inputs.first() else {
        return quote_spanned!(mixed()=> #(#attrs)* #vis struct #name;);
    };
    let row = &input.row;
    let source_type = {
        let (span, runtime) = (at(row), super::runtime(at(row)));
        quote_spanned!(span=> impl #runtime::Source<#row>)
    };
    let plan_type = quote_spanned! {at(output)=>
        impl #runtime::Plan<Output = #output, Mode = #runtime::#mode> + #runtime::Reads<#runtime::Here, Row = #row>
    };
    let methods = surface.inputs.iter().map(|input| {
        let (method, source) = (&input.name, local("source"));
        let text = format!(" Gives `{method}` its source.");
        quote_spanned! {mixed()=>
            #[doc = #text]
            #vis fn #method(self, #source: #source_type) -> #runtime::QueryBuilder<#plan_type> {
                #runtime::QueryBuilder::new(#name::plan()).source::<#runtime::Here>(#source)
            }
        }
    });
    let cfg = conditions(surface);
    let begins = format!(" Begins the query; give it its source with `.{}(…)`.", input.name);
    let waits = format!(" [`{name}`] while it waits for its source.");
    let forgotten = lower_forgotten(surface, &sources);
    let checks = (!checks.is_empty()).then(|| {
        quote_spanned! {mixed()=>
            #(#cfg)*
            const _: () = {
                #checks
            };
        }
    });
    quote_spanned! {mixed()=>
        #(#attrs)*
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
        #vis struct #name;

        #(#cfg)*
        #[allow(dead_code, private_interfaces)]
        impl #name {
            #constants

            #[doc = #begins]
            #vis fn query() -> #sources {
                #sources(#runtime::Missing)
            }

            /// The query's plan, as an indented tree.
            #vis fn explain() -> #runtime::Explain {
                #runtime::Explain::new(Self::INFO)
            }

            fn plan() -> #plan_type {
                #plan
            }
        }

        #(#cfg)*
        #[doc = #waits]
        #[derive(::core::fmt::Debug)]
        #[must_use = "a query does nothing until it is started"]
        #vis struct #sources<S = #runtime::Missing>(S);

        #(#cfg)*
        #[allow(dead_code, private_interfaces)]
        impl #sources {
            #(#methods)*
        }

        #forgotten
        #checks
    }
}

/// The attributes that decide whether the query is there at all, for the other items.
fn conditions<'a>(surface: &Surface<'a>) -> Vec<&'a Attribute> {
    surface.query.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect()
}

/// The methods of the builder that comes after the sources, for whoever forgets a source: they exist, and their
/// bound says which source is missing.
fn lower_forgotten(surface: &Surface, sources: &syn::Ident) -> TokenStream {
    let Some(input) = surface.inputs.first() else { return TokenStream::new() };
    // Notes about the bound show the input's declaration.
    let span = at(&input.name);
    let runtime = super::runtime(span);
    let (vis, name) = (&surface.query.vis, &input.name);
    let message = format!("input `{name}` has no source");
    let note = format!("call `.{name}(…)` first");
    let taken = |method: &str| surface.inputs.iter().any(|input| input.name == method);
    let methods = ["to", "checkpoint", "trigger"].into_iter().filter(|method| !taken(method)).map(|method| {
        let (method, value) = (syn::Ident::new(method, span), local("value"));
        quote_spanned! {span=>
            #vis fn #method<T>(self, #value: T) -> #runtime::Unbound
            where
                S: Bound,
            {
                self.0.unbound().#method(#value)
            }
        }
    });
    let start = (!taken("start")).then(|| {
        quote_spanned! {span=>
            #vis async fn start(self) -> ::core::result::Result<#runtime::StreamingQuery, #runtime::Error>
            where
                S: Bound,
            {
                self.0.unbound().start().await
            }
        }
    });
    let cfg = conditions(surface);
    quote_spanned! {span=>
        #(#cfg)*
        const _: () = {
            #[diagnostic::on_unimplemented(message = #message, label = "the source belongs before this", note = #note)]
            #[doc(hidden)]
            pub trait Bound: #runtime::Forgotten {}

            // Without any implementation rustc would propose to add one.
            #[diagnostic::do_not_recommend]
            impl Bound for #runtime::Unbound {}

            #[doc(hidden)]
            #[allow(dead_code, missing_docs)]
            impl<S> #sources<S> {
                #(#methods)*
                #start
            }
        };
    }
}
