//! `order by` over the fields of the result, and a `limit` that is a number.

use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprPath, Ident, Macro, Member};

use crate::message;
use crate::query::draft::Draft;
use crate::query::expr::{bare_path, bound_names, macro_arguments, peeled};
use crate::report::Report;

use super::window::{check_constant, literal_integer};

pub(super) fn check_order(draft: &Draft, report: &mut Report) {
    check_keys(draft, report);
    if let Some(limit) = draft.limit.given()
        && check_constant("limit", &limit.count, draft, report)
        && literal_integer(&limit.count).is_some_and(|count| count < 0)
    {
        report.error(&limit.count, message::NEGATIVE_LIMIT);
    }
}

/// The names in a key are fields of the struct that `select` writes.
fn check_keys(draft: &Draft, report: &mut Report) {
    let (Some(order_by), Some(select)) = (draft.order_by.given(), draft.select.given()) else { return };
    let Expr::Struct(row) = peeled(&select.row) else {
        report.error(&order_by.keyword, message::ORDER_WITHOUT_FIELDS);
        return;
    };
    let fields = row.fields.iter().filter_map(|field| match &field.member {
        Member::Named(name) => Some(name.to_string()),
        Member::Unnamed(_) => None,
    });
    let fields: Vec<_> = fields.collect();
    for key in &order_by.keys {
        let mut names = Variables(Vec::new());
        names.visit_expr(&key.expr);
        let bound = bound_names(&key.expr);
        let unknown = |name: &&Ident| !bound.contains(name) && fields.iter().all(|field| *name != field);
        for name in names.0.iter().filter(unknown) {
            report.error(name, message::order_by_no_field(name, &fields));
        }
    }
}

/// Collects the names of variables: single names in lower case that aren't called.
struct Variables(Vec<Ident>);

impl<'ast> Visit<'ast> for Variables {
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if bare_path(&call.func).is_none() {
            self.visit_expr(&call.func);
        }
        call.args.iter().for_each(|argument| self.visit_expr(argument));
    }

    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        if let Some(name) = path.path.get_ident().filter(|_| path.qself.is_none())
            && name.to_string().starts_with(|first: char| first.is_lowercase())
        {
            self.0.push(name.clone());
        }
        visit::visit_expr_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        for argument in macro_arguments(call).into_iter().flatten() {
            let mut inner = Variables(Vec::new());
            inner.visit_expr(&argument);
            self.0.extend(inner.0);
        }
    }
}
