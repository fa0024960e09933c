//! One clause each, up to but not including its `;`.

use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Expr, Ident, Token, parenthesized};

use super::key::{parse_dedup_keys, parse_keys};
use super::{here, rephrase};
use crate::message;
use crate::query::ast::{
    Clause, Dedup, Explode, From, GroupBy, Having, Kind, Let, Mode, Output, Retention, Select, Watermark,
    Where,
};

pub(super) fn parse_clause(input: ParseStream) -> syn::Result<Clause> {
    let keyword =
        input.call(Ident::parse_any).map_err(|error| rephrase(&error, message::clause_expected()))?;
    Ok(match Kind::of(&keyword) {
        Some(Kind::From) => Clause::From(parse_from(keyword, input)?),
        Some(Kind::Where) => {
            let condition = parse_operand(Kind::Where, input)?;
            Clause::Where(Where { keyword, condition })
        }
        Some(Kind::Let) => Clause::Let(parse_let(keyword, input)?),
        Some(Kind::Explode) => {
            let name = parse_name(Kind::Explode, input)?;
            if !input.peek(Token![in]) {
                return Err(here(input, message::explode_without_in(&name)));
            }
            input.parse::<Token![in]>()?;
            Clause::Explode(Explode { keyword, name, items: parse_operand(Kind::Explode, input)? })
        }
        Some(Kind::Dedup) => Clause::Dedup(parse_dedup(keyword, input)?),
        Some(Kind::GroupBy) => Clause::GroupBy(parse_group_by(keyword, input)?),
        Some(Kind::Select) => {
            let row = parse_operand(Kind::Select, input)?;
            Clause::Select(Select { keyword, row })
        }
        Some(Kind::Having) => {
            let condition = parse_operand(Kind::Having, input)?;
            Clause::Having(Having { keyword, condition })
        }
        Some(Kind::Output) => Clause::Output(parse_output(keyword, input)?),
        None => return Err(syn::Error::new(keyword.span(), message::unknown_clause(&keyword))),
    })
}

fn parse_from(keyword: Ident, input: ParseStream) -> syn::Result<From> {
    let alias = parse_name(Kind::From, input)?;
    if !input.peek(Token![in]) {
        return Err(here(input, message::from_without_in(&alias)));
    }
    input.parse::<Token![in]>()?;
    let source = parse_name(Kind::From, input)?;
    let watermark = if input.peek(Ident) { Some(parse_watermark(input)?) } else { None };
    Ok(From { keyword, alias, input: source, watermark })
}

fn parse_watermark(input: ParseStream) -> syn::Result<Watermark> {
    let keyword: Ident = input.parse()?;
    if keyword != "watermark" {
        return Err(syn::Error::new(keyword.span(), message::unexpected_in_from(&keyword)));
    }
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

fn parse_let(keyword: Ident, input: ParseStream) -> syn::Result<Let> {
    let name = parse_name(Kind::Let, input)?;
    let ty = if input.peek(Token![:]) {
        input.parse::<Token![:]>()?;
        Some(input.parse()?)
    } else {
        None
    };
    if !input.peek(Token![=]) {
        return Err(here(input, message::let_without_value(&name)));
    }
    input.parse::<Token![=]>()?;
    Ok(Let { keyword, name, ty, value: parse_operand(Kind::Let, input)? })
}

fn parse_dedup(keyword: Ident, input: ParseStream) -> syn::Result<Dedup> {
    if !parse_by(input) {
        return Err(syn::Error::new(keyword.span(), message::dedup_without_by()));
    }
    let keys = parse_dedup_keys(input)?;
    let next = input.fork().parse::<Ident>().ok().filter(|word| Kind::of(word).is_none());
    let retention = if next.is_some() { Some(parse_retention(input)?) } else { None };
    Ok(Dedup { keyword, keys, retention })
}

fn parse_retention(input: ParseStream) -> syn::Result<Retention> {
    let word: Ident = input.parse()?;
    if word == "unbounded" {
        return Ok(Retention::Unbounded(word));
    }
    if word != "within" {
        return Err(syn::Error::new(word.span(), message::unexpected_in_dedup(&word)));
    }
    match input.parse::<Ident>() {
        Ok(watermark) if watermark == "watermark" => {
            Ok(Retention::WithinWatermark { within: word, watermark })
        }
        _ => Err(syn::Error::new(word.span(), message::within_without_word())),
    }
}

/// Reads the second word of `group by` and `dedup by`.
fn parse_by(input: ParseStream) -> bool {
    input.call(Ident::parse_any).is_ok_and(|word| word == "by")
}

fn parse_group_by(keyword: Ident, input: ParseStream) -> syn::Result<GroupBy> {
    if !parse_by(input) {
        return Err(syn::Error::new(keyword.span(), message::group_without_by()));
    }
    let keys = parse_keys(input)?;
    let unbounded = if input.peek(Ident) && input.fork().parse::<Ident>()? == "unbounded" {
        Some(input.parse()?)
    } else {
        None
    };
    Ok(GroupBy { keyword, keys, unbounded })
}

fn parse_output(keyword: Ident, input: ParseStream) -> syn::Result<Output> {
    let word = input.call(Ident::parse_any).map_err(|error| rephrase(&error, message::output_mode()))?;
    match Mode::ALL.into_iter().find(|mode| word == mode.name()) {
        Some(mode) => Ok(Output { keyword, mode, word }),
        None => Err(syn::Error::new(word.span(), message::unknown_mode(&word))),
    }
}

/// The expression that a clause consists of.
fn parse_operand(kind: Kind, input: ParseStream) -> syn::Result<Expr> {
    if input.is_empty() || input.peek(Token![;]) {
        return Err(here(input, message::clause_is_empty(kind)));
    }
    input.parse().map_err(|error| rephrase(&error, message::not_an_expression(kind, &error)))
}

fn parse_name(kind: Kind, input: ParseStream) -> syn::Result<Ident> {
    input.parse().map_err(|error| rephrase(&error, message::name_expected(kind)))
}
