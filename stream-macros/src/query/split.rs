//! Splits `select` and `having` of an aggregation in two: the aggregates' arguments, which belong to a row, and
//! the rest, which is evaluated once a group is finished.
//!
//! What remains names only keys and finished aggregates; everything else of the row in it is a mistake.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprCall, FieldValue, Ident, Macro, PathArguments, Token, parse_quote};

use super::aggregate::{self, Function};
use super::ast::Key;
use super::draft::Draft;
use super::expr::{bare_ident, bound_names, macro_arguments, mentions, same};
use super::text::text;
use crate::message;
use crate::report::Report;

/// The outcome.
pub(crate) struct Split {
    /// The keys in the order of the clause, each with the variable that holds its value afterwards.
    pub(crate) keys: Vec<KeyVariable>,
    pub(crate) aggregates: Vec<Aggregate>,
    pub(crate) select: Expr,
    pub(crate) having: Option<Expr>,
}

/// A key, and the variable that holds its value in the finish function.
pub(crate) struct KeyVariable {
    pub(crate) expr: Expr,
    pub(crate) variable: Ident,
    pub(crate) is_interval: bool,
}

/// A distinct aggregate call.
pub(crate) struct Aggregate {
    pub(crate) function: &'static Function,
    /// The call as it stands in the query for the first time.
    pub(crate) call: ExprCall,
    /// The variable that holds the finished value.
    pub(crate) variable: Ident,
}

/// The variable of each key: its name, the name of the `let` that it is, or one that can't be written.
pub(crate) fn key_variables(keys: &[Key]) -> Vec<KeyVariable> {
    let mut variables: Vec<KeyVariable> = Vec::new();
    for key in keys {
        let variable = match (&key.name, &key.interval) {
            (Some(name), _) => name.clone(),
            (None, Some(interval)) => Ident::new(interval.function(), interval.call().func.span()),
            (None, None) => bare_ident(&key.expr).cloned().unwrap_or_else(|| {
                let base = format!("key_{}", last_name(&key.expr));
                let taken = variables.iter().filter(|other| other.variable == base).count();
                let name = if taken == 0 { base } else { format!("{base}_{}", variables.len()) };
                Ident::new(&name, Span::mixed_site())
            }),
        };
        variables.push(KeyVariable { expr: key.expr.clone(), variable, is_interval: key.interval.is_some() });
    }
    variables
}

fn last_name(expr: &Expr) -> String {
    match expr {
        Expr::Field(field) => field.member.to_token_stream().to_string().replace("r#", ""),
        Expr::MethodCall(call) => last_name(&call.receiver),
        Expr::Call(call) => call.args.first().map_or_else(|| "value".to_owned(), last_name),
        Expr::Reference(reference) => last_name(&reference.expr),
        Expr::Path(path) => path.path.segments.last().map_or_else(String::new, |last| last.ident.to_string()),
        _ => "value".to_owned(),
    }
}

/// Splits the query's `select` and `having`. Reports what isn't grouped, and calls that can't be.
pub(crate) fn split(draft: &Draft, report: &mut Report) -> Option<Split> {
    let select = draft.select.given()?;
    let keys = draft.group_by.given().map_or(&[][..], |clause| &clause.keys);
    let fields = match &select.row {
        Expr::Struct(row) => {
            row.fields.iter().map(|field| field.member.to_token_stream().to_string()).collect()
        }
        _ => Vec::new(),
    };
    let mut splitter = Splitter {
        names: draft.names(),
        aliases: draft.relations().into_iter().map(|relation| relation.alias).collect(),
        keys: key_variables(keys),
        aggregates: Vec::new(),
        fields: Vec::new(),
        bound: Vec::new(),
        complaints: Vec::new(),
        report,
    };
    let select = splitter.finish(&select.row);
    splitter.fields = fields;
    let having = draft.having.given().map(|having| splitter.finish(&having.condition));
    let Splitter { keys, aggregates, .. } = splitter;
    Some(Split { keys, aggregates, select, having })
}

struct Splitter<'a> {
    /// The names of rows: aliases, columns computed by `let`, items of `explode`.
    names: Vec<&'a Ident>,
    aliases: Vec<&'a Ident>,
    keys: Vec<KeyVariable>,
    aggregates: Vec<Aggregate>,
    /// The fields of the selected struct, which `having` may name.
    fields: Vec<String>,
    /// Names that the expression itself binds: closure parameters, `match` arms, `let`s of a block.
    bound: Vec<Ident>,
    /// What has been complained about, as text: the same column twice is one mistake.
    complaints: Vec<String>,
    report: &'a mut Report,
}

impl Splitter<'_> {
    fn finish(&mut self, expr: &Expr) -> Expr {
        let mut finished = expr.clone();
        self.bound = bound_names(expr);
        self.visit_expr_mut(&mut finished);
        finished
    }

    /// The variable of the key that the expression is, at the expression's place.
    fn key(&self, expr: &Expr) -> Option<Expr> {
        let name = bare_ident(expr);
        let key = self.keys.iter().find(|key| name == Some(&key.variable) || same(&key.expr, expr))?;
        Some(variable_at(&key.variable, expr.span()))
    }

    /// Takes an aggregate call out of the expression and leaves the variable of its value.
    fn take(&mut self, call: &ExprCall, name: &Ident) -> Expr {
        let nested = call.args.iter().flat_map(aggregate::calls);
        for inner in nested {
            self.report.error(&inner, message::nested_aggregate(name, &inner));
        }
        let custom = name == aggregate::CUSTOM;
        if custom && !has_type_argument(call) {
            self.report.error(name, message::aggregate_without_type());
        }
        let Some(function) = aggregate::find(name, call.args.len()) else {
            self.report.error(call, message::aggregate_arguments(name, call.args.len()));
            return Expr::Call(call.clone());
        };
        let known = self.aggregates.iter().find(|known| known.call == *call);
        let variable = if let Some(known) = known {
            known.variable.clone()
        } else {
            let name = format!("{name}_{}", self.aggregates.len());
            let variable = Ident::new(&name, Span::mixed_site());
            self.aggregates.push(Aggregate { function, call: call.clone(), variable: variable.clone() });
            variable
        };
        variable_at(&variable, name.span())
    }

    /// Whether a name means the row, a column computed by `let`, or an item of `explode`.
    fn is_of_row(&self, name: &Ident) -> bool {
        self.names.contains(&name) && !self.bound.contains(name)
    }

    fn complain(&mut self, expr: &impl ToTokens) {
        let column = text(expr);
        if !self.complaints.contains(&column) {
            self.report.error(expr, message::not_grouped(&column, &self.keys));
            self.complaints.push(column);
        }
    }

    /// The tokens of a macro call that aren't expressions: keys are replaced where they stand, the rest may
    /// not name the row.
    fn finish_tokens(&mut self, tokens: TokenStream) -> TokenStream {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut finished = TokenStream::new();
        let mut at = 0;
        while at < tokens.len() {
            if let Some((length, variable)) = self.key_tokens(&tokens[at..]) {
                variable.to_tokens(&mut finished);
                at += length;
                continue;
            }
            match &tokens[at] {
                TokenTree::Group(group) => {
                    let inner = self.finish_tokens(group.stream());
                    let mut inner = proc_macro2::Group::new(group.delimiter(), inner);
                    inner.set_span(group.span());
                    inner.to_tokens(&mut finished);
                }
                TokenTree::Ident(name) if self.is_of_row(name) && !ends_with_dot(&finished) => {
                    self.complain(name);
                    name.to_tokens(&mut finished);
                }
                other => other.to_tokens(&mut finished),
            }
            at += 1;
        }
        finished
    }

    /// The key that the tokens begin with, its length in tokens, and its variable.
    fn key_tokens(&self, tokens: &[TokenTree]) -> Option<(usize, Ident)> {
        self.keys.iter().find_map(|key| {
            let wanted: Vec<_> = key.expr.to_token_stream().into_iter().collect();
            let found = tokens.get(..wanted.len())?;
            let equal = found.iter().zip(&wanted).all(|(left, right)| left.to_string() == right.to_string());
            equal.then(|| (wanted.len(), located(&key.variable, found[0].span())))
        })
    }
}

impl VisitMut for Splitter<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if let Some(key) = self.key(expr) {
            *expr = key;
            return;
        }
        match expr {
            Expr::Call(call) => {
                if let Some(name) = aggregate::called(call).cloned() {
                    *expr = self.take(&call.clone(), &name);
                    return;
                }
            }
            Expr::Field(field) if bare_ident(&field.base).is_some_and(|name| self.is_of_row(name)) => {
                self.complain(field);
                return;
            }
            Expr::Path(path) => {
                let Some(name) = path.path.get_ident().cloned() else { return };
                if self.fields.iter().any(|field| name == field) && !self.bound.contains(&name) {
                    let row = Ident::new("row", Span::mixed_site());
                    *expr = parse_quote!(#row.#name);
                } else if self.is_of_row(&name) {
                    self.complain(&name);
                }
                return;
            }
            _ => {}
        }
        visit_mut::visit_expr_mut(self, expr);
    }

    fn visit_field_value_mut(&mut self, field: &mut FieldValue) {
        let before = field.expr.clone();
        self.visit_expr_mut(&mut field.expr);
        // `PageStat { page }` becomes `PageStat { page: key }`, and stays as it is where `page` is no key.
        if field.expr != before {
            let span = field.member.span();
            field.colon_token.get_or_insert_with(|| Token![:](span));
        }
    }

    fn visit_macro_mut(&mut self, call: &mut Macro) {
        call.tokens = match macro_arguments(call) {
            Some(mut arguments) => {
                for argument in &mut arguments {
                    self.visit_expr_mut(argument);
                }
                arguments.into_token_stream()
            }
            None => self.finish_tokens(call.tokens.clone()),
        };
        // A format string may name the row: `"{click:?}"`.
        let aliases: Vec<_> = self.aliases.iter().copied().filter(|alias| self.is_of_row(alias)).collect();
        for alias in aliases {
            for literal in
                call.tokens.clone().into_iter().filter(|token| matches!(token, TokenTree::Literal(_)))
            {
                if mentions(literal.to_token_stream(), alias) {
                    self.report.error(&literal, message::not_grouped(&alias.to_string(), &self.keys));
                }
            }
        }
    }
}

fn has_type_argument(call: &ExprCall) -> bool {
    let Expr::Path(path) = &*call.func else { return false };
    let arguments = path.path.segments.last().map(|last| &last.arguments);
    matches!(arguments, Some(PathArguments::AngleBracketed(list)) if list.args.len() == 1)
}

fn ends_with_dot(tokens: &TokenStream) -> bool {
    matches!(tokens.clone().into_iter().last(), Some(TokenTree::Punct(punct)) if punct.as_char() == '.')
}

/// A variable, underlined where the expression that it stands for is.
fn located(variable: &Ident, place: Span) -> Ident {
    let mut variable = variable.clone();
    variable.set_span(variable.span().located_at(place));
    variable
}

fn variable_at(variable: &Ident, place: Span) -> Expr {
    let variable = located(variable, place);
    parse_quote!(#variable)
}
