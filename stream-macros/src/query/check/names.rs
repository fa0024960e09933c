//! The names in a query: inputs that exist and are read, and no name given twice.

use syn::Ident;

use crate::message;
use crate::query::ast::Key;
use crate::query::expr::{bare_ident, same};
use crate::query::plan::Draft;
use crate::report::Report;

pub(super) fn check_names(draft: &Draft, report: &mut Report) {
    check_inputs(draft, report);
    check_keys(draft, report);
}

fn check_inputs(draft: &Draft, report: &mut Report) {
    let inputs = &draft.query.inputs;
    for (at, input) in inputs.iter().enumerate() {
        if inputs[..at].iter().any(|earlier| earlier.name == input.name) {
            report.error(&input.name, message::duplicate_input(&input.name));
        }
    }
    let Some(from) = draft.from.given() else { return };
    if draft.input().is_none() {
        let known: Vec<_> = inputs.iter().map(|input| input.name.to_string()).collect();
        report.error(&from.input, message::unknown_input(&from.input, &known));
        return;
    }
    for input in inputs.iter().filter(|input| input.name != from.input) {
        report.error(&input.name, message::unused_input(&input.name));
    }
}

/// Takes out the `let`s and `explode`s whose name is taken, so that the names that are left are clear.
pub(super) fn drop_duplicates(draft: &mut Draft, report: &mut Report) {
    let mut known: Vec<&Ident> = draft.from.given().map(|from| &from.alias).into_iter().collect();
    draft.steps.retain(|step| {
        let Some(name) = step.name() else { return true };
        let taken = known.contains(&name);
        if taken {
            report.error(name, message::duplicate_name(name));
        }
        known.push(name);
        !taken
    });
}

fn check_keys(draft: &Draft, report: &mut Report) {
    let alias = draft.from.given().map(|from| &from.alias);
    let mut known: Vec<&Ident> = alias.into_iter().chain(draft.variables()).collect();
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
