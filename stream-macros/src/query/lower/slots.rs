//! What a query has to be given before it can start, in the order in which its builder asks for it: the inputs of the head, then the queries
//! that it reads, then the sinks of late rows.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote_spanned};
use syn::{Ident, Path, Type};

use super::{at, local, mixed, runtime};
use crate::query::ast::{Input, Query, Source};
use crate::query::plan::Plan;
use crate::query::relation::Relation;

/// Something that the builder asks for.
pub(crate) struct Slot<'a> {
    pub(crate) name: &'a Ident,
    kind: Kind<'a>,
    /// The way to it in the plan's tree; none if it isn't read there, as in a query with mistakes.
    path: Option<TokenStream>,
}

enum Kind<'a> {
    Stream(&'a Type),
    Static(&'a Type),
    Query(&'a Path),
    /// The rows, and where they come from.
    Late(&'a Type, &'a Source),
}

impl<'a> Slot<'a> {
    /// The slots of a query. `path` is the way to what a relation reads.
    pub(crate) fn all(
        query: &'a Query,
        relations: &[Relation<'a>],
        path: impl Fn(usize) -> Option<TokenStream>,
    ) -> Vec<Self> {
        let mut slots: Vec<Self> = Vec::new();
        for Input { name, fixed, row } in &query.inputs {
            if slots.iter().any(|other| other.name == name) {
                continue;
            }
            let reads = |relation: &Relation| relation.source.names().contains(name);
            let relation = relations.iter().position(reads);
            let kind = if fixed.is_some() { Kind::Static(row) } else { Kind::Stream(row) };
            slots.push(Self { name, kind, path: relation.and_then(&path) });
        }
        for (number, relation) in relations.iter().enumerate() {
            if let Some(query) = relation.query()
                && !slots.iter().any(|other| *other.name == query.name)
            {
                slots.push(Self { name: &query.name, kind: Kind::Query(&query.path), path: path(number) });
            }
        }
        for (number, relation) in relations.iter().enumerate() {
            if let (Some(late), Some(row)) = (relation.late, relation.row())
                && !slots.iter().any(|other| *other.name == late.name)
            {
                let kind = Kind::Late(row, relation.source);
                slots.push(Self { name: &late.name, kind, path: path(number) });
            }
        }
        slots
    }

    /// The type parameter that stands for what is given as that number.
    pub(super) fn parameter(number: usize) -> Ident {
        local(&format!("S{number}"))
    }

    /// What has to hold of it.
    pub(super) fn bounds(&self, parameter: &Ident) -> TokenStream {
        match &self.kind {
            Kind::Stream(row) => {
                let (span, runtime) = (at(row), runtime(at(row)));
                quote_spanned!(span=> #parameter: #runtime::Source<#row>,)
            }
            Kind::Static(row) => {
                let (span, runtime) = (at(row), runtime(at(row)));
                quote_spanned!(span=> #parameter: #runtime::StaticSource<#row>,)
            }
            Kind::Query(path) => {
                let (span, runtime) = (at(path), runtime(at(path)));
                quote_spanned! {span=>
                    #parameter: #runtime::Plan<Mode = #runtime::Append>,
                    #path: #runtime::Yields<<#parameter as #runtime::Plan>::Output>,
                }
            }
            Kind::Late(row, _) => {
                let (span, runtime) = (at(row), runtime(at(row)));
                quote_spanned! {span=>
                    #parameter: #runtime::Sink<#row>,
                    <#parameter as #runtime::Sink<#row>>::Modes: #runtime::Takes<#runtime::Append>,
                }
            }
        }
    }

    /// The type of what is given.
    pub(super) fn given(&self, parameter: &Ident) -> TokenStream {
        match self.kind {
            Kind::Stream(_) | Kind::Static(_) | Kind::Late(..) => parameter.to_token_stream(),
            Kind::Query(_) => {
                let runtime = runtime(mixed());
                quote_spanned!(mixed()=> #runtime::QueryBuilder<#parameter>)
            }
        }
    }

    /// What the documentation says of the method that takes it.
    pub(super) fn doc(&self) -> String {
        let name = self.name;
        match &self.kind {
            Kind::Stream(_) => format!(" Gives `{name}` its source."),
            Kind::Static(_) => format!(" Gives `{name}` its rows."),
            Kind::Query(path) => {
                let query = crate::query::text::text(path);
                format!(" Gives the query `{query}`, whose inputs have their sources.")
            }
            Kind::Late(_, source) => {
                let inputs: Vec<_> = source.names().iter().map(|name| format!("`{name}`")).collect();
                format!(" Gives the late rows of {} their sink.", inputs.join(" and "))
            }
        }
    }

    /// What is said of a query that isn't given it.
    pub(super) fn missing(&self) -> String {
        let name = self.name;
        match &self.kind {
            Kind::Stream(_) => format!("input `{name}` has no source"),
            Kind::Static(_) => format!("static input `{name}` has no rows"),
            Kind::Query(path) => {
                let query = crate::query::text::text(path);
                format!("the query `{query}`, which this one reads, isn't given")
            }
            Kind::Late(..) => format!("late output `{name}` has no sink"),
        }
    }

    /// Takes a query apart: its plan, and its sources.
    pub(super) fn unpack(&self) -> Option<TokenStream> {
        let (name, sources) = (self.name, self.sources());
        matches!(self.kind, Kind::Query(_))
            .then(|| quote_spanned!(mixed()=> let (#name, #sources) = #name.into_input();))
    }

    /// The variable that holds a query's sources.
    fn sources(&self) -> Ident {
        local(&format_ident!("{}_sources", self.name).to_string())
    }

    /// `.source::<Here>(orders)`
    pub(super) fn bind(&self) -> Option<TokenStream> {
        let (name, path) = (self.name, self.path.as_ref()?);
        match self.kind {
            Kind::Stream(_) => Some(quote_spanned!(mixed()=> .source::<#path>(#name))),
            Kind::Static(_) => None,
            Kind::Query(_) => {
                let sources = self.sources();
                Some(quote_spanned!(mixed()=> .query::<#path, _>(#sources)))
            }
            Kind::Late(..) => Some(quote_spanned!(mixed()=> .late::<#path>(#name))),
        }
    }

    /// Whether it is a sink of late rows.
    pub(super) const fn is_late(&self) -> bool {
        matches!(self.kind, Kind::Late(..))
    }

    /// Whether the plan is built with it.
    pub(super) const fn is_part_of_plan(&self) -> bool {
        matches!(self.kind, Kind::Static(_) | Kind::Query(_))
    }

    /// The beginning of what the plan's type says of it: `Reads<Here, Row = Click`.
    pub(super) fn reads(&self, parameter: &Ident) -> Option<TokenStream> {
        let path = self.path.as_ref()?;
        match &self.kind {
            Kind::Stream(row) => Some(quote_spanned!(at(row)=> Reads<#path, Row = #row)),
            Kind::Static(_) | Kind::Late(..) => None,
            Kind::Query(_) => Some(quote_spanned!(mixed()=> Contains<#path, Inner = #parameter)),
        }
    }
}

impl<'a> Plan<'a> {
    /// What the query has to be given.
    pub(super) fn slots(&self) -> Vec<Slot<'a>> {
        let path = |relation: usize| self.relations[relation].is_stream().then(|| self.path(relation));
        Slot::all(self.query, &self.relations, path)
    }
}
