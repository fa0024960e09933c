//! The clauses between `from` and `group by`, in the order in which they are written.

use syn::visit_mut::{self, VisitMut};
use syn::{Expr, Ident};

use super::ast::{Dedup, Explode, Join, Kind, Let, Watermark, Where};
use super::expr::bare_ident;

/// A clause between `from` and `group by`.
#[derive(Clone, Copy)]
pub(crate) enum Step<'a> {
    Join(&'a Join),
    Where(&'a Where),
    Let(&'a Let),
    Explode(&'a Explode),
    Dedup(&'a Dedup),
}

impl<'a> Step<'a> {
    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Join(_) => Kind::Join,
            Self::Where(_) => Kind::Where,
            Self::Let(_) => Kind::Let,
            Self::Explode(_) => Kind::Explode,
            Self::Dedup(_) => Kind::Dedup,
        }
    }

    /// The expressions of the clause over rows, in the order in which they are written.
    pub(crate) fn exprs(self) -> Vec<&'a Expr> {
        match self {
            Self::Join(clause) => {
                let watermark = clause.watermark.iter().map(Watermark::column);
                let within = clause.within.iter().flat_map(|within| {
                    let ends = [within.range.start.as_deref(), within.range.end.as_deref()];
                    std::iter::once(&within.time).chain(ends.into_iter().flatten())
                });
                watermark.chain([&clause.condition]).chain(within).collect()
            }
            Self::Where(clause) => vec![&clause.condition],
            Self::Let(clause) => vec![&clause.value],
            Self::Explode(clause) => vec![&clause.items],
            Self::Dedup(clause) => clause.keys.iter().collect(),
        }
    }

    /// The name that the clause adds: that of a row, or of a value beside the rows.
    pub(crate) fn name(self) -> Option<&'a Ident> {
        match self {
            Self::Join(clause) => Some(&clause.alias),
            _ => self.variable(),
        }
    }

    /// The value beside the rows that the clause adds.
    pub(crate) fn variable(self) -> Option<&'a Ident> {
        match self {
            Self::Join(_) | Self::Where(_) | Self::Dedup(_) => None,
            Self::Let(clause) => Some(&clause.name),
            Self::Explode(clause) => Some(&clause.name),
        }
    }
}

/// The expression with the names of `let` replaced by what they stand for.
pub(crate) fn expand_lets(steps: &[Step], expr: &Expr) -> Expr {
    let mut expanded = expr.clone();
    // A later `let` may use an earlier one, not the other way round.
    for step in steps.iter().rev() {
        if let Step::Let(clause) = step {
            expanded = expand(expanded, &clause.name, &clause.value);
        }
    }
    expanded
}

/// The expression with a name replaced by what it stands for.
pub(crate) fn expand(mut expr: Expr, name: &Ident, value: &Expr) -> Expr {
    Substitute { name, value }.visit_expr_mut(&mut expr);
    expr
}

/// Puts a value in the place of its name.
struct Substitute<'a> {
    name: &'a Ident,
    value: &'a Expr,
}

impl VisitMut for Substitute<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if bare_ident(expr).is_some_and(|name| name == self.name) {
            *expr = self.value.clone();
        } else {
            visit_mut::visit_expr_mut(self, expr);
        }
    }
}
