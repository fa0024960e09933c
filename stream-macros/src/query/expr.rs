//! Questions about expressions that several stages ask.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, Ident, Macro, Pat, Token};

use super::ast::Interval;

/// The identifier that an expression consists of.
pub(crate) fn bare_ident(expr: &Expr) -> Option<&Ident> {
    match peeled(expr) {
        Expr::Path(path) if path.qself.is_none() => path.path.get_ident(),
        _ => None,
    }
}

/// The single name that a call's function consists of, with or without generic arguments:
/// `aggregate::<Median>`, but not `self::sum`.
pub(crate) fn bare_path(function: &Expr) -> Option<&Ident> {
    match function {
        Expr::Path(path) if path.qself.is_none() && path.path.leading_colon.is_none() => {
            let segments = &path.path.segments;
            (segments.len() == 1).then(|| &segments[0].ident)
        }
        _ => None,
    }
}

/// The expression without the parentheses around it.
pub(crate) fn peeled(mut expr: &Expr) -> &Expr {
    loop {
        expr = match expr {
            Expr::Paren(paren) => &paren.expr,
            Expr::Group(group) => &group.expr,
            other => return other,
        };
    }
}

/// Whether two expressions consist of the same tokens, parentheses around them aside.
pub(crate) fn same(left: &Expr, right: &Expr) -> bool {
    peeled(left) == peeled(right)
}

/// The arguments of a macro call such as `format!("{}", click.page)`, if they are expressions.
pub(crate) fn macro_arguments(call: &Macro) -> Option<Punctuated<Expr, Token![,]>> {
    Punctuated::parse_terminated.parse2(call.tokens.clone()).ok()
}

/// The calls of `window(…)` and `session(…)` in an expression, which aren't functions, each with its name.
pub(crate) fn interval_calls(expr: &Expr) -> Vec<(&'static str, &ExprCall)> {
    let mut calls = IntervalCalls(Vec::new());
    calls.visit_expr(expr);
    calls.0
}

struct IntervalCalls<'ast>(Vec<(&'static str, &'ast ExprCall)>);

impl<'ast> Visit<'ast> for IntervalCalls<'ast> {
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        let function = Interval::FUNCTIONS
            .into_iter()
            .find(|function| bare_path(&call.func).is_some_and(|f| f == function));
        match function {
            Some(function) => self.0.push((function, call)),
            None => visit::visit_expr_call(self, call),
        }
    }
}

/// How a query uses a row's alias.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AliasUse {
    /// `click.page`
    Column(Ident),
    /// `click`, `click.method()`, or in a format string: anything of the row may be read.
    Whole,
}

/// Every use of an alias in the tokens, macro calls included.
pub(crate) fn alias_uses(tokens: TokenStream, alias: &Ident) -> Vec<AliasUse> {
    let mut uses = Vec::new();
    collect_uses(tokens, alias, false, &mut uses);
    uses
}

/// The same for a row that is an `Option`: `click.map(|row| row.page)` reads a column.
pub(crate) fn optional_uses(tokens: TokenStream, alias: &Ident) -> Vec<AliasUse> {
    let mut uses = Vec::new();
    collect_uses(tokens, alias, true, &mut uses);
    uses
}

/// Whether the tokens use a variable.
pub(crate) fn mentions(tokens: TokenStream, name: &Ident) -> bool {
    !alias_uses(tokens, name).is_empty()
}

/// The first place where an expression uses a name that it doesn't bind itself.
pub(crate) fn use_of(expr: &Expr, name: &Ident) -> Option<Ident> {
    let bound = bound_names(expr).contains(name);
    (!bound && mentions(expr.to_token_stream(), name))
        .then(|| place_of(expr.to_token_stream(), name))
        .flatten()
}

/// The names that an expression binds: closure parameters, `match` arms, `let`s of a block.
pub(crate) fn bound_names(expr: &Expr) -> Vec<Ident> {
    let mut patterns = Patterns(Vec::new());
    patterns.visit_expr(expr);
    patterns.0
}

struct Patterns(Vec<Ident>);

impl<'ast> Visit<'ast> for Patterns {
    fn visit_pat(&mut self, pattern: &'ast Pat) {
        if let Pat::Ident(binding) = pattern {
            self.0.push(binding.ident.clone());
        }
        visit::visit_pat(self, pattern);
    }
}

/// The first token of that name which is a variable, or the literal that holds it.
pub(crate) fn place_of(tokens: TokenStream, name: &Ident) -> Option<Ident> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    tokens.iter().enumerate().find_map(|(at, token)| match token {
        TokenTree::Group(group) => place_of(group.stream(), name),
        TokenTree::Ident(ident) if ident == name && is_variable(&tokens, at) => Some(ident.clone()),
        TokenTree::Literal(literal) if literal.to_string().contains(&format!("{{{name}")) => {
            Some(Ident::new(&name.to_string(), literal.span()))
        }
        _ => None,
    })
}

fn collect_uses(tokens: TokenStream, alias: &Ident, is_optional: bool, uses: &mut Vec<AliasUse>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => collect_uses(group.stream(), alias, is_optional, uses),
            TokenTree::Literal(literal) if literal.to_string().contains(&format!("{{{alias}")) => {
                uses.push(AliasUse::Whole);
            }
            TokenTree::Ident(ident) if ident == alias && is_variable(&tokens, at) => {
                let rest = &tokens[at + 1..];
                if let Some(of_option) = option_call(rest, alias).filter(|_| is_optional) {
                    uses.extend(of_option);
                    // Behind the dot, the method and its arguments.
                    at += 3;
                } else {
                    uses.push(column_after(rest).map_or(AliasUse::Whole, AliasUse::Column));
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// What a method of `Option`, called of an alias, does with the row: `.is_some()`, `.map(|row| row.page)`, `.map_or(0, |row| row.count)`.
fn option_call(rest: &[TokenTree], alias: &Ident) -> Option<Vec<AliasUse>> {
    let [TokenTree::Punct(dot), TokenTree::Ident(method), TokenTree::Group(arguments), ..] = rest else {
        return None;
    };
    if dot.as_char() != '.' || arguments.delimiter() != Delimiter::Parenthesis {
        return None;
    }
    let arguments = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(arguments.stream()).ok()?;
    let mut arguments: Vec<_> = arguments.into_iter().collect();
    let wanted = match method.to_string().as_str() {
        "is_some" | "is_none" => return arguments.is_empty().then(Vec::new),
        "map" | "and_then" | "is_some_and" | "is_none_or" => 1,
        "map_or" | "map_or_else" => 2,
        _ => return None,
    };
    let (Some(Expr::Closure(closure)), true) = (arguments.pop(), arguments.len() + 1 == wanted) else {
        return None;
    };
    let row = match (closure.inputs.first(), closure.inputs.len()) {
        (Some(Pat::Ident(row)), 1) => Some(&row.ident),
        (Some(Pat::Wild(_)), 1) => None,
        _ => return None,
    };
    let mut uses = row.map_or_else(Vec::new, |row| alias_uses(closure.body.to_token_stream(), row));
    if row != Some(alias) {
        collect_uses(closure.body.to_token_stream(), alias, true, &mut uses);
    }
    for other in &arguments {
        collect_uses(other.to_token_stream(), alias, true, &mut uses);
    }
    Some(uses)
}

fn is_punct(tokens: &[TokenTree], at: Option<usize>, wanted: char) -> bool {
    let token = at.and_then(|at| tokens.get(at));
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

/// Whether the identifier is neither a field or method (`x.name`), nor part of a path (`name::x`), nor the
/// name of a field in a struct literal (`name: x`).
fn is_variable(tokens: &[TokenTree], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back);
    let after_dot = is_punct(tokens, before(1), '.') && !is_punct(tokens, before(2), '.');
    let after_path = is_punct(tokens, before(1), ':') && is_punct(tokens, before(2), ':');
    !after_dot && !after_path && !is_punct(tokens, Some(at + 1), ':')
}

/// The column in `.page`, if what follows the alias is a field and not a method call.
fn column_after(rest: &[TokenTree]) -> Option<Ident> {
    let [TokenTree::Punct(dot), TokenTree::Ident(field), rest @ ..] = rest else { return None };
    let called = match rest.first() {
        Some(TokenTree::Group(group)) => group.delimiter() == Delimiter::Parenthesis,
        _ => is_punct(rest, Some(0), ':') && is_punct(rest, Some(1), ':'),
    };
    (dot.as_char() == '.' && !called).then(|| field.clone())
}

#[cfg(test)]
mod tests {
    use quote::{format_ident, quote};

    use super::*;

    fn uses(tokens: TokenStream) -> Vec<String> {
        alias_uses(tokens, &format_ident!("click"))
            .into_iter()
            .map(|found| match found {
                AliasUse::Column(column) => column.to_string(),
                AliasUse::Whole => "*".to_owned(),
            })
            .collect()
    }

    #[test]
    fn a_field_is_a_column_and_everything_else_is_the_whole_row() {
        assert_eq!(uses(quote!(click.page.len() + f(click.amount))), ["page", "amount"]);
        assert_eq!(uses(quote!(click.method())), ["*"]);
        assert_eq!(uses(quote!(click.method::<u8>())), ["*"]);
        assert_eq!(uses(quote!(f(click))), ["*"]);
        assert_eq!(uses(quote!(0..click.until)), ["until"]);
        assert_eq!(uses(quote!(format!("{}", click.page))), ["page"]);
        assert_eq!(uses(quote!(format!("{click:?}"))), ["*"]);
    }

    #[test]
    fn a_closure_over_a_row_that_may_be_missing_names_its_columns() {
        let uses = |tokens: TokenStream| {
            let found = optional_uses(tokens, &format_ident!("click"));
            let names = found.into_iter().map(|found| match found {
                AliasUse::Column(column) => column.to_string(),
                AliasUse::Whole => "*".to_owned(),
            });
            names.collect::<Vec<_>>()
        };
        assert_eq!(uses(quote!(click.map(|click| click.page.len()))), ["page"]);
        assert_eq!(uses(quote!(click.is_some_and(|c| c.amount > 1) && !click.is_none())), ["amount"]);
        assert_eq!(
            uses(quote!(click.map_or(click.map(|c| c.a), |c| c.b + click.map(|d| d.e)))),
            ["b", "e", "a"]
        );
        assert_eq!(uses(quote!(click.map(|c| c.page).unwrap_or(click))), ["page", "*"]);
        assert_eq!(uses(quote!(click.map(|_| other.id))), [""; 0]);
        for whole in [
            quote!(click.map(|c| f(c))),
            quote!(click.map(|c| format!("{c:?}"))),
            quote!(click.map(f)),
            quote!(click.map(|View { page, .. }| page)),
            quote!(click.map_or(|c| c.page)),
            quote!(click.filter(|c| c.ok)),
            quote!(click.is_some),
            quote!(click),
        ] {
            let found = uses(whole.clone());
            assert!(found.contains(&"*".to_owned()) || found == ["is_some"], "{whole}: {found:?}");
        }
        assert_eq!(super::tests::uses(quote!(click.map(|c| c.page))), ["*"]);
    }

    #[test]
    fn another_thing_of_the_same_name_is_no_use() {
        assert!(uses(quote!(other.click + click::page() + Row { click: 1 } + m::click)).is_empty());
    }
}
