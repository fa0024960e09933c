//! The names in a query: none given twice, and none used where it means nothing.

use syn::Ident;

use crate::message;
use crate::query::ast::Key;
use crate::query::draft::Draft;
use crate::query::expr::{bare_ident, same, use_of};
use crate::query::step::Step;
use crate::report::Report;

pub(super) fn check_names(draft: &Draft, report: &mut Report) {
    check_keys(draft, report);
    check_gone(draft, report);
}

/// Takes out the `join`s, `let`s and `explode`s whose name is taken, so that the names that are left are clear.
pub(super) fn drop_duplicates(draft: &mut Draft, report: &mut Report) {
    let mut known: Vec<&Ident> = draft.from.given().map(|from| &from.alias).into_iter().collect();
    let mut dropped_join = false;
    draft.steps.retain(|step| {
        let Some(name) = step.name() else { return true };
        let taken = known.contains(&name);
        if taken {
            report.error(name, message::duplicate_name(name));
            dropped_join |= matches!(step, Step::Join(_));
        }
        known.push(name);
        !taken
    });
    draft.broken_joins |= dropped_join;
}

/// What a join has taken away isn't there after it.
fn check_gone(draft: &Draft, report: &mut Report) {
    let behind = draft.steps.len();
    let of_steps = draft.steps.iter().enumerate();
    let of_steps = of_steps.flat_map(|(at, step)| step.exprs().into_iter().map(move |expr| (at, expr)));
    let exprs = of_steps.chain(draft.exprs_behind_steps().into_iter().map(|expr| (behind, expr)));
    for (at, expr) in exprs {
        for (name, join) in draft.gone_after(at) {
            if let Some(place) = use_of(expr, name) {
                report.error(&place, message::gone(name, join));
            }
        }
    }
}

fn check_keys(draft: &Draft, report: &mut Report) {
    let mut known = draft.names_of_rows();
    let keys = draft.group_by.given().map_or(&[][..], |clause| &clause.keys);
    for (at, key) in keys.iter().enumerate() {
        if keys[..at].iter().any(|earlier| same(&earlier.expr, &key.expr)) && key.interval.is_none() {
            report.error(&key.expr, message::duplicate_key(&key.expr));
        }
        let Some(name) = &key.name else { continue };
        // `group by upper as upper` says the same twice, which is no mistake.
        if known.contains(&name) && bare_ident(&key.expr) != Some(name) {
            report.error(name, message::duplicate_name(name));
        }
        known.push(name);
    }
    check_interval_name(keys, report);
}

/// A window or session without a name is called like its function, which no other key may be then.
fn check_interval_name(keys: &[Key], report: &mut Report) {
    let unnamed = keys.iter().filter(|key| key.name.is_none()).filter_map(|key| key.interval.as_ref());
    for interval in unnamed {
        let mut names = keys.iter().filter_map(|key| key.name.as_ref().or_else(|| bare_ident(&key.expr)));
        if names.any(|name| name == interval.function()) {
            report.error(&interval.call().func, message::interval_name_taken(interval.function()));
        }
    }
}
