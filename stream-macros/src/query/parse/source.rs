//! `from`, and what it has in common with `join`: an alias, where its rows come from, its watermark and late rows.

use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Expr, Ident, Path, Token, parenthesized};

use super::clause::parse_name;
use super::here;
use crate::message;
use crate::query::ast::{From, Kind, Late, QuerySource, Source, Watermark};

pub(super) fn parse_from(keyword: Ident, input: ParseStream) -> syn::Result<From> {
    let alias = parse_name(Kind::From, input)?;
    if !input.peek(Token![in]) {
        return Err(here(input, message::from_without_in(&alias)));
    }
    input.parse::<Token![in]>()?;
    let source = parse_source(Kind::From, input)?;
    let (watermark, late) = parse_parts(Kind::From, &source, input)?;
    if let Some(word) = next_word(input) {
        return Err(syn::Error::new(word.span(), message::unexpected_in_source(Kind::From, &word)));
    }
    Ok(From { keyword, alias, source, watermark, late })
}

/// `INPUT [union INPUT]*` or `query PATH`.
pub(super) fn parse_source(kind: Kind, input: ParseStream) -> syn::Result<Source> {
    let first = parse_name(kind, input)?;
    if first == "query" && is_path_ahead(input) {
        let path = input.call(Path::parse_mod_style)?;
        return QuerySource::new(first, path)
            .map(Source::Query)
            .ok_or_else(|| here(input, message::name_expected(kind)));
    }
    let mut names = vec![first];
    while next_word(input).is_some_and(|word| word == "union") {
        let union: Ident = input.parse()?;
        if kind == Kind::Join {
            return Err(syn::Error::new(union.span(), message::union_in_join(&names[0])));
        }
        let name = parse_name(kind, input)?;
        if name == "query" && is_path_ahead(input) {
            return Err(syn::Error::new(name.span(), message::UNION_OF_QUERIES));
        }
        names.push(name);
    }
    Ok(Source::Inputs(names))
}

/// Whether a path follows `query`, which is otherwise the name of an input.
fn is_path_ahead(input: ParseStream) -> bool {
    if input.peek(Token![::]) {
        return true;
    }
    let word = input.fork().call(Ident::parse_any);
    word.is_ok_and(|word| !["watermark", "late", "union", "on"].iter().any(|part| word == part))
}

/// `[watermark(COLUMN, DELAY)] [late into NAME]`, in this order.
pub(super) fn parse_parts(
    kind: Kind,
    source: &Source,
    input: ParseStream,
) -> syn::Result<(Option<Watermark>, Option<Late>)> {
    let mut watermark = None;
    if next_word(input).is_some_and(|word| word == "watermark") {
        let parsed = parse_watermark(input)?;
        if let Source::Query(query) = source {
            return Err(syn::Error::new(parsed.keyword.span(), message::watermark_of_a_query(query)));
        }
        watermark = Some(parsed);
    }
    let mut late = None;
    if next_word(input).is_some_and(|word| word == "late") {
        let parsed = parse_late(input)?;
        if let Source::Query(query) = source {
            return Err(syn::Error::new(parsed.keyword.span(), message::late_of_a_query(query)));
        }
        late = Some(parsed);
    }
    if let Some(word) = next_word(input).filter(|word| word == "watermark" || word == "late") {
        return Err(syn::Error::new(word.span(), message::source_part_order(kind)));
    }
    Ok((watermark, late))
}

/// The next word, unless it begins a clause.
pub(super) fn next_word(input: ParseStream) -> Option<Ident> {
    input.fork().parse::<Ident>().ok().filter(|word| Kind::of(word).is_none())
}

fn parse_watermark(input: ParseStream) -> syn::Result<Watermark> {
    let keyword: Ident = input.parse()?;
    if !input.peek(syn::token::Paren) {
        return Err(here(input, message::watermark_arguments()));
    }
    let arguments;
    parenthesized!(arguments in input);
    let parsed = arguments.parse_terminated(Expr::parse, Token![,])?;
    let mut parsed = parsed.into_iter();
    match (parsed.next(), parsed.next(), parsed.next()) {
        (Some(column), Some(delay), None) => Ok(Watermark { keyword, column, delay }),
        _ => Err(syn::Error::new(keyword.span(), message::watermark_arguments())),
    }
}

fn parse_late(input: ParseStream) -> syn::Result<Late> {
    let keyword: Ident = input.parse()?;
    let into = input.call(Ident::parse_any).ok().filter(|word| word == "into");
    let name = into.and_then(|_| input.parse().ok());
    name.map(|name| Late { keyword: keyword.clone(), name })
        .ok_or_else(|| syn::Error::new(keyword.span(), message::late_without_name()))
}
