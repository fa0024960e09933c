//! The keys of `group by`.
//!
//! A key is parsed as one expression, with its name as the type of a cast: `click.page as page`. A single
//! identifier that isn't a primitive type is the name, since only primitive types can be cast to.

use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprCall, Ident, Token, Type};

use super::{here, rephrase};
use crate::message;
use crate::query::ast::{Key, Kind, Window};
use crate::query::expr::{bare_ident, bare_path};

const PRIMITIVES: [&str; 16] = [
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64",
    "u128", "usize",
];

pub(super) fn parse_keys(input: ParseStream) -> syn::Result<Vec<Key>> {
    let mut keys = Vec::new();
    loop {
        if input.is_empty() || input.peek(Token![;]) || at_unbounded(input) {
            if keys.is_empty() {
                return Err(here(input, message::clause_is_empty(Kind::GroupBy)));
            }
            return Ok(keys);
        }
        let expr: Expr = input
            .parse()
            .map_err(|error| rephrase(&error, message::not_an_expression(Kind::GroupBy, &error)))?;
        keys.push(key(expr)?);
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

fn key(expr: Expr) -> syn::Result<Key> {
    let (expr, name) = match expr {
        Expr::Cast(cast) => match key_name(&cast.ty) {
            Some(name) => (*cast.expr, Some(name)),
            None => (Expr::Cast(cast), None),
        },
        other => (other, None),
    };
    let window = match &expr {
        Expr::Call(call) if bare_path(&call.func).is_some_and(|name| name == "window") => {
            Some(window(call.clone())?)
        }
        _ => None,
    };
    Ok(Key { expr, name, window })
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
        Err(plain) => {
            let all: Punctuated<_, Token![,]> = call.args.clone();
            let at = if all.is_empty() { None } else { Some(all) };
            let text = message::window_arguments(plain.len());
            Err(at.map_or_else(
                || syn::Error::new_spanned(&call, &text),
                |arguments| syn::Error::new_spanned(arguments, &text),
            ))
        }
    }
}
