//! Windows and sessions: one of them, in `group by`, and windows with widths that make sense.

use quote::ToTokens;
use syn::{Expr, Lit, UnOp};

use crate::message;
use crate::query::ast::{Key, Window};
use crate::query::draft::Draft;
use crate::query::expr::{interval_calls, mentions};
use crate::report::Report;

pub(super) fn check_windows(draft: &Draft, report: &mut Report) {
    let keys = draft.group_by.given().map_or(&[][..], |clause| &clause.keys);
    let intervals: Vec<_> = keys.iter().filter_map(|key| key.interval.as_ref()).collect();
    if let Some(second) = intervals.get(1) {
        report.error(second.call(), message::SECOND_INTERVAL);
    }
    for window in keys.iter().filter_map(Key::window) {
        check_arithmetic(window, draft, report);
    }
    let select = draft.select.given().map(|clause| &clause.row);
    let having = draft.having.given().map(|clause| &clause.condition);
    let of_process = draft.process.given().into_iter().flat_map(|clause| &clause.keys);
    let of_rows = draft.steps.iter().flat_map(|step| step.exprs()).chain(of_process);
    let in_keys = keys.iter().filter(|key| key.interval.is_none()).map(|key| &key.expr);
    for expr in of_rows.chain(in_keys).chain(select).chain(having) {
        for (function, call) in interval_calls(expr) {
            // After `group by` the call stands for the key's value.
            if !intervals.iter().any(|interval| interval.call() == call) {
                report.error(call, message::interval_outside_group_by(function));
            }
        }
    }
}

/// 0 < slide ≤ width, |start| < slide, as far as they are literals; the rest is asserted in the expansion.
fn check_arithmetic(window: &Window, draft: &Draft, report: &mut Report) {
    let constants =
        [("width", Some(&window.width)), ("slide", window.slide.as_ref()), ("start", window.start.as_ref())];
    let mut constant = true;
    for (what, expr) in constants {
        constant &= expr.is_none_or(|expr| check_constant(what, expr, draft, report));
    }
    if !constant {
        return;
    }
    let width = literal_micros(&window.width);
    if width.is_some_and(|width| width <= 0) {
        report.error(&window.width, message::WIDTH_NOT_POSITIVE);
        return;
    }
    let mut step = width;
    if let Some(slide) = &window.slide {
        step = literal_micros(slide);
        if step.is_some_and(|step| step <= 0) {
            report.error(slide, message::SLIDE_NOT_POSITIVE);
            return;
        }
        if step.zip(width).is_some_and(|(step, width)| step > width) {
            report.error(slide, message::slide_exceeds_width(slide, &window.width));
            return;
        }
    }
    if let Some(start) = &window.start {
        let offset = literal_micros(start).map(i64::unsigned_abs);
        if offset.zip(step).is_some_and(|(offset, step)| offset >= step.unsigned_abs()) {
            report.error(
                start,
                message::start_exceeds_slide(start, window.slide.as_ref().unwrap_or(&window.width)),
            );
        }
    }
}

/// Whether a span of time is the same for every row; reports it if not.
pub(super) fn check_constant(what: &str, expr: &Expr, draft: &Draft, report: &mut Report) -> bool {
    let of_row = draft.names_of_rows().into_iter().any(|name| mentions(expr.to_token_stream(), name));
    if of_row {
        report.error(expr, message::not_constant(what));
    }
    !of_row
}

/// The microseconds of `minutes(5)` and its like.
pub(crate) fn literal_micros(expr: &Expr) -> Option<i64> {
    let Expr::Call(call) = expr else { return None };
    let Expr::Path(function) = &*call.func else { return None };
    let unit: i64 = match function.path.segments.last()?.ident.to_string().as_str() {
        "microseconds" => 1,
        "milliseconds" => 1_000,
        "seconds" => 1_000_000,
        "minutes" => 60_000_000,
        "hours" => 3_600_000_000,
        "days" => 86_400_000_000,
        "weeks" => 604_800_000_000,
        _ => return None,
    };
    let argument = call.args.first().filter(|_| call.args.len() == 1)?;
    Some(literal_integer(argument)?.saturating_mul(unit))
}

/// The number of `5` and `-5`.
pub(super) fn literal_integer(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => number.base10_parse().ok(),
            _ => None,
        },
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => literal_integer(&unary.expr)?.checked_neg(),
        _ => None,
    }
}
