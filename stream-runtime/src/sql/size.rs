//! Statements from outside must not make plans without end.
//!
//! DataFusion puts a copy of what a name of `WITH` stands for wherever the name is used, and walks through all copies, already while it
//! plans: thirty names, each of which is used twice by the next, would be a thousand million tables. What a statement amounts
//! to is therefore counted before it is planned. Expressions double as well: DataFusion writes some of them as others that have an operand
//! several times, and puts what a subquery has selected where the query around it names that.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use datafusion::sql::parser::{CopyToSource, Statement};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, ObjectName, Query, Select, SelectItem, Visit, Visitor,
};

use crate::error::{Error, Result};

/// The most tables that a statement may name: each join's columns are those of all tables before it.
const TABLES: usize = 64;
/// The most queries and tables, with each name of `WITH` as what it stands for.
const PARTS: usize = 1000;
/// How deep a `WITH` may be within others: DataFusion looks at each twice as often as at the one around it.
const NESTED: usize = 8;
/// How many columns an expression may name once it is written out.
const COLUMNS: usize = 1 << 14;

/// Refuses a statement whose plan may be too large.
pub(super) fn check(statement: &Statement) -> Result<()> {
    let mut parts = Parts::default();
    parts.count(statement);
    let message = if parts.tables > TABLES {
        format!("the statement names {} tables, and may name {TABLES}: make it several", parts.tables)
    } else if parts.largest > PARTS {
        format!(
            "the statement has more than {PARTS} queries and tables once each name of `WITH` is what it stands for: make it several"
        )
    } else if parts.deepest > NESTED {
        format!("the statement has `WITH` within {NESTED} others: put one after the other")
    } else if parts.columns > COLUMNS {
        format!(
            "the statement has an expression of more than {COLUMNS} columns once it is written out: make it several"
        )
    } else {
        return Ok(());
    };
    Err(Error::Sql { message })
}

#[derive(Default)]
struct Parts {
    tables: usize,
    /// The queries that aren't over, the innermost last.
    queries: Vec<Counts>,
    /// The parts of the largest.
    largest: usize,
    /// The columns of the largest expression.
    columns: usize,
    /// The names of the queries in a `WITH` by where these are, and what they stand for.
    names: HashMap<*const Query, String>,
    sizes: HashMap<String, Size>,
    /// What queries select, by where it is.
    selected: HashSet<*const Expr>,
    nested: usize,
    deepest: usize,
}

/// What a query is where it is used.
#[derive(Clone, Copy, Default)]
struct Size {
    parts: usize,
    /// How many columns one that it selects is made of.
    columns: usize,
}

#[derive(Default)]
struct Counts {
    parts: usize,
    /// The columns in each expression that isn't over, in the largest expression, and in the largest that is selected.
    open: Vec<usize>,
    all: usize,
    selected: usize,
    /// How many columns each of these may stand for.
    within: usize,
}

impl Parts {
    fn count(&mut self, statement: &Statement) {
        let ControlFlow::Continue(()) = match statement {
            Statement::Statement(statement) => statement.visit(self),
            Statement::Explain(explain) => {
                self.count(&explain.statement);
                ControlFlow::Continue(())
            }
            Statement::CopyTo(copy) => match &copy.source {
                CopyToSource::Query(query) => query.visit(self),
                CopyToSource::Relation(_) => ControlFlow::Continue(()),
            },
            Statement::CreateExternalTable(_) | Statement::Reset(_) => ControlFlow::Continue(()),
        };
    }

    fn add(&mut self, size: Size) {
        if let Some(query) = self.queries.last_mut() {
            query.parts = query.parts.saturating_add(size.parts);
            query.within = query.within.max(size.columns);
        }
    }
}

impl Visitor for Parts {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        self.queries.push(Counts { parts: 1, ..Counts::default() });
        if let Some(with) = &query.with {
            self.nested += 1;
            self.deepest = self.deepest.max(self.nested);
            let named = with.cte_tables.iter().map(|named| {
                (std::ptr::from_ref::<Query>(&named.query), named.alias.name.value.to_lowercase())
            });
            self.names.extend(named);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        if query.with.is_some() {
            self.nested -= 1;
        }
        let Counts { parts, all, selected, within, .. } = self.queries.pop().unwrap_or_default();
        let within = within.max(1);
        self.largest = self.largest.max(parts);
        self.columns = self.columns.max(all.saturating_mul(within));
        let size = Size { parts, columns: selected.max(1).saturating_mul(within) };
        if let Some(name) = self.names.remove(&std::ptr::from_ref(query)) {
            // It counts where it is used. Where a name stands for several, the largest counts; within itself it is a table, or what
            // another has made of it.
            let known = self.sizes.entry(name).or_default();
            *known = Size { parts: known.parts.max(parts), columns: known.columns.max(size.columns) };
        } else {
            self.add(size);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        self.add(Size { parts: 1, columns: 1 });
        self.selected.extend(select.projection.iter().filter_map(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                Some(std::ptr::from_ref(expr))
            }
            _ => None,
        }));
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Self::Break> {
        self.tables += 1;
        let size = last(relation).and_then(|name| self.sizes.get(&name).copied()).unwrap_or_default();
        self.add(Size { parts: size.parts.saturating_add(1), ..size });
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, _expr: &Expr) -> ControlFlow<Self::Break> {
        if let Some(query) = self.queries.last_mut() {
            query.open.push(0);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        let is_selected = self.selected.remove(&std::ptr::from_ref(expr));
        if let Some(query) = self.queries.last_mut() {
            let below = query.open.pop().unwrap_or_default();
            let columns = match (expr, times(expr)) {
                (Expr::Identifier(_) | Expr::CompoundIdentifier(_), _) => 1,
                (_, 1) => below,
                (_, times) => below.max(1).saturating_mul(times),
            };
            if let Some(around) = query.open.last_mut() {
                *around = around.saturating_add(columns);
            }
            query.all = query.all.max(columns);
            if is_selected {
                query.selected = query.selected.max(columns);
            }
        }
        ControlFlow::Continue(())
    }
}

/// How often an operand may be there once DataFusion has written the expression as others.
fn times(expr: &Expr) -> usize {
    use BinaryOperator::{
        Eq, Gt, GtEq, Lt, LtEq, NotEq, PGRegexIMatch, PGRegexMatch, PGRegexNotIMatch, PGRegexNotMatch,
    };

    match expr {
        Expr::Between { .. } | Expr::BinaryOp { op: Eq | NotEq | Lt | LtEq | Gt | GtEq, .. } => 2,
        Expr::BinaryOp { op: PGRegexMatch | PGRegexIMatch | PGRegexNotMatch | PGRegexNotIMatch, .. } => 4,
        Expr::InList { list, .. } => list.len().clamp(1, 3),
        Expr::Function(function) => match last(&function.name).as_deref() {
            Some("coalesce" | "ifnull" | "nvl") => 2,
            _ => 1,
        },
        _ => 1,
    }
}

/// The last part of a name.
fn last(name: &ObjectName) -> Option<String> {
    name.0.last().and_then(|part| part.as_ident()).map(|name| name.value.to_lowercase())
}
