//! `join`, with `on`, `within` and `unbounded`.

use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Expr, ExprRange, Ident, Token};

use super::clause::{parse_name, parse_operand};
use super::source::{next_word, parse_parts, parse_source};
use super::{here, rephrase};
use crate::message;
use crate::query::ast::{Join, JoinKind, Kind, Within};
use crate::query::expr::bare_ident;

/// Parses a join from behind its first word.
pub(super) fn parse_join(keyword: Ident, input: ParseStream) -> syn::Result<Join> {
    let kind = JoinKind::of(&keyword).unwrap_or(JoinKind::Inner);
    if kind != JoinKind::Inner {
        let join = input.call(Ident::parse_any).ok().filter(|word| word == "join");
        join.ok_or_else(|| syn::Error::new(keyword.span(), message::kind_without_join(kind)))?;
    }
    let alias = parse_name(Kind::Join, input)?;
    if !input.peek(Token![in]) {
        return Err(here(input, message::join_without_in(kind, &alias)));
    }
    input.parse::<Token![in]>()?;
    let source = parse_source(Kind::Join, input)?;
    let (watermark, late) = parse_parts(Kind::Join, &source, input)?;
    let on = match next_word(input) {
        Some(word) if word == "on" => input.parse::<Ident>()?,
        Some(word) => {
            return Err(syn::Error::new(word.span(), message::unexpected_in_source(Kind::Join, &word)));
        }
        None => return Err(here(input, message::join_without_on(kind, &alias))),
    };
    let condition = parse_operand(Kind::Join, input)?;
    let (mut within, mut unbounded) = (None, None);
    if next_word(input).is_some_and(|word| word == "within") {
        let (parsed, word) = parse_within(input)?;
        (within, unbounded) = (Some(parsed), word);
    }
    match next_word(input) {
        Some(word) if word == "unbounded" && unbounded.is_none() => unbounded = Some(input.parse()?),
        Some(word) => return Err(syn::Error::new(word.span(), message::unexpected_in_join(&word))),
        None => {}
    }
    Ok(Join { keyword, kind, alias, source, watermark, late, on, condition, within, unbounded })
}

/// `within TIME in RANGE`, and the `unbounded` behind it if the range is open at its end.
fn parse_within(input: ParseStream) -> syn::Result<(Within, Option<Ident>)> {
    let keyword: Ident = input.parse()?;
    let time: Expr =
        input.parse().map_err(|_| syn::Error::new(keyword.span(), message::within_without_range()))?;
    if !input.peek(Token![in]) {
        return Err(syn::Error::new(keyword.span(), message::within_without_range()));
    }
    input.parse::<Token![in]>()?;
    let range: Expr = input.parse().map_err(|error| rephrase(&error, message::within_without_range()))?;
    let Expr::Range(mut range) = range else {
        return Err(syn::Error::new_spanned(range, message::within_without_range()));
    };
    let unbounded = take_unbounded(&mut range);
    if range.start.is_none() && range.end.is_none() {
        return Err(syn::Error::new_spanned(range, message::within_without_range()));
    }
    Ok((Within { keyword, time, range }, unbounded))
}

/// Behind an open end Rust reads the next word as that end.
fn take_unbounded(range: &mut ExprRange) -> Option<Ident> {
    let word = range.end.as_deref().and_then(bare_ident).filter(|word| *word == "unbounded").cloned();
    if word.is_some() {
        range.end = None;
    }
    word
}
