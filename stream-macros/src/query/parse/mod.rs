//! Tokens to clauses, tolerantly: a broken clause is reported and skipped up to its `;`, and the others are
//! still parsed, so that their mistakes show too and completion goes on working in them.

mod clause;
mod join;
mod key;
mod source;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Ident, Token, Type, Visibility, braced, parenthesized};

use crate::message;
use crate::query::ast::{Broken, Clause, Input, Kind, Query};
use crate::report::Report;

/// Parses a query. Without a head there is no query, and `None` is returned.
pub(crate) fn parse_query(tokens: TokenStream, report: &mut Report) -> Option<Query> {
    let parsed = (|input: ParseStream| {
        let query = parse_head_and_body(input, report)?;
        if !input.is_empty() {
            report.push(here(input, message::one_query_a_macro()));
            input.parse::<TokenStream>()?;
        }
        Ok(query)
    })
    .parse2(tokens);
    match parsed {
        Ok(query) => Some(query),
        Err(error) => {
            report.push(error);
            None
        }
    }
}

fn parse_head_and_body(input: ParseStream, report: &mut Report) -> syn::Result<Query> {
    let attrs = input.call(Attribute::parse_outer)?;
    let vis: Visibility = input.parse()?;
    let keyword = input.call(Ident::parse_any).map_err(|error| rephrase(&error, message::query_head()))?;
    if keyword != "query" {
        return Err(syn::Error::new(keyword.span(), message::query_head()));
    }
    let name = input.parse()?;
    let declarations;
    parenthesized!(declarations in input);
    let inputs = declarations.parse_terminated(parse_input, Token![,])?.into_iter().collect();
    if !input.peek(Token![->]) {
        return Err(here(input, message::query_without_result()));
    }
    input.parse::<Token![->]>()?;
    let output: Type = input.parse()?;
    let body;
    braced!(body in input);
    let clauses = parse_clauses(&body, report)?;
    Ok(Query { attrs, vis, name, inputs, output, clauses })
}

fn parse_input(input: ParseStream) -> syn::Result<Input> {
    let name = input.parse()?;
    input.parse::<Token![:]>()?;
    let fixed = input.parse()?;
    Ok(Input { name, fixed, row: input.parse()? })
}

/// Parses clauses to the end of the body. Fails only if the tokens can't be skipped, which they always can.
fn parse_clauses(input: ParseStream, report: &mut Report) -> syn::Result<Vec<Clause>> {
    let mut clauses = Vec::new();
    while !input.is_empty() {
        if input.peek(Token![;]) {
            input.parse::<Token![;]>()?;
            continue;
        }
        let kind = input.fork().call(Ident::parse_any).ok().and_then(|keyword| Kind::of(&keyword));
        let start = input.fork();
        match clause::parse_clause(input) {
            Ok(clause) => {
                clauses.push(clause);
                if let Some(rest) = end_clause(input, kind, report)? {
                    clauses.push(Clause::Broken(Broken { kind: None, rest }));
                }
            }
            Err(error) => {
                report.push(error);
                skip_clause(input)?;
                let rest = skip_clause(&start)?;
                clauses.push(Clause::Broken(Broken { kind, rest }));
            }
        }
    }
    Ok(clauses)
}

/// Reads the `;` after a clause, or says that it is missing. Returns what had to be skipped to find it.
fn end_clause(
    input: ParseStream,
    kind: Option<Kind>,
    report: &mut Report,
) -> syn::Result<Option<TokenStream>> {
    let clause = kind.map_or("clause", Kind::name);
    if input.peek(Token![;]) {
        input.parse::<Token![;]>()?;
        return Ok(None);
    }
    if input.is_empty() {
        report.push(here(input, message::clause_without_end(clause)));
        return Ok(None);
    }
    let next = input.fork().call(Ident::parse_any).ok();
    if let Some(next) = next.filter(|next| Kind::of(next).is_some()) {
        // The next clause is whole: go on with it.
        report.error(&next, message::clause_without_end_before(clause, &next));
        return Ok(None);
    }
    report.push(here(input, message::unexpected_after(clause)));
    skip_clause(input).map(Some)
}

/// Reads up to and including the next `;`.
fn skip_clause(input: ParseStream) -> syn::Result<TokenStream> {
    let mut skipped = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![;]) {
        input.parse::<proc_macro2::TokenTree>()?.to_tokens(&mut skipped);
    }
    input.parse::<Option<Token![;]>>()?;
    Ok(skipped)
}

/// An error at the next token, or at the closing brace.
fn here(input: ParseStream, text: impl std::fmt::Display) -> syn::Error {
    syn::Error::new(input.span(), text)
}

/// An error of the parser at the same place, in the words of the query language.
fn rephrase(error: &syn::Error, text: impl std::fmt::Display) -> syn::Error {
    syn::Error::new(error.span(), text)
}

#[cfg(test)]
mod tests;
