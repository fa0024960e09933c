//! The keys of `group by`, `dedup by`, `process by` and `order by`.
//!
//! A key of `group by` is parsed as one expression, with its name as the type of a cast: `click.page as page`. A single
//! identifier that isn't a primitive type is the name, since only primitive types can be cast to.

use syn::parse::ParseStream;
use syn::{Expr, ExprCall, Ident, Token, Type};

use super::source::next_word;
use super::{here, rephrase};
use crate::message;
use crate::query::ast::{Interval, Key, Kind, OrderKey, Session, Window};
use crate::query::expr::{bare_ident, bare_path};

const PRIMITIVES: [&str; 16] = [
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64",
    "u128", "usize",
];

/// The keys of `group by`.
pub(super) fn parse_keys(input: ParseStream) -> syn::Result<Vec<Key>> {
    parse_list(Kind::GroupBy, input, at_unbounded)?.into_iter().map(key).collect()
}

/// The keys of `dedup by`, which have no names.
pub(super) fn parse_dedup_keys(input: ParseStream) -> syn::Result<Vec<Expr>> {
    let is_over = |input: ParseStream| at_unbounded(input) || at_within(input);
    unnamed(Kind::Dedup, parse_list(Kind::Dedup, input, is_over)?)
}

/// The keys of `process by`, which have none either.
pub(super) fn parse_process_keys(input: ParseStream) -> syn::Result<Vec<Expr>> {
    unnamed(Kind::Process, parse_list(Kind::Process, input, at_with)?)
}

fn unnamed(kind: Kind, keys: Vec<Expr>) -> syn::Result<Vec<Expr>> {
    for key in &keys {
        if let Expr::Cast(cast) = key
            && key_name(&cast.ty).is_some()
        {
            return Err(syn::Error::new_spanned(&cast.ty, message::named_key(kind, &cast.expr, &cast.ty)));
        }
    }
    Ok(keys)
}

/// The keys of `order by`, each with the direction that may follow it.
pub(super) fn parse_order_keys(input: ParseStream) -> syn::Result<Vec<OrderKey>> {
    let mut keys = Vec::new();
    loop {
        if input.is_empty() || input.peek(Token![;]) {
            if keys.is_empty() {
                return Err(here(input, message::clause_is_empty(Kind::OrderBy)));
            }
            return Ok(keys);
        }
        let expr = input
            .parse()
            .map_err(|error| rephrase(&error, message::not_an_expression(Kind::OrderBy, &error)))?;
        let mut descending = false;
        if let Some(word) = next_word(input) {
            if word != "asc" && word != "desc" {
                return Err(syn::Error::new(word.span(), message::unexpected_in_order(&word)));
            }
            descending = word == "desc";
            input.parse::<Ident>()?;
        }
        keys.push(OrderKey { expr, descending });
        if !input.peek(Token![,]) {
            return Ok(keys);
        }
        input.parse::<Token![,]>()?;
    }
}

/// Expressions up to the end of the clause, or to a word that follows them; a comma may stand before either.
fn parse_list(kind: Kind, input: ParseStream, is_over: fn(ParseStream) -> bool) -> syn::Result<Vec<Expr>> {
    let mut keys = Vec::new();
    loop {
        if input.is_empty() || input.peek(Token![;]) || is_over(input) {
            if keys.is_empty() {
                return Err(here(input, message::clause_is_empty(kind)));
            }
            return Ok(keys);
        }
        let expr =
            input.parse().map_err(|error| rephrase(&error, message::not_an_expression(kind, &error)))?;
        keys.push(expr);
        if !input.peek(Token![,]) {
            return Ok(keys);
        }
        input.parse::<Token![,]>()?;
    }
}

/// `unbounded` may follow a comma, and isn't a key then.
fn at_unbounded(input: ParseStream) -> bool {
    let ahead = input.fork();
    let word = ahead.parse::<Ident>();
    word.is_ok_and(|word| word == "unbounded") && (ahead.is_empty() || ahead.peek(Token![;]))
}

/// So may `within watermark`.
fn at_within(input: ParseStream) -> bool {
    let ahead = input.fork();
    ahead.parse::<Ident>().is_ok_and(|word| word == "within") && ahead.peek(Ident)
}

/// And `with PROCESSOR`.
fn at_with(input: ParseStream) -> bool {
    let ahead = input.fork();
    ahead.parse::<Ident>().is_ok_and(|word| word == "with")
        && !ahead.peek(Token![,])
        && !ahead.peek(Token![.])
}

fn key(expr: Expr) -> syn::Result<Key> {
    let (expr, name) = match expr {
        Expr::Cast(cast) => match key_name(&cast.ty) {
            Some(name) => (*cast.expr, Some(name)),
            None => (Expr::Cast(cast), None),
        },
        other => (other, None),
    };
    let interval = match &expr {
        Expr::Call(call) if bare_path(&call.func).is_some_and(|name| name == "window") => {
            Some(Interval::Window(Box::new(window(call.clone())?)))
        }
        Expr::Call(call) if bare_path(&call.func).is_some_and(|name| name == "session") => {
            Some(Interval::Session(Box::new(session(call.clone())?)))
        }
        _ => None,
    };
    Ok(Key { expr, name, interval })
}

fn key_name(ty: &Type) -> Option<Ident> {
    let Type::Path(path) = ty else { return None };
    let name = path.path.get_ident().filter(|_| path.qself.is_none())?;
    (!PRIMITIVES.iter().any(|primitive| name == primitive)).then(|| name.clone())
}

fn window(call: ExprCall) -> syn::Result<Window> {
    let mut plain = Vec::new();
    let (mut slide, mut start) = (None, None);
    for argument in call.args.iter().cloned() {
        let Expr::Assign(named) = argument else {
            plain.push(argument);
            continue;
        };
        let slot = match bare_ident(&named.left) {
            Some(name) if name == "slide" => &mut slide,
            Some(name) if name == "start" => &mut start,
            _ => return Err(syn::Error::new_spanned(&named.left, message::window_option(&named.left))),
        };
        if slot.replace(*named.right).is_some() {
            return Err(syn::Error::new_spanned(&named.left, message::window_option_twice(&named.left)));
        }
    }
    let plain: Result<[Expr; 2], _> = plain.try_into();
    match plain {
        Ok([time, width]) => Ok(Window { call, time, width, slide, start }),
        Err(plain) => Err(wrong_arguments(&call, &message::window_arguments(plain.len()))),
    }
}

fn session(call: ExprCall) -> syn::Result<Session> {
    let arguments: Result<[Expr; 2], _> = call.args.iter().cloned().collect::<Vec<_>>().try_into();
    match arguments {
        Ok([time, gap]) if !matches!(gap, Expr::Assign(_)) => Ok(Session { call, time, gap }),
        _ => Err(wrong_arguments(&call, &message::session_arguments())),
    }
}

/// An error at the arguments of a call, or at the call if it has none.
fn wrong_arguments(call: &ExprCall, text: &str) -> syn::Error {
    if call.args.is_empty() {
        syn::Error::new_spanned(call, text)
    } else {
        syn::Error::new_spanned(&call.args, text)
    }
}
