//! Tokens as text, for the plan and for the clauses that messages propose.
//!
//! The text depends on the tokens alone, not on how they were spaced: it is part of a checkpoint's
//! fingerprint, and reformatting a query must not change it.

use std::fmt::Write;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Ident;

/// The tokens as one would write them.
pub(crate) fn text(tokens: impl ToTokens) -> String {
    print(&tokens.into_token_stream(), &[])
}

/// The same with inputs' names instead of rows' aliases, so that renaming an alias doesn't change the text: `orders.id` for `o.id`, and where
/// there is but one row, `page` for `click.page`.
pub(crate) fn text_by_inputs(tokens: impl ToTokens, aliases: &[(&Ident, &Ident)]) -> String {
    print(&tokens.into_token_stream(), aliases)
}

/// Words after which an operand follows, though they are identifiers.
const KEYWORDS: [&str; 12] =
    ["as", "else", "if", "in", "let", "match", "move", "mut", "ref", "return", "while", "for"];

fn print(tokens: &TokenStream, aliases: &[(&Ident, &Ident)]) -> String {
    let input = |ident: &Ident| aliases.iter().find(|(alias, _)| *alias == ident).map(|(_, input)| *input);
    let tokens: Vec<_> = tokens.clone().into_iter().collect();
    let mut printer = Printer { text: String::new(), before: Before::Nothing, generics: 0, closure: false };
    let mut at = 0;
    while at < tokens.len() {
        let rest = &tokens[at..];
        match &rest[0] {
            TokenTree::Ident(ident) => match input(ident).filter(|_| !printer.is_member()) {
                Some(input) => {
                    let has_column = matches!(rest, [_, TokenTree::Punct(dot), TokenTree::Ident(_), ..] if dot.as_char() == '.');
                    if has_column && aliases.len() == 1 {
                        at += 2;
                        continue;
                    }
                    printer.word(&input.to_string());
                }
                None => printer.word(&ident.to_string()),
            },
            TokenTree::Literal(literal) => printer.word(&literal.to_string()),
            TokenTree::Group(group) => {
                printer.group(group.delimiter(), &print(&group.stream(), aliases));
            }
            TokenTree::Punct(punct) => {
                let next = rest.get(1);
                printer.punct(punct.as_char(), punct.spacing(), next);
            }
        }
        at += 1;
    }
    printer.text
}

/// What the last token was, as far as spacing cares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// An operand ended here.
    Operand,
    /// A word after which an operand follows.
    Keyword,
    /// An operator between operands, `,` or `;`.
    Operator,
    /// `.`, `::`, a unary operator, the `!` of a macro, or the first half of a longer operator.
    Tight,
}

struct Printer {
    text: String,
    before: Before,
    generics: usize,
    closure: bool,
}

impl Printer {
    fn is_member(&self) -> bool {
        self.before == Before::Tight
            && (self.text.ends_with("::") || self.text.ends_with('.'))
            && !self.text.ends_with("..")
    }

    fn space(&mut self) {
        if !matches!(self.before, Before::Nothing | Before::Tight) {
            self.text.push(' ');
        }
    }

    fn word(&mut self, word: &str) {
        self.space();
        self.text.push_str(word);
        self.before = if KEYWORDS.contains(&word) { Before::Keyword } else { Before::Operand };
    }

    fn group(&mut self, delimiter: Delimiter, inner: &str) {
        // `(a,)` is a tuple; anywhere else a last comma is a matter of layout.
        let is_tuple = delimiter == Delimiter::Parenthesis && self.before != Before::Operand;
        let inner = if is_tuple { inner } else { inner.strip_suffix(',').unwrap_or(inner) };
        let (open, close) = match delimiter {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::Brace if inner.is_empty() => ("{", "}"),
            Delimiter::Brace => ("{ ", " }"),
            Delimiter::None => ("", ""),
        };
        let applied = self.before == Before::Operand && delimiter != Delimiter::Brace;
        if !applied {
            self.space();
        }
        // Writing to a string can't fail.
        let _ = write!(self.text, "{open}{inner}{close}");
        self.before = Before::Operand;
    }

    fn punct(&mut self, punct: char, spacing: Spacing, next: Option<&TokenTree>) {
        let next_is = |wanted| matches!(next, Some(TokenTree::Punct(next)) if next.as_char() == wanted);
        let after_operand = self.before == Before::Operand;
        let joint = spacing == Spacing::Joint;
        match punct {
            '.' | '?' => self.tight(punct, if punct == '?' { Before::Operand } else { Before::Tight }),
            ',' | ';' => self.tight(punct, Before::Operator),
            '=' if self.text.ends_with("..") => self.tight('=', Before::Tight),
            ':' if self.text.ends_with(':') => self.tight(':', Before::Tight),
            ':' if joint && next_is(':') => self.tight(':', Before::Tight),
            ':' => self.tight(':', Before::Operator),
            '<' if self.text.ends_with("::") => {
                self.generics += 1;
                self.tight('<', Before::Tight);
            }
            '>' if self.generics > 0 => {
                self.generics -= 1;
                self.tight('>', Before::Operand);
            }
            '!' if after_operand && matches!(next, Some(TokenTree::Group(_))) => {
                // A macro's name: its arguments follow without a space unless they are in braces.
                self.tight('!', Before::Operand);
            }
            '|' if !after_operand && self.before != Before::Tight && !joint => {
                self.space();
                self.closure = true;
                self.tight('|', Before::Tight);
            }
            '|' if self.closure => {
                self.closure = false;
                self.tight('|', Before::Operator);
            }
            '&' | '*' | '-' | '!' | '\'' if !after_operand && self.before != Before::Tight => {
                self.space();
                self.tight(punct, Before::Tight);
            }
            _ => {
                self.space();
                self.tight(punct, if joint { Before::Tight } else { Before::Operator });
            }
        }
    }

    fn tight(&mut self, punct: char, then: Before) {
        self.text.push(punct);
        self.before = then;
    }
}

#[cfg(test)]
mod tests {
    use quote::{format_ident, quote};

    use super::*;

    #[test]
    fn expressions_are_spaced_as_one_writes_them() {
        for source in [
            r#"click.action == "view" && !click.bot"#,
            "sum(click.amount) / count() as f64",
            "PageStat { window: w, page: click.page, views }",
            "a::b::<T>(x, y)[0]?",
            r#"format!("{}", -x)"#,
            "xs.iter().map(|x| x + 1)",
            "&x.y",
            "if a { b } else { c }",
            "0..n",
            "x.a..=x.b",
            "a <= b && c - 1 > -d",
            "(a,)",
        ] {
            let tokens: TokenStream = source.parse().unwrap();
            assert_eq!(text(&tokens), source);
        }
    }

    #[test]
    fn a_last_comma_is_a_matter_of_layout() {
        assert_eq!(text(quote!(Out { a, b: f(x, y,) })), "Out { a, b: f(x, y) }");
    }

    #[test]
    fn the_text_does_not_depend_on_the_name_of_the_alias() {
        let (click, c, clicks) = (format_ident!("click"), format_ident!("c"), format_ident!("clicks"));
        let long = text_by_inputs(quote!(f(click, click.page) + other.click), &[(&click, &clicks)]);
        let short = text_by_inputs(quote!(f(c, c.page) + other.click), &[(&c, &clicks)]);
        assert_eq!(long, "f(clicks, page) + other.click");
        assert_eq!(short, long);
    }
}
