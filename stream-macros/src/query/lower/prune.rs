//! What the `where` clauses that stand first say about the rows of `from`, as data: a source that knows how large the values of many rows
//! are at most may leave those rows out.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{BinOp, Expr, Ident, Lit, UnOp};

use super::{at, local, mixed, runtime};
use crate::query::expr::{bare_ident, peeled};
use crate::query::join::conjuncts;
use crate::query::plan::Plan;
use crate::query::relation::{Origin, column_of};
use crate::query::step::Step;

/// `.prune(Some(<Click>::__columns(&["timestamp"])), vec![…])`, or nothing.
pub(super) fn lower_prune(plan: &Plan) -> TokenStream {
    let from = plan.from();
    let (Origin::Streams(_), Some(row)) = (&from.origin, from.row()) else { return TokenStream::new() };
    let runtime = runtime(mixed());
    let column = |name: &Ident| {
        let name = name.to_string();
        quote_spanned!(at(&row)=> <#row>::__columns(&[#name]))
    };
    let event_time = match from.watermark {
        None => quote_spanned!(mixed()=> ::core::option::Option::None),
        // An event time that is computed can't be told from statistics, and the watermark sees every row.
        Some(watermark) => match column_of(&watermark.column, from.alias) {
            Some(time) => {
                let time = column(time);
                quote_spanned!(mixed()=> ::core::option::Option::Some(#time))
            }
            None => return TokenStream::new(),
        },
    };
    let conditions: Vec<_> = conditions(plan)
        .into_iter()
        .map(|Condition { column: name, op, value }| {
            let (column, op) = (column(name), local(op));
            quote_spanned! {mixed()=>
                #runtime::Prune { column: #column, op: #runtime::PruneOp::#op, value: #value }
            }
        })
        .collect();
    if conditions.is_empty() {
        return TokenStream::new();
    }
    quote_spanned!(mixed()=> .prune(#event_time, ::std::vec![#(#conditions),*]))
}

/// `column op value`; a column that is `true` or `false` stands by itself.
struct Condition<'a> {
    column: &'a Ident,
    op: &'static str,
    /// An `Option<PruneValue>`.
    value: TokenStream,
}

/// The conjuncts of that form. Behind any clause but `where` and `let` a row may matter though a later `where` drops it.
fn conditions<'a>(plan: &Plan<'a>) -> Vec<Condition<'a>> {
    let (mut conditions, mut lets) = (Vec::new(), Vec::new());
    for step in &plan.steps {
        match *step {
            Step::Where(clause) => {
                let all = conjuncts(&clause.condition).into_iter();
                conditions.extend(all.filter_map(|conjunct| condition(conjunct, plan.from().alias, &lets)));
            }
            Step::Let(clause) => lets.push(&clause.name),
            Step::Join(_) | Step::Explode(_) | Step::Dedup(_) => break,
        }
        if lets.contains(&plan.from().alias) {
            break;
        }
    }
    conditions
}

fn condition<'a>(conjunct: &'a Expr, alias: &Ident, lets: &[&Ident]) -> Option<Condition<'a>> {
    let binary = match peeled(conjunct) {
        Expr::Binary(binary) => binary,
        // What is itself a condition can only be `true` or `false`.
        Expr::Unary(not) if matches!(not.op, UnOp::Not(_)) => return truth(&not.expr, alias, false),
        other => return truth(other, alias, true),
    };
    let (op, flipped) = match binary.op {
        BinOp::Eq(_) => ("Equal", "Equal"),
        BinOp::Lt(_) => ("Less", "Greater"),
        BinOp::Le(_) => ("LessOrEqual", "GreaterOrEqual"),
        BinOp::Gt(_) => ("Greater", "Less"),
        BinOp::Ge(_) => ("GreaterOrEqual", "LessOrEqual"),
        _ => return None,
    };
    let (column, op, value) = match (column_of(&binary.left, alias), column_of(&binary.right, alias)) {
        (Some(column), None) => (column, op, &*binary.right),
        (None, Some(column)) => (column, flipped, &*binary.left),
        _ => return None,
    };
    Some(Condition { column, op, value: value_of(value, lets)? })
}

/// A column that is a condition by itself.
fn truth<'a>(expr: &'a Expr, alias: &Ident, wanted: bool) -> Option<Condition<'a>> {
    let (column, runtime) = (column_of(expr, alias)?, runtime(mixed()));
    let value = quote_spanned! {mixed()=>
        ::core::option::Option::Some(#runtime::PruneValue::Bool(#wanted))
    };
    Some(Condition { column, op: "Equal", value })
}

/// A literal or the path of a constant as an `Option<PruneValue>`.
fn value_of(expr: &Expr, lets: &[&Ident]) -> Option<TokenStream> {
    let runtime = runtime(mixed());
    let (literal, is_negative) = match peeled(expr) {
        Expr::Lit(literal) => (&literal.lit, false),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => match peeled(&unary.expr) {
            Expr::Lit(literal) => (&literal.lit, true),
            _ => return None,
        },
        Expr::Path(path) => {
            let name = path.path.segments.last().filter(|segment| segment.arguments.is_none())?;
            // What isn't spelled like a constant may be a variable.
            let name = name.ident.to_string();
            let is_constant = name.contains(char::is_uppercase) && !name.contains(char::is_lowercase);
            if !is_constant || bare_ident(expr).is_some_and(|name| lets.contains(&name)) {
                return None;
            }
            return Some(quote_spanned! {mixed()=>
                {
                    #[allow(unused_imports)]
                    use #runtime::AnyConstant as _;
                    #runtime::Constant(&#path).value()
                }
            });
        }
        _ => return None,
    };
    let value = match literal {
        Lit::Int(number) if !number.suffix().starts_with('f') => {
            let number: i128 = number.base10_parse().ok()?;
            let number = Literal::i128_suffixed(if is_negative { -number } else { number });
            quote_spanned!(mixed()=> Integer(#number))
        }
        Lit::Float(number) if number.suffix() != "f32" => {
            let number: f64 = number.base10_parse().ok()?;
            let number = Literal::f64_suffixed(if is_negative { -number } else { number });
            quote_spanned!(mixed()=> Float(#number))
        }
        Lit::Str(text) if !is_negative => quote_spanned!(mixed()=> Text(#text)),
        Lit::Bool(value) if !is_negative => {
            let value = value.to_token_stream();
            quote_spanned!(mixed()=> Bool(#value))
        }
        _ => return None,
    };
    Some(quote_spanned!(mixed()=> ::core::option::Option::Some(#runtime::PruneValue::#value)))
}
