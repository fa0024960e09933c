//! One clause each, up to but not including its `;`.

use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Expr, Ident, Token};

use super::join::parse_join;
use super::key::{parse_dedup_keys, parse_keys, parse_order_keys, parse_process_keys};
use super::source::{next_word, parse_from};
use super::{here, rephrase};
use crate::message;
use crate::query::ast::{
    Clause, Dedup, Explode, GroupBy, Having, Kind, Let, Limit, Mode, OrderBy, Output, Process, Retention,
    Select, Where,
};

pub(super) fn parse_clause(input: ParseStream) -> syn::Result<Clause> {
    let keyword =
        input.call(Ident::parse_any).map_err(|error| rephrase(&error, message::clause_expected()))?;
    Ok(match Kind::of(&keyword) {
        Some(Kind::From) => Clause::From(parse_from(keyword, input)?),
        Some(Kind::Join) => Clause::Join(Box::new(parse_join(keyword, input)?)),
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
        Some(Kind::Process) => Clause::Process(parse_process(keyword, input)?),
        Some(Kind::Select) => {
            let row = parse_operand(Kind::Select, input)?;
            Clause::Select(Select { keyword, row })
        }
        Some(Kind::Having) => {
            let condition = parse_operand(Kind::Having, input)?;
            Clause::Having(Having { keyword, condition })
        }
        Some(Kind::OrderBy) => {
            if !parse_by(input) {
                return Err(syn::Error::new(keyword.span(), message::order_without_by()));
            }
            Clause::OrderBy(OrderBy { keyword, keys: parse_order_keys(input)? })
        }
        Some(Kind::Limit) => Clause::Limit(Limit { keyword, count: parse_operand(Kind::Limit, input)? }),
        Some(Kind::Output) => Clause::Output(parse_output(keyword, input)?),
        None => return Err(syn::Error::new(keyword.span(), message::unknown_clause(&keyword))),
    })
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
    let retention = if next_word(input).is_some() { Some(parse_retention(input)?) } else { None };
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

/// Reads the second word of `group by` and its like.
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

fn parse_process(keyword: Ident, input: ParseStream) -> syn::Result<Process> {
    if !parse_by(input) {
        return Err(syn::Error::new(keyword.span(), message::process_without_by()));
    }
    let keys = parse_process_keys(input)?;
    if next_word(input).is_none_or(|word| word != "with") {
        return Err(here(input, message::process_without_with(&keys)));
    }
    input.parse::<Ident>()?;
    Ok(Process { keyword, keys, processor: parse_operand(Kind::Process, input)? })
}

fn parse_output(keyword: Ident, input: ParseStream) -> syn::Result<Output> {
    let word = input.call(Ident::parse_any).map_err(|error| rephrase(&error, message::output_mode()))?;
    match Mode::ALL.into_iter().find(|mode| word == mode.name()) {
        Some(mode) => Ok(Output { keyword, mode, word }),
        None => Err(syn::Error::new(word.span(), message::unknown_mode(&word))),
    }
}

/// The expression that a clause consists of.
pub(super) fn parse_operand(kind: Kind, input: ParseStream) -> syn::Result<Expr> {
    if input.is_empty() || input.peek(Token![;]) {
        return Err(here(input, message::clause_is_empty(kind)));
    }
    input.parse().map_err(|error| rephrase(&error, message::not_an_expression(kind, &error)))
}

pub(super) fn parse_name(kind: Kind, input: ParseStream) -> syn::Result<Ident> {
    input.parse().map_err(|error| rephrase(&error, message::name_expected(kind)))
}
