//! The aggregates that a query may call by their bare name, and how such a call is recognised.

use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, Ident, Macro};

use super::expr::{bare_path, macro_arguments};

/// An aggregate as the query language knows it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// What a call looks like, for messages.
    pub(crate) usage: &'static str,
    /// The accumulator in `stream_runtime::expr`.
    pub(crate) accumulator: &'static str,
    /// The number of the accumulator's type parameters, which rustc infers from the arguments.
    pub(crate) inferred: usize,
    pub(crate) arguments: usize,
}

const fn function(
    name: &'static str,
    usage: &'static str,
    accumulator: &'static str,
    inferred: usize,
    arguments: usize,
) -> Function {
    Function { name, usage, accumulator, inferred, arguments }
}

/// The service's own aggregate, whose type is the call's generic argument.
pub(crate) const CUSTOM: &str = "aggregate";

/// Every aggregate. `count` stands twice: it may be called without an argument.
pub(crate) static FUNCTIONS: [Function; 25] = [
    function("count", "count()", "CountRows", 0, 0),
    function("count", "count(value)", "CountValues", 0, 1),
    function("count_if", "count_if(condition)", "CountIf", 0, 1),
    function("sum", "sum(value)", "Sum", 1, 1),
    function("avg", "avg(value)", "Avg", 1, 1),
    function("min", "min(value)", "Min", 1, 1),
    function("max", "max(value)", "Max", 1, 1),
    function("first", "first(value)", "First", 1, 1),
    function("last", "last(value)", "Last", 1, 1),
    function("stddev", "stddev(value)", "StddevSamp", 1, 1),
    function("stddev_samp", "stddev_samp(value)", "StddevSamp", 1, 1),
    function("stddev_pop", "stddev_pop(value)", "StddevPop", 1, 1),
    function("variance", "variance(value)", "VarSamp", 1, 1),
    function("var_samp", "var_samp(value)", "VarSamp", 1, 1),
    function("var_pop", "var_pop(value)", "VarPop", 1, 1),
    function("count_distinct", "count_distinct(value)", "CountDistinct", 1, 1),
    function("approx_count_distinct", "approx_count_distinct(value)", "ApproxCountDistinct", 1, 1),
    function("collect_list", "collect_list(value)", "CollectList", 1, 1),
    function("collect_set", "collect_set(value)", "CollectSet", 1, 1),
    function("mode", "mode(value)", "MostFrequent", 1, 1),
    function("min_by", "min_by(value, by)", "MinBy", 2, 2),
    function("max_by", "max_by(value, by)", "MaxBy", 2, 2),
    function("any", "any(condition)", "Any", 1, 1),
    function("every", "every(condition)", "Every", 1, 1),
    function(CUSTOM, "aggregate::<MyAggregate>(value)", "Custom", 0, 1),
];

/// The name of the aggregate that an expression calls.
pub(crate) fn called(call: &ExprCall) -> Option<&Ident> {
    bare_path(&call.func).filter(|name| FUNCTIONS.iter().any(|function| *name == function.name))
}

/// The aggregate of a name and number of arguments.
pub(crate) fn find(name: &Ident, arguments: usize) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| name == function.name && function.arguments == arguments)
}

/// What calls of an aggregate may look like.
pub(crate) fn usages(name: &Ident) -> Vec<&'static str> {
    FUNCTIONS.iter().filter(|function| name == function.name).map(|function| function.usage).collect()
}

/// The name of every aggregate called in an expression, nested ones included.
pub(crate) fn calls(expr: &Expr) -> Vec<Ident> {
    find_all(expr).names
}

/// The arguments of every aggregate called in an expression.
pub(crate) fn arguments(expr: &Expr) -> Vec<Expr> {
    find_all(expr).arguments
}

fn find_all(expr: &Expr) -> Finder {
    let mut finder = Finder::default();
    finder.visit_expr(expr);
    finder
}

#[derive(Default)]
struct Finder {
    names: Vec<Ident>,
    arguments: Vec<Expr>,
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Some(name) = called(call) {
            self.names.push(name.clone());
            self.arguments.extend(call.args.iter().cloned());
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        for argument in macro_arguments(call).into_iter().flatten() {
            let found = find_all(&argument);
            self.names.extend(found.names);
            self.arguments.extend(found.arguments);
        }
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn only_a_bare_name_calls_an_aggregate() {
        assert_eq!(calls(&parse_quote!(sum(x.a) / count() as f64)), ["sum", "count"]);
        assert_eq!(calls(&parse_quote!(format!("{}", max(x.a)))), ["max"]);
        assert_eq!(calls(&parse_quote!(aggregate::<Median>(x.a))), ["aggregate"]);
        assert!(calls(&parse_quote!(self::sum(x.a) + x.max(y) + stats::avg(z))).is_empty());
    }
}
