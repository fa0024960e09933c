//! What a query is to the service: `PageStats::query()`, `PageStats::explain()`, and the builder that waits for
//! a source.

use proc_macro2::TokenStream;
use quote::{format_ident, quote_spanned};
use syn::{Attribute, Ident};

use super::slots::Slot;
use super::{at, local, mixed, runtime};
use crate::query::ast::{Mode, Query};

/// What the public items depend on. A query with mistakes has the same ones.
pub(crate) struct Surface<'a> {
    pub(crate) query: &'a Query,
    pub(crate) slots: Vec<Slot<'a>>,
    pub(crate) mode: Mode,
    /// Whether what is given is used, which it isn't in a query with mistakes.
    pub(crate) is_sound: bool,
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
    let sources = format_ident!("{name}Sources");
    let Some(first) = surface.slots.first() else {
        return quote_spanned!(mixed()=> #(#attrs)* #vis struct #name;);
    };
    let cfg = conditions(surface);
    let begins = match surface.slots.as_slice() {
        [_] => format!(" Begins the query; give it its source with `.{}(…)`.", first.name),
        all => {
            let calls: Vec<_> = all.iter().map(|slot| format!("`.{}(…)`", slot.name)).collect();
            format!(" Begins the query; give it what it reads, in this order: {}.", calls.join(", "))
        }
    };
    let waits = format!(" [`{name}`] while it waits for what it reads.");
    let plan = lower_plan(surface, plan);
    let columns = quote_spanned!(at(output)=> <#output>::__columns(names));
    let methods = (0..surface.slots.len()).map(|number| lower_method(surface, &sources, number));
    let forgotten = lower_forgotten(surface, &sources);
    let unused = unused(surface);
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
        #[allow(dead_code, private_interfaces #unused)]
        impl #name {
            #constants

            #[doc = #begins]
            #vis fn query() -> #sources {
                #sources(#runtime::Missing)
            }

            /// The query's plan, as a tree.
            #vis fn explain() -> #runtime::Explain {
                #runtime::Explain::new(Self::INFO)
            }

            #[doc(hidden)]
            #vis const fn __columns(names: &[&::core::primitive::str]) -> ::core::primitive::u128 {
                #columns
            }

            #[doc(hidden)]
            #vis fn __claim<P: #runtime::Plan>(plan: P) -> #runtime::Claimed<P, #output> {
                #runtime::Claimed::new(plan)
            }

            #plan
        }

        #(#cfg)*
        impl #runtime::Yields<#output> for #name {}

        #(#cfg)*
        #[doc = #waits]
        #[derive(::core::fmt::Debug)]
        #[must_use = "a query does nothing until it is started"]
        #vis struct #sources<S = #runtime::Missing>(S);

        #(#methods)*

        #forgotten
        #checks
    }
}

/// The plan's type: what it reads, and what comes out.
fn lower_plan_type(surface: &Surface) -> TokenStream {
    let (output, mode) = (&surface.query.output, local(surface.mode.type_name()));
    let runtime = runtime(mixed());
    let result = quote_spanned!(mixed()=> Output = #output, Mode = #runtime::#mode);
    let slots = surface.slots.iter().enumerate();
    let mut reads: Vec<TokenStream> = Vec::new();
    for read in slots.filter_map(|(number, slot)| slot.reads(&Slot::parameter(number))) {
        // The inputs of a union are read in one place.
        if reads.iter().all(|other| other.to_string() != read.to_string()) {
            reads.push(read);
        }
    }
    match reads.as_slice() {
        [] => quote_spanned!(at(output)=> impl #runtime::Plan<#result>),
        [first, others @ ..] => {
            quote_spanned!(at(output)=> impl #runtime::#first, #result> #(+ #runtime::#others>)*)
        }
    }
}

/// `fn plan() -> impl Plan<…> { … }`, with the static inputs and the queries that it is built with.
fn lower_plan(surface: &Surface, body: &TokenStream) -> TokenStream {
    let of_plan = surface.slots.iter().enumerate().filter(|(_, slot)| slot.is_part_of_plan());
    let parameters: Vec<_> = of_plan.map(|(number, slot)| (slot, Slot::parameter(number))).collect();
    let ty = lower_plan_type(surface);
    let arguments = parameters.iter().map(|(slot, parameter)| {
        let name = slot.name;
        quote_spanned!(mixed()=> #name: #parameter)
    });
    let bounds = parameters.iter().map(|(slot, parameter)| slot.bounds(parameter));
    let generics = (!parameters.is_empty()).then(|| {
        let names = parameters.iter().map(|(_, parameter)| parameter);
        quote_spanned!(mixed()=> <#(#names),*>)
    });
    let bounds = (!parameters.is_empty()).then(|| quote_spanned!(mixed()=> where #(#bounds)*));
    quote_spanned! {mixed()=>
        fn plan #generics(#(#arguments),*) -> #ty #bounds {
            #body
        }
    }
}

/// The method that takes what is asked for as number `number`, when all before it has been given; the last one gives the builder.
fn lower_method(surface: &Surface, sources: &Ident, number: usize) -> TokenStream {
    let runtime = runtime(mixed());
    let (vis, name) = (&surface.query.vis, &surface.query.name);
    let before = &surface.slots[..number];
    let slot = &surface.slots[number];
    let parameters: Vec<_> = (0..number).map(Slot::parameter).collect();
    let given: Vec<_> =
        before.iter().zip(&parameters).map(|(slot, parameter)| slot.given(parameter)).collect();
    let state = match given.as_slice() {
        [] => quote_spanned!(mixed()=> #runtime::Missing),
        given => quote_spanned!(mixed()=> (#(#given,)*)),
    };
    let (method, doc, own) = (slot.name, slot.doc(), Slot::parameter(number));
    let (taken, bounds) = (slot.given(&own), slot.bounds(&own));
    let names: Vec<_> = before.iter().map(|slot| slot.name).collect();
    let is_last = number + 1 == surface.slots.len();
    let (result, body) = if is_last {
        let ty = lower_plan_type(surface);
        let all = surface.slots.iter();
        let unpacked = all.clone().filter_map(Slot::unpack);
        let arguments = all.clone().filter(|slot| slot.is_part_of_plan()).map(|slot| slot.name);
        let bound = all.filter_map(Slot::bind);
        (
            quote_spanned!(mixed()=> #runtime::QueryBuilder<#ty>),
            quote_spanned! {mixed()=>
                #(#unpacked)*
                #runtime::QueryBuilder::new(#name::plan(#(#arguments),*)) #(#bound)*
            },
        )
    } else {
        (
            quote_spanned!(mixed()=> #sources<(#(#given,)* #taken,)>),
            quote_spanned!(mixed()=> #sources((#(#names,)* #method,))),
        )
    };
    let opened = (!names.is_empty()).then(|| quote_spanned!(mixed()=> let (#(#names,)*) = self.0;));
    let earlier = before.iter().zip(&parameters).map(|(slot, parameter)| slot.bounds(parameter));
    let (generics, earlier) = if parameters.is_empty() {
        (None, None)
    } else {
        (
            Some(quote_spanned!(mixed()=> <#(#parameters),*>)),
            Some(quote_spanned!(mixed()=> where #(#earlier)*)),
        )
    };
    let (cfg, unused) = (conditions(surface), unused(surface));
    quote_spanned! {mixed()=>
        #(#cfg)*
        #[allow(dead_code, private_interfaces, private_bounds #unused)]
        impl #generics #sources<#state> #earlier {
            #[doc = #doc]
            #vis fn #method<#own>(self, #method: #taken) -> #result
            where
                #bounds
            {
                #opened
                #body
            }
        }
    }
}

/// The attributes that decide whether the query is there at all, for the other items.
fn conditions<'a>(surface: &Surface<'a>) -> Vec<&'a Attribute> {
    surface.query.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect()
}

/// One lint more to allow where the query has mistakes.
fn unused(surface: &Surface) -> Option<TokenStream> {
    (!surface.is_sound).then(|| quote_spanned!(mixed()=> , unused_variables))
}

/// The methods of the builder that comes after the sources, for whoever forgets a source: they exist, and their
/// bound says which source is missing.
fn lower_forgotten(surface: &Surface, sources: &syn::Ident) -> TokenStream {
    let Some(first) = surface.slots.first() else { return TokenStream::new() };
    // Notes about the bound show the first input's declaration.
    let span = at(first.name);
    let runtime = super::runtime(span);
    let (vis, name) = (&surface.query.vis, first.name);
    let has_late_rows = surface.slots.iter().any(Slot::is_late);
    let label = if has_late_rows {
        "the sources, and the sinks of late rows, belong before this"
    } else {
        "the source belongs before this"
    };
    let (message, note) = match surface.slots.as_slice() {
        [slot] => (slot.missing(), format!("call `.{name}(…)` first")),
        all => {
            let calls: Vec<_> = all.iter().map(|slot| format!("`.{}(…)`", slot.name)).collect();
            let query = &surface.query.name;
            (
                format!(
                    "`{query}` hasn't been given all that it {}",
                    if has_late_rows { "needs" } else { "reads" }
                ),
                format!("call, in this order and before anything else: {}", calls.join(", ")),
            )
        }
    };
    let taken = |method: &str| surface.slots.iter().any(|slot| slot.name == method);
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
    let early = (0..surface.slots.len()).filter_map(|number| lower_early(surface, sources, number));
    let cfg = conditions(surface);
    quote_spanned! {span=>
        #(#cfg)*
        const _: () = {
            #[diagnostic::on_unimplemented(message = #message, label = #label, note = #note)]
            #[doc(hidden)]
            pub trait Bound<T = ()> {
                fn unbound(self) -> #runtime::Unbound;
            }

            // Without any implementation rustc would propose to add one.
            #[diagnostic::do_not_recommend]
            impl<T> Bound<T> for #runtime::Unbound {
                fn unbound(self) -> #runtime::Unbound {
                    self
                }
            }

            #[doc(hidden)]
            #[allow(dead_code, missing_docs)]
            impl<S> #sources<S> {
                #(#methods)*
                #start
            }

            #(#early)*
        };
    }
}

/// The methods that take what stands behind number `number`, for whoever calls one of them when it is that one's turn.
fn lower_early(surface: &Surface, sources: &Ident, number: usize) -> Option<TokenStream> {
    let (before, behind) = (&surface.slots[..number], &surface.slots[number + 1..]);
    let span = at(surface.slots.first()?.name);
    let (runtime, vis) = (super::runtime(span), &surface.query.vis);
    let parameters: Vec<_> = (0..number).map(Slot::parameter).collect();
    let given = before.iter().zip(&parameters).map(|(slot, parameter)| slot.given(parameter));
    let state = match number {
        0 => quote_spanned!(span=> #runtime::Missing),
        _ => quote_spanned!(span=> (#(#given,)*)),
    };
    let methods = behind.iter().map(|slot| {
        let (method, value) = (Ident::new(&slot.name.to_string(), span), local("value"));
        // The bound has a parameter because one without would be an error of this method's own.
        quote_spanned! {span=>
            #vis fn #method<T>(self, #value: T) -> #runtime::Unbound
            where
                #state: Bound<T>,
            {
                Bound::<T>::unbound(self.0).to(#value)
            }
        }
    });
    (!behind.is_empty()).then(|| {
        quote_spanned! {span=>
            #[doc(hidden)]
            #[allow(dead_code, missing_docs)]
            impl<#(#parameters),*> #sources<#state> {
                #(#methods)*
            }
        }
    })
}
